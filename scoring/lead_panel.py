"""The score on the page of a lead: the invoice, what would lift it, and the scores before."""

from __future__ import annotations

from typing import Any

from icp.models import Lead
from scoring.cards import CardError, parse
from scoring.catalogue import FEATURES
from scoring.models import Explanation, LeadScore, ScoreLine
from scoring.weigh import not_earned

EARLIER = 10


def score_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """Template and context for ``icp.lead_panels``; ``None`` before the lead has a score.

    Four statements. The lines are those stored with the score, never computed again.
    """
    scores = list(lead.scores.select_related("card").order_by("-run_id")[: EARLIER + 1])
    if not scores:
        return None
    newest = scores[0]
    lines = ScoreLine.objects.filter(score=newest).select_related("evidence").order_by("position")
    context = {
        "score": newest,
        "lines": list(lines),
        "missing": _missing(newest),
        "explanation": Explanation.objects.filter(entry__score=newest).order_by("-pk").first(),
        "earlier": scores[1:],
    }
    return "scoring/lead_panel.html", context


def _missing(score: LeadScore) -> list[dict[str, Any]]:
    """What could still be found and would give points, most points first."""
    try:
        card = parse(score.card.payload)
    except CardError:  # a card of an older release that knew other features
        return []
    rules = sorted(not_earned(card, score.features), key=lambda rule: -rule.points)
    return [
        {"label": rule.label, "points": rule.points, "feature": FEATURES[rule.feature].label}
        for rule in rules
    ]
