from __future__ import annotations

from datetime import UTC, datetime

from enrichment.models import EnrichmentRun
from enrichment.why_not import site_reason
from icp.models import Lead

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def make_lead(**fields: object) -> Lead:
    return Lead.objects.create(uen="200000001A", source_ref="200000001A", name="A", **fields)


def attempt(lead: Lead, outcome: str, sentence: str) -> None:
    EnrichmentRun.objects.create(lead=lead, outcome=outcome, error=sentence, finished_at=NOW)


def test_a_lead_behind_a_wall_is_told_which(acme):
    lead = make_lead(stage=Lead.Stage.NEEDS_OPERATOR)
    attempt(lead, "WALL", "a.example shows a CAPTCHA (hCaptcha).")

    assert site_reason(lead).sentence == (
        "It waits for an operator: a.example shows a CAPTCHA (hCaptcha)."
    )


def test_a_lead_that_is_tried_again_is_told_why_and_when(acme):
    lead = make_lead(not_before=datetime(2026, 11, 22, 3, tzinfo=UTC))
    attempt(lead, "FAILED", "a.example did not answer in time")

    assert site_reason(lead).sentence == (
        "a.example did not answer in time. It is tried again, not before 2026-11-22 03:00 UTC."
    )


def test_other_leads_are_explained_by_others(acme):
    lead = make_lead(stage=Lead.Stage.SCORED)
    attempt(lead, "FAILED", "x")

    assert site_reason(lead) is None
