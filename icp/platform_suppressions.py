"""Whom no tenant may write to: a platform admin adds them, every tenant asks, none reads the list.

Of an address only its keyed hash and a hint are kept. ``icp.suppressions`` asks for it wherever it
asks for the tenant's own; what a tenant has in hand already, ``leadgen_project.heed_platform``
takes out of use.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from icp.normalise import normalise
from icp.suppressions import SuppressionError, hash_of
from tenants import audit
from tenants.context import connection, in_tenant
from tenants.models import Tenant
from tenants.platform_models import PlatformSuppression
from tenants.tasks import enqueue

Kind = PlatformSuppression.Kind
HEED = "leadgen_project.heed_platform.heed_platform"
LET_GO = "leadgen_project.heed_platform.let_go_of_platform"


@transaction.atomic
def forbid(
    pairs: Iterable[tuple[str, str]], *, reason: str, actor: str, now: datetime | None = None
) -> int:
    """Forbid ``pairs`` (kind, value) to all tenants; returns how many are new.

    In force with the commit; what tenants have in hand follows by a task of each. Raises
    ``NotAValueError`` for what is no such value and ``SuppressionError`` without a reason. Again
    changes nothing.
    """
    reason = _because(reason)
    new = sum(_forbid(kind, value, reason=reason, actor=actor, now=now or timezone.now())
              for kind, value in pairs)  # fmt: skip
    if new:
        _tell_tenants(HEED)
    return new


def _forbid(kind: str, value: str, *, reason: str, actor: str, now: datetime) -> bool:
    normalised = normalise(Kind(kind), value)
    row, is_new = PlatformSuppression.objects.get_or_create(
        value_hash=hash_of(kind, normalised), lifted_at=None,
        defaults={"kind": kind, "hint": hint_of(kind, normalised), "reason": reason,
                  "created_by": actor[:150], "created_at": now},
    )  # fmt: skip
    if is_new:
        audit.record("icp.platform_suppression.add", actor=actor, subject=audit_subject(row),
                     after={"kind": kind, "hint": row.hint}, reason=reason)  # fmt: skip
    return is_new


@transaction.atomic
def allow(
    row: PlatformSuppression, *, reason: str, actor: str, now: datetime | None = None
) -> bool:
    """End what another platform admin has asked to end, or ask for it; True once it is ended.

    Raises ``SuppressionError`` without a reason, when it is ended, or when ``actor`` has asked.
    """
    reason, now = _because(reason), now or timezone.now()
    row = PlatformSuppression.objects.select_for_update().get(pk=row.pk)
    if row.lifted_at:
        raise SuppressionError("It is lifted already.")
    if row.lift_asked_by == actor:
        raise SuppressionError("You have asked for it already; somebody else has to confirm it.")
    is_over = row.lift_asked_at is not None
    if is_over:
        row.lifted_at, row.lifted_by, row.lift_reason = now, actor, reason
    else:
        row.lift_asked_at, row.lift_asked_by, row.lift_asked_reason = now, actor, reason
    row.save()
    audit.record("icp.platform_suppression.lift" if is_over
                 else "icp.platform_suppression.ask_to_lift",
                 actor=actor, subject=audit_subject(row), reason=reason)  # fmt: skip
    if is_over:
        _tell_tenants(LET_GO, value_hash=row.value_hash)
    return is_over


def _tell_tenants(task: str, *, value_hash: str = "") -> None:
    """Queue ``task`` in every tenant that can be entered; the others ask when they are mailed."""
    for schema in Tenant.objects.filter(is_active=True).values_list("pk", flat=True):
        with in_tenant(schema):
            if value_hash:
                enqueue(task, value_hash=value_hash)
            else:
                enqueue(task)


def forbidden_among(hashes: Iterable[str]) -> dict[str, str]:
    """Of ``hashes`` those the platform forbids, with their kind: what a tenant may ask."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT value_hash, kind FROM public.platform_forbids(%s)", [list(hashes)])
        return dict(cursor.fetchall())


def hint_of(kind: str, normalised: str) -> str:
    """What the list shows: a domain as it is, of an address its first letter and its domain."""
    if kind == Kind.DOMAIN:
        return normalised
    name, _, domain = normalised.rpartition("@")
    return f"{name[:1]}…@{domain}"


def audit_subject(row: PlatformSuppression) -> str:
    return f"platform suppression {row.pk}"


def _because(reason: str) -> str:
    if not reason.strip():
        raise SuppressionError("Say why: the reason stays with it.")
    return reason.strip()[:500]
