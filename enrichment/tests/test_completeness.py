"""How much a run knows of its leads, and from whom."""

from __future__ import annotations

from enrichment.evidence.completeness import as_json, below_floor, completeness, from_json
from enrichment.models import Evidence
from icp.models import Lead

RUN = 3


def make_lead(number: int, *, stage: str = "SCORED", run_id: int = RUN) -> Lead:
    return Lead.objects.create(
        source_ref=f"2015{number:05}A", name=f"COMPANY {number}", stage=stage, run_id=run_id
    )


def say(lead: Lead, field: str, source: str, value: str = "x", **also) -> None:
    Evidence.objects.create(
        lead=lead, field=field, value=value, source=source, reference="r", method="m",
        confidence=1, **also,
    )  # fmt: skip


def test_a_field_is_filled_by_the_source_that_is_shown(acme):
    one, two, _ = (make_lead(n) for n in range(3))
    say(one, "phones", "LLM")
    say(one, "phones", "PAGE")
    say(two, "phones", "PROVIDER")
    say(two, "summary", "PAGE")

    fills = {fill.name: fill for fill in completeness(RUN)}

    assert fills["phone"].by_source == {"PAGE": 1, "PROVIDER": 1}
    assert fills["about"].by_source == {"PAGE": 1}
    assert (fills["phone"].filled, fills["phone"].leads) == (2, 3)
    assert fills["website"].share == 0


def test_superseded_evidence_and_leads_of_others_do_not_count(acme):
    mine = make_lead(1)
    say(mine, "emails", "PAGE", superseded_at=mine.created_at)
    say(make_lead(2, run_id=4), "emails", "PAGE")
    say(make_lead(3, stage="CANDIDATE"), "emails", "PAGE")

    email = next(fill for fill in completeness(RUN) if fill.name == "email")

    assert (email.leads, email.filled) == (1, 0)


def test_a_run_says_which_fields_fall_below_their_floor(acme):
    say(make_lead(1), "website", "PAGE")
    make_lead(2)

    fills = from_json(as_json(completeness(RUN)))

    assert below_floor(fills, floors={"website": 50, "phone": 30}) == [
        "Only 0 of 2 leads have a telephone number (0%, expected at least 30 %)."
    ]


def test_a_run_without_leads_is_complete(acme):
    assert below_floor(completeness(RUN), floors={"website": 100}) == []
