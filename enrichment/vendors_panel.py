"""What vendors were asked about a lead, and what can be asked now: a panel of its page."""

from __future__ import annotations

from typing import Any

from enrichment.ask_now import offers
from enrichment.models import LeadStep
from icp.models import Lead

MOST_ROWS = 12
LABELS = {
    "search": "Web search (Tavily)",
    "read": "Reading (language model)",
    "people": "People (Lusha)",
    "verify": "Verification (ZeroBounce)",
}
TAGS = {"DONE": "good", "SKIPPED": "wait", "LATER": "wait", "REJECTED": "bad"}


def vendors_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """The latest rows of its steps, and offers with their price. About ten statements."""
    rows = LeadStep.objects.filter(lead=lead).order_by("-at", "-pk")[:MOST_ROWS]
    listed = [{"row": row, "label": LABELS.get(row.step, row.step), "tag": TAGS.get(row.outcome)}
              for row in rows]  # fmt: skip
    offered = offers(lead)
    if not listed and not offered:
        return None
    return "enrichment/panel_vendors.html", {"steps": listed, "offers": offered}
