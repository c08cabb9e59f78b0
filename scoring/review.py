"""A person's verdict on shortlisted leads: accept, reject with a reason, take it back.

Only the newest list is worked on; older ones are records. Every action is one transaction with one
audit event, asks whether the rows are still as they were, and a second time changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from icp.models import Lead
from scoring.models import Shortlist, ShortlistEntry
from scoring.shortlist import latest_shortlist
from tenants import audit

REJECTION_CODE = "REVIEW"
NAMED_IN_AUDIT = 1000  # ids of leads an audit event holds


class ReviewError(ValueError):
    """The verdict cannot be given; the text says why."""


def accept(entries: QuerySet[ShortlistEntry], *, actor: str, now: datetime | None = None) -> int:
    """Accept the open entries among ``entries``; returns how many.

    Their leads stay SHORTLISTED and compete no more, so that the next night's list has room.
    """
    return _decide(entries, "ACCEPTED", actor=actor, reason="", now=now)


def reject(
    entries: QuerySet[ShortlistEntry], *, reason: str, actor: str, now: datetime | None = None
) -> int:
    """Reject the open entries with ``reason``; returns how many.

    Their leads become REJECTED and are not selected again. Raises ``ReviewError`` without a
    reason.
    """
    if not reason.strip():
        raise ReviewError("Say why: the reason stays with the lead.")
    return _decide(entries, "REJECTED", actor=actor, reason=reason.strip()[:300], now=now)


def undo(entries: QuerySet[ShortlistEntry], *, actor: str, now: datetime | None = None) -> int:
    """Make decided entries open again, and their leads as they were; returns how many.

    A lead that was rejected for another reason meanwhile stays rejected, and its entry decided.
    """
    with transaction.atomic():
        shortlist = _newest()
        other = ShortlistEntry.objects.filter(lead__stage=Lead.Stage.REJECTED).exclude(
            lead__rejection_code=REJECTION_CODE
        )
        mine = entries.filter(shortlist=shortlist).exclude(decision="OPEN")
        leads = _locked(mine.exclude(pk__in=other.values("pk")))
        rows = ShortlistEntry.objects.filter(shortlist=shortlist, lead__in=leads)
        rows.update(decision="OPEN", decided_by="", decided_at=None, decision_reason="")
        Lead.objects.filter(pk__in=leads).update(review=Lead.Review.OPEN)
        Lead.objects.filter(pk__in=leads, rejection_code=REJECTION_CODE).update(
            stage=Lead.Stage.SHORTLISTED,
            stage_since=now or timezone.now(),
            rejection_code="",
            rejection_reason="",
        )
        _record("undo", leads, shortlist, actor=actor, reason="")
    return len(leads)


def _decide(
    entries: QuerySet[ShortlistEntry],
    decision: str,
    *,
    actor: str,
    reason: str,
    now: datetime | None,
) -> int:
    now = now or timezone.now()
    with transaction.atomic():
        shortlist = _newest()
        leads = _locked(entries.filter(shortlist=shortlist, decision="OPEN"))
        ShortlistEntry.objects.filter(shortlist=shortlist, lead__in=leads).update(
            decision=decision, decided_by=actor, decided_at=now, decision_reason=reason
        )
        chosen = Lead.objects.filter(pk__in=leads)
        if decision == "ACCEPTED":
            chosen.update(review=Lead.Review.ACCEPTED)
        else:
            chosen.exclude(stage=Lead.Stage.REJECTED).update(
                stage=Lead.Stage.REJECTED,
                stage_since=now,
                held_until=None,
                not_before=None,
                rejection_code=REJECTION_CODE,
                rejection_reason=reason,
            )
        _record(decision.lower(), leads, shortlist, actor=actor, reason=reason)
    return len(leads)


def _newest() -> Shortlist:
    newest = latest_shortlist()
    if newest is None:
        raise ReviewError("There is no shortlist yet.")
    return newest


def _locked(entries: QuerySet[ShortlistEntry]) -> list[int]:
    """The leads of ``entries``, whose rows stay locked until the transaction ends.

    Locked by id: two people who act at once wait for each other and never for ever.
    """
    chosen = list(entries.order_by().values_list("pk", flat=True))
    rows = ShortlistEntry.objects.filter(pk__in=chosen).order_by("pk").select_for_update()
    still = entries.filter(pk__in=[entry.pk for entry in rows])
    return list(still.order_by("rank").values_list("lead_id", flat=True))


def _record(
    verdict: str, leads: list[int], shortlist: Shortlist, *, actor: str, reason: str
) -> None:
    if not leads:
        return
    subject = f"lead {leads[0]}" if len(leads) == 1 else f"{len(leads)} leads of {shortlist}"
    audit.record(
        f"scoring.review.{verdict}",
        actor=actor,
        subject=subject,
        after={"run": shortlist.run_id, "leads": leads[:NAMED_IN_AUDIT], "count": len(leads)},
        reason=reason,
    )
