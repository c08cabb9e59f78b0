"""Why a scored lead is, or is not, on the shortlist: its place, or what stands before it."""

from __future__ import annotations

from icp.explain import Reason
from icp.models import Lead
from scoring.models import Shortlist, ShortlistEntry
from scoring.shortlist import TIE_BREAK, latest_shortlist

ON_LISTS = (Lead.Stage.SCORED, Lead.Stage.SHORTLISTED)


def shortlist_reason(lead: Lead) -> Reason | None:
    """The lead's place on the newest shortlist, or why it has none; nothing before it is scored.

    Costs three statements at most.
    """
    if lead.stage not in ON_LISTS or lead.score is None:
        return None
    shortlist = latest_shortlist()
    if shortlist is None:
        return None
    entry = ShortlistEntry.objects.filter(shortlist=shortlist, lead=lead).first()
    points = f"{lead.score} points ({lead.bucket})"
    if entry is not None:
        return Reason(
            "shortlisted",
            f"It is number {entry.rank} on the shortlist of run {shortlist.run_id}, with {points}.",
        )
    return _left_out(lead, shortlist, points)


def _left_out(lead: Lead, shortlist: Shortlist, points: str) -> Reason:
    run = f"run {shortlist.run_id}"
    if lead.review == Lead.Review.ACCEPTED:
        return Reason("accepted", f"It was accepted, with {points}, and takes no place any more.")
    if lead.pk in shortlist.withheld:
        return Reason(
            "withheld", f"It has {points}, but an address or number kept of it is suppressed."
        )
    last = ShortlistEntry.objects.filter(shortlist=shortlist).order_by("-rank").first()
    if last is None or last.rank < shortlist.cap:
        return Reason("scored_later", f"It has {points} and was scored after the list of {run}.")
    places = f"the list of {run} has {shortlist.cap} places, the last with {last.score.total}"
    if lead.score is not None and lead.score == last.score.total:
        return Reason("below_cap", f"It has {points}; {places}, and stood first: {TIE_BREAK}")
    return Reason("below_cap", f"It has {points}; {places}.")
