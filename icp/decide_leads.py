"""Decisions about leads with their trace in the audit: what console, API and chat call alike."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from icp import suppressions
from icp.decide import reject_leads, send_back
from icp.models import Lead
from tenants import audit

NAMED_IN_AUDIT = 1000


class DecisionError(ValueError):
    """The decision cannot be carried out; the text says why."""


@transaction.atomic
def reject(leads: QuerySet[Lead], *, reason: str, actor: str, now: datetime | None = None) -> int:
    """Reject those of ``leads`` that are not rejected yet; returns how many."""
    return _decide("reject", leads.exclude(stage=Lead.Stage.REJECTED), reason, actor, now)


@transaction.atomic
def back_to_candidates(
    leads: QuerySet[Lead], *, reason: str, actor: str, now: datetime | None = None
) -> int:
    """Make ``leads`` candidates again; returns how many. Suppressed and ceased ones stay."""
    return _decide("send_back", leads, reason, actor, now)


@transaction.atomic
def suppress(leads: QuerySet[Lead], *, reason: str, actor: str, now: datetime | None = None) -> int:
    """Suppress the companies of ``leads`` by UEN; returns how many were not suppressed yet.

    Raises ``DecisionError`` when none of them has a UEN.
    """
    uens = list(leads.exclude(uen="").order_by("pk").values_list("uen", flat=True))
    if not uens:
        raise DecisionError("It has no UEN; suppress its domain or telephone number instead.")
    return sum(
        suppressions.add("UEN", uen, reason=reason, actor=actor, source="lead", now=now)[1]
        for uen in uens
    )


def _decide(
    verdict: str, leads: QuerySet[Lead], reason: str, actor: str, now: datetime | None
) -> int:
    ids = list(leads.order_by("pk").values_list("pk", flat=True))
    mine = Lead.objects.filter(pk__in=ids)
    if verdict == "reject":
        done = reject_leads(mine, reason=reason, now=now)
    else:
        done = send_back(mine, now=now)
    if done:
        subject = f"lead {ids[0]}" if len(ids) == 1 else f"{done} leads"
        after = {"leads": ids[:NAMED_IN_AUDIT], "changed": done}
        audit.record(f"icp.lead.{verdict}", actor=actor, subject=subject, after=after,
                     reason=reason)  # fmt: skip
    return done
