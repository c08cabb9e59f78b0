"""What the register could not answer is asked again once it is known."""

from __future__ import annotations

import pytest

from icp.ask_again import ask_again
from icp.models import Lead
from icp.select import select_candidates
from icp.tests.factories import NOW, PLAN_PAYLOAD, make_company, make_lead, make_rule


@pytest.fixture
def lead(acme):
    make_company()
    select_candidates(None, rule=make_rule(PLAN_PAYLOAD), cap=1, now=NOW)
    return Lead.objects.get()


def verdict(lead: Lead, **facts: object):
    return ask_again(lead, {name: {"value": value} for name, value in facts.items()}, now=NOW)


@pytest.mark.parametrize("found", ["2", "60", "100", "51-200", "about 80 people"])
def test_a_known_fact_within_the_range_makes_the_lead_meet_the_rule(lead, found):
    said = verdict(lead, headcount=found)

    assert (said.fit, said.failing) == ("MEETS", "")
    assert {item["key"]: item["outcome"] for item in said.trace}["employee_range"] == "meets"


@pytest.mark.parametrize("found", ["1", "101", "1,200", "201-500"])
def test_a_known_fact_outside_the_range_names_what_was_wanted_and_found(lead, found):
    said = verdict(lead, headcount=found)

    assert said.failing == f"Wanted: Employees: 2 to 100. Found: {found}."


@pytest.mark.parametrize("facts", [{}, {"headcount": None}, {"headcount": "many"}, {"city": "x"}])
def test_what_is_still_not_known_rejects_nobody(lead, facts):
    said = verdict(lead, **facts)

    assert (said.fit, said.failing, said.trace) == ("UNKNOWN", "", lead.trace)


def test_words_can_be_found_but_their_absence_proves_nothing(acme):
    make_company()
    select_candidates(None, rule=make_rule({"technologies": ["odoo"]}), cap=1, now=NOW)
    lead = Lead.objects.get()

    assert verdict(lead, technologies=["WordPress", "Odoo 17"]).fit == "MEETS"
    assert verdict(lead, technologies=["WordPress"]).fit == "UNKNOWN"


def test_a_lead_without_a_rule_stays_as_it_is(acme, django_assert_num_queries):
    lead = make_lead()

    with django_assert_num_queries(0):
        assert verdict(lead, headcount="5").failing == ""
