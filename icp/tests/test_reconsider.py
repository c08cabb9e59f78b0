"""A rule that widens brings back what it turned down, and nothing that a person turned down."""

from __future__ import annotations

import pytest

from icp.ask_again import FAILS_RULE, ask_again
from icp.decide import reject_leads
from icp.models import Lead
from icp.select import select_candidates
from icp.suppressions import add
from icp.tests.factories import NOW, make_company, make_rule


def select(rule, *, cap=10):
    return select_candidates(None, rule=rule, cap=cap, now=NOW)


def employees(most: int):
    return make_rule({"employee_range": {"min": 2, "max": most}})


def find_out(lead: Lead, headcount: str) -> None:
    """What an enrichment does when it has learnt the number of employees."""
    facts = {"headcount": {"value": headcount, "evidence": 1}}
    said = ask_again(lead, facts, now=NOW)
    Lead.objects.filter(pk=lead.pk).update(
        facts=facts, fit=said.fit, trace=said.trace, stage="REJECTED", rejection_code=FAILS_RULE,
        rejection_reason=said.failing,
    )  # fmt: skip


@pytest.fixture
def failed(acme) -> Lead:
    """A lead with 150 employees where at most 100 were wanted."""
    make_company()
    select(employees(100))
    lead = Lead.objects.get()
    find_out(lead, "150")
    return lead


def test_a_wider_rule_brings_the_lead_back_with_its_trace(failed):
    rule = employees(200)

    report = select(rule)

    failed.refresh_from_db()
    assert (report.returned, report.new, report.uens) == (1, 0, [failed.uen])
    assert (failed.stage, failed.rejection_code, failed.rule) == ("CANDIDATE", "", rule)
    [item] = [item for item in failed.trace if item["key"] == "employee_range"]
    assert (item["wanted"], item["outcome"]) == ("Employees: 2 to 200", "unknown")
    assert ask_again(failed, failed.facts, now=NOW).fit == "MEETS"


def test_a_rule_that_no_longer_asks_brings_the_lead_back(failed):
    assert select(make_rule({"status": ["live"]})).returned == 1


def test_the_same_rule_brings_nobody_back(failed):
    assert select(failed.rule).returned == 0
    assert Lead.objects.get().stage == "REJECTED"


def test_a_rule_that_is_still_too_narrow_renews_the_reason(failed):
    rule = employees(120)

    assert select(rule).returned == 0

    failed.refresh_from_db()
    assert (failed.stage, failed.rule) == ("REJECTED", rule)
    assert failed.rejection_reason == "Wanted: Employees: 2 to 120. Found: 150."


def test_a_lead_that_the_register_rules_out_now_stays_out(failed):
    wider = make_rule({"employee_range": {"min": 2, "max": 200}, "ssic": ["46"]})

    assert select(wider).returned == 0


def test_what_a_person_turned_down_stays_out(failed):
    Lead.objects.update(stage="CANDIDATE", rejection_code="", rejection_reason="")
    reject_leads(Lead.objects.all(), reason="a competitor")

    assert select(employees(200)).returned == 0
    assert Lead.objects.get().rejection_reason == "a competitor"


def test_a_suppressed_company_stays_out(failed):
    add("UEN", failed.uen, reason="asked", actor="tests")

    select(employees(200))

    assert Lead.objects.get().stage == "REJECTED"


def test_the_cap_holds_and_the_rest_comes_another_night(acme):
    for _ in range(3):
        make_company()
    select(employees(100))
    for lead in Lead.objects.all():
        find_out(lead, "150")
    rule = employees(200)

    assert select(rule, cap=2).returned == 2
    Lead.objects.filter(stage="CANDIDATE").update(stage="SCORED")
    assert select(rule, cap=2).returned == 1
