from __future__ import annotations

import pytest

from icp.explain import explain
from icp.models import Lead
from scoring.shortlist import make_shortlist
from scoring.tests.factories import NOW, make_lead, make_run
from scoring.tests.test_shortlist import make_scored
from scoring.why_not import shortlist_reason


@pytest.fixture
def three(acme) -> list[Lead]:
    """Scored 80, 60 and 60; the list has two places."""
    run = make_run()
    totals = {"200000001A": 80, "200000002B": 60, "200000003C": 60}
    leads = [make_scored(run, total, uen=uen) for uen, total in totals.items()]
    make_shortlist(run, cap=2, now=NOW)
    for lead in leads:
        lead.refresh_from_db()
    return leads


def test_a_lead_on_the_list_is_told_with_its_place(three):
    reason = shortlist_reason(three[0])

    assert reason.code == "shortlisted"
    assert "number 1 on the shortlist" in reason.sentence


def test_a_lead_below_the_cap_is_told_what_the_last_place_has(three):
    late = make_scored(make_run(), 40, uen="200000009K")

    assert "has 2 places, the last with 60" in shortlist_reason(late).sentence


def test_an_equal_score_that_lost_is_told_the_tie_break(three):
    reason = shortlist_reason(three[2])

    assert reason.code == "below_cap"
    assert "by UEN from A to Z" in reason.sentence


def test_an_accepted_lead_takes_no_place_any_more(three):
    lead = make_scored(make_run(), 90, uen="200000008K", review=Lead.Review.ACCEPTED)

    assert shortlist_reason(lead).code == "accepted"


def test_a_lead_without_a_score_is_explained_by_others(acme):
    assert shortlist_reason(make_lead()) is None


def test_the_box_of_the_console_gives_the_place(three):
    reasons = explain(three[1].uen, now=NOW)

    assert "number 2 on the shortlist" in reasons[0].sentence
