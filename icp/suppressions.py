"""Whom nobody of this tenant may contact: add, lift, ask. Asked wherever data leaves or enters.

A suppression is found by a keyed hash, so that it also stands after the person was erased and only
the hash is left. The key is derived from the *last* of ``FIELD_KEYS``. To rotate, put a new key in
front; the last one must stay as long as suppressions of erased people do (see docs/decisions).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from icp.models import GivenSite, Lead, Suppression, SuppressionAgain
from icp.normalise import fold, hosts_above, normalise
from tenants import audit

Kind = Suppression.Kind
CONSOLE = "console"  # source of what an operator forbids for reasons of his own
TOLD = "told"  # of what somebody asked an operator for: by telephone, by letter, in person
PLATFORM = "platform"  # of what no tenant may write to
PLATFORM_FORBIDS = "The platform lets nobody write there."
# Called with the new suppressions after they are stored, e.g. to take contacts out of use.
WHEN_SUPPRESSED: list[Callable[[QuerySet[Suppression]], object]] = []


class SuppressionError(ValueError):
    """The suppression cannot be added or lifted; the text says why and what to do."""


def when_suppressed(callback: Callable[[QuerySet[Suppression]], object]) -> None:
    """Let an app above this one react to new suppressions, in the same transaction.

    Register in ``AppConfig.ready``. Registering twice changes nothing.
    """
    if callback not in WHEN_SUPPRESSED:
        WHEN_SUPPRESSED.append(callback)


# --- asking -------------------------------------------------------------------------------------
def is_suppressed(*, email: str = "", domain: str = "", uen: str = "", phone: str = "") -> bool:
    """Whether any of what is given is suppressed; an address also by its domain.

    ``domain`` may be a host or a URL: a suppressed domain covers all hosts below it. One query.
    """
    return find_suppression(email=email, domain=domain, uen=uen, phone=phone) is not None


def find_suppression(
    *, email: str = "", domain: str = "", uen: str = "", phone: str = ""
) -> Suppression | None:
    """The suppression that forbids what is given, or ``None``.

    What the platform forbids is no row of the tenant's: then it has no number, and no value.
    """
    hashes = [
        each
        for kind, value in (
            (Kind.EMAIL, email), (Kind.DOMAIN, domain), (Kind.UEN, uen), (Kind.PHONE, phone),
        )
        if value
        for each in hashes_of(kind, value)
    ]  # fmt: skip
    if not hashes:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, {"hashes": hashes})
        row = cursor.fetchone()
    if row is None:
        return None
    number, of_kind, since = row
    if number:
        return Suppression.objects.get(pk=number)
    return Suppression(
        kind=of_kind, reason=PLATFORM_FORBIDS, source=PLATFORM, created_by="the platform",
        created_at=since,
    )  # fmt: skip


# The tenant's own come first: of those the row can be shown.
_FIRST = """
SELECT id, kind, created_at FROM icp_suppression
WHERE value_hash = ANY(%(hashes)s) AND lifted_at IS NULL
UNION ALL
SELECT NULL, kind, since FROM public.platform_forbids(%(hashes)s)
ORDER BY 1 NULLS LAST LIMIT 1
"""
_STANDING = """
SELECT value_hash FROM icp_suppression WHERE value_hash = ANY(%(hashes)s) AND lifted_at IS NULL
UNION
SELECT value_hash FROM public.platform_forbids(%(hashes)s)
"""
_KINDS = """
SELECT kind FROM icp_suppression WHERE lifted_at IS NULL
UNION SELECT * FROM public.platform_forbids_kinds()
"""


def suppressed_among(kind: str, values: Iterable[str]) -> set[str]:
    """Those of ``values``, as they were given, that are suppressed. One query per 10,000 values."""
    return {value for _, value in suppressed_pairs((kind, value) for value in values)}


def suppressed_pairs(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of ``pairs`` (kind, value) that are suppressed. One query per 10,000 pairs."""
    asked = list(dict.fromkeys(pair for pair in pairs if pair[1]))
    found: set[tuple[str, str]] = set()
    for start in range(0, len(asked), 10_000):
        part = {pair: hashes_of(*pair) for pair in asked[start : start + 10_000]}
        standing = standing_among({each for hashes in part.values() for each in hashes})
        found |= {pair for pair, hashes in part.items() if standing.intersection(hashes)}
    return found


def standing_among(hashes: Iterable[str]) -> set[str]:
    """Those of ``hashes`` under which a suppression stands, the tenant's or the platform's."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"hashes": list(hashes)})
        return {value_hash for (value_hash,) in cursor.fetchall()}


def kinds_standing() -> set[str]:
    """Kinds of which any suppression stands, the tenant's or the platform's: what is worth asking.

    Where a domain stands, an address has to be asked about as well.
    """
    with connection.cursor() as cursor:
        cursor.execute(_KINDS)
        kinds = {kind for (kind,) in cursor.fetchall()}
    return kinds | {Kind.EMAIL.value} if Kind.DOMAIN in kinds else kinds


def hashes_of(kind: str, value: str) -> list[str]:
    """The hashes under which a suppression of ``value`` may stand: its own and its domains'."""
    return [hash_of(*each) for each in covering(kind, value)]


def covering(kind: str, value: str) -> list[tuple[str, str]]:
    """(kind, normalised value) of all suppressions that would forbid ``value``: itself first."""
    folded = fold(kind, value)
    found = [(kind, folded)]
    host = folded.rpartition("@")[2] if kind == Kind.EMAIL else folded
    if kind in {Kind.EMAIL, Kind.DOMAIN} and host:
        found += [(Kind.DOMAIN.value, above) for above in hosts_above(host)]
    return list(dict.fromkeys(found))


def hash_of(kind: str, normalised: str) -> str:
    """Keyed, so that a list of addresses cannot be tried against it without the key."""
    return hmac.digest(
        _key(settings.FIELD_KEYS[-1]), f"{kind}:{normalised}".encode(), "sha256"
    ).hex()


@lru_cache
def _key(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"leadgen suppression hash v1", hashlib.sha256).digest()


# --- changing -----------------------------------------------------------------------------------
@transaction.atomic
def add(
    kind: str, value: str, *, reason: str, actor: str, source: str = CONSOLE,
    now: datetime | None = None,
) -> tuple[Suppression, bool]:  # fmt: skip
    """Suppress ``value``; returns the suppression and whether it is new.

    Leads it forbids are rejected at once. Raises ``NotAValueError`` for what is no such value and
    ``SuppressionError`` without a reason. A second time nothing changes but that the other door, if
    it is another, is noted.
    """
    normalised = normalise(kind, value)
    return _stand(kind, normalised, hash_of(kind, normalised), reason=reason, actor=actor,
                  source=source, now=now)  # fmt: skip


@transaction.atomic
def add_hash(
    kind: str, value_hash: str, *, reason: str, actor: str, source: str,
    now: datetime | None = None,
) -> tuple[Suppression, bool]:  # fmt: skip
    """As ``add``, for a value of which only the hash is left: the person behind it was erased."""
    return _stand(kind, "", value_hash, reason=reason, actor=actor, source=source, now=now)


def _stand(
    kind: str, value: str, value_hash: str, *, reason: str, actor: str, source: str,
    now: datetime | None,
) -> tuple[Suppression, bool]:  # fmt: skip
    reason = reason.strip()
    if not reason:
        raise SuppressionError("Say why: the reason stays with the suppression.")
    suppression, is_new = Suppression.objects.get_or_create(
        kind=kind, value_hash=value_hash, lifted_at=None,
        defaults={"value": value, "reason": reason[:500], "source": source,
                  "created_by": actor, "created_at": now or timezone.now()},
    )  # fmt: skip
    if is_new:
        audit.record("icp.suppression.add", actor=actor, subject=f"suppression {suppression.pk}",
                     after={"kind": kind, "source": source}, reason=reason)  # fmt: skip
        take_effect(Suppression.objects.filter(pk=suppression.pk), now=now)
    elif source != suppression.source:
        SuppressionAgain.objects.get_or_create(
            suppression=suppression, source=source,
            defaults={"reason": reason[:500], "created_by": actor,
                      "created_at": now or timezone.now()},
        )  # fmt: skip
    return suppression, is_new


@transaction.atomic
def lift(suppression: Suppression, *, reason: str, actor: str, now: datetime | None = None) -> bool:
    """End a suppression that somebody else has asked to end, or ask for it; True once it is lifted.

    The row stays and says who asked, who ended it, and why. Whether ``actor`` may do so
    (``icp.lift_suppression``) is asked at the door. Raises ``SuppressionError`` without a reason,
    when it is lifted already, or when the same person has asked before.
    """
    if suppression.source == PLATFORM:
        raise SuppressionError("Only a platform admin can end it: it stands for all tenants.")
    done = lift_all([suppression.pk], reason=reason, actor=actor, now=now)
    suppression.refresh_from_db()
    if not any(done):
        raise SuppressionError(
            "It is lifted already."
            if suppression.lifted_at
            else "You have asked for it already; somebody else has to confirm it."
        )
    return bool(done.lifted)


class Lifted(NamedTuple):
    """How many were lifted, and for how many that was asked: they wait for a second person."""

    lifted: int
    asked: int


@transaction.atomic
def lift_all(ids: Iterable[int], *, reason: str, actor: str, now: datetime | None = None) -> Lifted:
    """``lift`` for those of ``ids`` that stand, with one audit event each batch."""
    reason, now = _because(reason), now or timezone.now()
    standing = Suppression.objects.filter(pk__in=list(ids), lifted_at=None)
    standing = standing.exclude(source=PLATFORM)  # only the platform can
    ready = standing.exclude(lift_asked_at=None).exclude(lift_asked_by=actor)
    lifted = _end(ready.values_list("pk", flat=True), reason=reason, actor=actor, now=now)
    fresh = list(standing.filter(lift_asked_at=None).values_list("pk", flat=True))
    asked = Suppression.objects.filter(pk__in=fresh).update(
        lift_asked_at=now, lift_asked_by=actor, lift_asked_reason=reason
    )
    if asked:
        audit.record("icp.suppression.ask_to_lift", actor=actor, subject=_named(fresh),
                     after={"asked": asked}, reason=reason)  # fmt: skip
    return Lifted(lifted, asked)


def _end(ids: Iterable[int], *, reason: str, actor: str, now: datetime) -> int:
    ids = list(ids)
    lifted = Suppression.objects.filter(pk__in=ids, lifted_at=None).update(
        lifted_at=now, lifted_by=actor, lift_reason=reason
    )
    if lifted:
        audit.record("icp.suppression.lift", actor=actor, subject=_named(ids),
                     after={"lifted": lifted}, reason=reason)  # fmt: skip
    return lifted


def _named(ids: list[int]) -> str:
    return f"suppression {ids[0]}" if len(ids) == 1 else f"{len(ids)} suppressions"


def _because(reason: str) -> str:
    if not reason.strip():
        raise SuppressionError("Say why: lifting a suppression takes a reason.")
    return reason.strip()[:500]


@transaction.atomic
def take_back(
    source: str, *, reason: str, actor: str, now: datetime | None = None, value_hash: str = ""
) -> int:
    """Undo what came by ``source``; returns how many values nobody else has asked for.

    These are lifted. Where another door asked for the same value, it stands on by that one.
    ``value_hash``: of this value alone.
    """
    again = SuppressionAgain.objects.filter(source=source)
    mine = Suppression.objects.filter(source=source, lifted_at=None)
    if value_hash:
        again = again.filter(suppression__value_hash=value_hash)
        mine = mine.filter(value_hash=value_hash)
    again.delete()
    others = SuppressionAgain.objects.filter(suppression__in=mine).order_by("suppression", "pk")
    heirs = list(others.distinct("suppression").select_related("suppression"))
    for heir in heirs:
        row = heir.suppression
        row.source, row.reason = heir.source, heir.reason
        row.created_by, row.created_at = heir.created_by, heir.created_at
    names = ["source", "reason", "created_by", "created_at"]
    Suppression.objects.bulk_update([heir.suppression for heir in heirs], names, batch_size=500)
    SuppressionAgain.objects.filter(pk__in=[heir.pk for heir in heirs]).delete()
    ids = mine.values_list("pk", flat=True)
    return _end(ids, reason=_because(reason), actor=actor, now=now or timezone.now())


def take_effect(suppressions: QuerySet[Suppression], *, now: datetime | None = None) -> int:
    """Make new suppressions felt: reject leads, tell the apps above. Returns leads rejected.

    An e-mail address rejects no lead, so an opt-out costs the same however many leads there are.
    """
    touches_leads = suppressions.exclude(kind=Kind.EMAIL).exists()
    rejected = leads_now_suppressed(now=now) if touches_leads else 0
    for callback in WHEN_SUPPRESSED:
        callback(suppressions)
    return rejected


@transaction.atomic
def leads_now_suppressed(*, now: datetime | None = None) -> int:
    """Reject every lead whose UEN, web site or company telephone is suppressed; returns how many.

    A suppressed e-mail address forbids that address, not the company: contacts are the business
    of ``when_suppressed``. Reads only leads still in play; a worker that holds one loses it.
    """
    now = now or timezone.now()
    rejected = _reject_by_uen(now)
    standing = kinds_standing()
    if standing & {Kind.DOMAIN, Kind.PHONE}:
        rejected += _reject_by_facts(now)
    if Kind.DOMAIN in standing:
        _forget_given_sites()
    return rejected


def _forget_given_sites() -> None:
    """Sites that wait for their companies are no way around a suppression."""
    sites = set(GivenSite.objects.values_list("site", flat=True))
    if forbidden := suppressed_among(Kind.DOMAIN, sites):
        GivenSite.objects.filter(site__in=forbidden).delete()


_TAKE_OUT = """
UPDATE icp_lead l SET stage = 'REJECTED', stage_since = %(now)s, held_until = NULL,
       held_by = '', not_before = NULL, attempts = 0, lease = l.lease + 1,
       rejection_code = 'suppressed', rejection_reason = {reason}
"""


# What a rule turned down, a wider rule would bring back.
_IN_PLAY = "(l.stage <> 'REJECTED' OR l.rejection_code = ANY(%(by_rule)s))"


def _reject_by_uen(now: datetime) -> int:
    reason = "left('Suppressed UEN: ' || s.reason, 300)"
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_OUT.format(reason=reason)
            + " FROM icp_suppression s WHERE s.kind = 'UEN' AND s.lifted_at IS NULL"
            f" AND s.value = l.uen AND {_IN_PLAY}",
            {"now": now, "by_rule": list(Lead.BY_RULE)},
        )
        return cursor.rowcount


def _reject_by_facts(now: datetime) -> int:
    """Sites and telephones are compared by hash, so this walks the leads that have any."""
    playing = Lead.objects.filter(
        ~Q(stage=Lead.Stage.REJECTED) | Q(rejection_code__in=Lead.BY_RULE)
    )
    known = playing.exclude(website="", facts={}).values_list("pk", "website", "facts")
    sites: dict[int, list[str]] = {}
    phones: dict[int, list[str]] = {}
    for pk, website, facts in known.iterator(chunk_size=5000):
        sites[pk] = [each for each in (website, shown(facts, "website")) if each]
        phones[pk] = [each for each in (shown(facts, "phone"),) if each]
    rejected = 0
    for kind, by_lead in ((Kind.DOMAIN, sites), (Kind.PHONE, phones)):
        values = (value for found in by_lead.values() for value in found)
        suppressed = suppressed_among(kind, values)
        hit = [pk for pk, found in by_lead.items() if suppressed.intersection(found)]
        rejected += _reject(hit, f"Suppressed {Kind(kind).label.lower()}.", now)
    return rejected


def _reject(ids: list[int], reason: str, now: datetime) -> int:
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_OUT.format(reason="%(reason)s") + f" WHERE l.id = ANY(%(ids)s) AND {_IN_PLAY}",
            {"now": now, "reason": reason, "ids": ids, "by_rule": list(Lead.BY_RULE)},
        )
        return cursor.rowcount


def shown(facts: Mapping[str, object], field: str) -> str:
    """The value shown for ``field``; see ``Lead.facts``."""
    entry = facts.get(field)
    value = entry.get("value") if isinstance(entry, Mapping) else entry
    return value if isinstance(value, str) else ""
