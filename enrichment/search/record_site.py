"""Write down what a search for a lead's site came to, once the lead is past enrichment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from enrichment.models import EnrichmentRun, LeadStep
from enrichment.record import Found, judge_by_rule, store
from enrichment.site import look
from enrichment.steps import StepResult
from icp.models import Lead

Outcome = LeadStep.Outcome


def record_site(
    found: Found, *, run_id: int | None, now: datetime, result: StepResult
) -> StepResult:
    """Store the site, its pages, evidence and contacts; the result that counts.

    Inside the transaction that has the lead's row locked. The night's own attempt stays one row
    and now tells of all places tried. A lead that fails its rule by what was read is rejected,
    unless it stands further on already. Without a site only the places tried are written.
    """
    earlier = _attempt_of(found.lead, run_id=run_id)
    if earlier:
        finding = found.finding
        finding.tried = [*earlier.tried, *finding.tried]
        finding.requests += earlier.request_count
        finding.seconds = round(finding.seconds + earlier.seconds, 3)
    if found.finding.outcome != look.DONE and earlier:
        _note_places(earlier, found)
        return result
    for one, facts in store([found], run_id=run_id, now=now):
        lead = one.lead
        stage, also = judge_by_rule(lead, facts, now=now)
        if stage == Lead.Stage.REJECTED and lead.stage == Lead.Stage.ENRICHED:
            lead.move_to(stage, now=now, facts=facts, **also)
            return _rejected(lead, result)
        known = {"facts": facts, "fit": also["fit"], "trace": also["trace"]}
        Lead.objects.filter(pk=lead.pk).update(**known)
        return result
    return _rejected(found.lead, result)  # its site is suppressed


def _attempt_of(lead: Lead, *, run_id: int | None) -> EnrichmentRun | None:
    if run_id is None:
        return None
    return EnrichmentRun.objects.filter(lead=lead, run_id=run_id).defer("corpus").first()


def _note_places(attempt: EnrichmentRun, found: Found) -> None:
    attempt.tried = found.finding.tried
    attempt.request_count = found.finding.requests
    attempt.seconds = found.finding.seconds
    attempt.save(update_fields=["tried", "request_count", "seconds"])


def _rejected(lead: Lead, result: StepResult) -> StepResult:
    return replace(
        result, outcome=Outcome.REJECTED, code=lead.rejection_code, sentence=lead.rejection_reason
    )
