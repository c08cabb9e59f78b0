"""A verdict on leads: on the newest shortlist it is a review, elsewhere a decision."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from icp import decide_leads
from icp.models import Lead
from scoring import review
from scoring.models import ShortlistEntry
from scoring.shortlist import latest_shortlist


def open_places(leads: QuerySet[Lead]) -> QuerySet[ShortlistEntry]:
    """The undecided places of ``leads`` on the newest shortlist."""
    return ShortlistEntry.objects.filter(
        shortlist=latest_shortlist(), decision="OPEN", lead__in=leads.order_by().values("pk")
    )


def are_all_listed(leads: QuerySet[Lead]) -> bool:
    """Whether each of ``leads`` has an undecided place on the newest shortlist."""
    return open_places(leads).count() == leads.count()


def accept(leads: QuerySet[Lead], *, actor: str, now: datetime | None = None) -> int:
    """Accept those of ``leads`` with an open place on the newest shortlist; returns how many."""
    return review.accept(open_places(leads), actor=actor, now=now)


@transaction.atomic
def reject(leads: QuerySet[Lead], *, reason: str, actor: str, now: datetime | None = None) -> int:
    """Reject ``leads``: their places on the newest shortlist, and the others as they stand."""
    done = 0
    if latest_shortlist() is not None:
        done = review.reject(open_places(leads), reason=reason, actor=actor, now=now)
    return done + decide_leads.reject(leads, reason=reason, actor=actor, now=now)
