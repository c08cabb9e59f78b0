"""What listings add to a lead's page: where it was found, who it may be, what it was merged of.

Panels for ``icp.lead_panels``.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from enrichment.harvest_models import Listing
from enrichment.twin_models import LeadMerge, LeadTwin, RegisterMatch
from icp.models import Lead

MOST = 50


def listings_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """Each page it was listed on, with licence and whom to name. One statement."""
    rows = Listing.objects.filter(lead=lead).select_related("source").defer("raw", "record")
    found = list(rows.order_by("pk")[:MOST])
    return ("enrichment/panel_listings.html", {"listings": found}) if found else None


def match_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """Companies of the register it may be, with the points, for a person to decide."""
    found = list(RegisterMatch.objects.filter(lead=lead).order_by("-score", "uen"))
    return ("enrichment/panel_match.html", {"matches": found, "uen": lead.uen}) if found else None


def twins_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """Leads it may be one with, and those it was merged with. Two statements."""
    pairs = LeadTwin.objects.filter(Q(first=lead) | Q(second=lead), state=LeadTwin.State.OPEN)
    ordered = pairs.select_related("first", "second").order_by("-score", "pk")[:MOST]
    twins = [(twin, twin.second if twin.first_id == lead.pk else twin.first) for twin in ordered]
    merges = LeadMerge.objects.filter(Q(kept=lead) | Q(gone=lead), undone_at=None)
    done = list(merges.select_related("kept", "gone").order_by("pk")[:MOST])
    if not twins and not done:
        return None
    return "enrichment/panel_twins.html", {"twins": twins, "merges": done, "lead": lead}
