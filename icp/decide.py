"""What an operator decides about leads: out with a reason, or back to the beginning.

Set-based, so that it takes one lead or everything that matches a list. A worker that holds one of
the leads loses it.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, QuerySet
from django.utils import timezone

from icp.models import Lead
from icp.suppressions import leads_now_suppressed

OPERATOR = "operator"
MERGED = "merged"  # into another lead; undoing that brings it back
FINAL = ("suppressed", "ceased", MERGED)  # no decision of ours brings these back


def reject_leads(leads: QuerySet[Lead], *, reason: str, now: datetime | None = None) -> int:
    """Reject those of ``leads`` that are not rejected yet; returns how many."""
    return leads.exclude(stage=Lead.Stage.REJECTED).update(
        stage=Lead.Stage.REJECTED, stage_since=now or timezone.now(), held_until=None, held_by="",
        not_before=None, attempts=0, lease=F("lease") + 1, rejection_code=OPERATOR,
        rejection_reason=reason[:300], review=Lead.Review.OPEN,
    )  # fmt: skip


def send_back(leads: QuerySet[Lead], *, now: datetime | None = None) -> int:
    """Make ``leads`` candidates again, for the next night; returns how many.

    Leads of ceased companies, suppressed and merged ones stay where they are.
    """
    moved = leads.exclude(rejection_code__in=FINAL).exclude(stage=Lead.Stage.CANDIDATE).update(
        stage=Lead.Stage.CANDIDATE, stage_since=now or timezone.now(), held_until=None, held_by="",
        not_before=None, attempts=0, lease=F("lease") + 1, rejection_code="", rejection_reason="",
        review=Lead.Review.OPEN,
    )  # fmt: skip
    leads_now_suppressed(now=now)
    return moved
