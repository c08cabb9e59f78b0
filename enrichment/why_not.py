"""Why a lead's site was not read, where that keeps it from going on."""

from __future__ import annotations

from enrichment.models import EnrichmentRun
from icp.explain import Reason
from icp.models import Lead


def site_reason(lead: Lead) -> Reason | None:
    """For a lead that waits for an operator or a later try: what its last attempt met.

    Nothing for leads in any other state. Costs one statement.
    """
    waits = lead.stage == Lead.Stage.NEEDS_OPERATOR
    if not waits and not (lead.stage == Lead.Stage.CANDIDATE and lead.not_before):
        return None
    done = lead.enrichment_runs.exclude(outcome=EnrichmentRun.Outcome.RUNNING)
    last = done.order_by("-pk").first()
    if last is None or not last.error:
        return None
    sentence = last.error.rstrip(".")
    if waits:
        return Reason("needs_operator", f"It waits for an operator: {sentence}.")
    return Reason(
        "later", f"{sentence}. It is tried again, not before {lead.not_before:%Y-%m-%d %H:%M} UTC."
    )
