"""For any UEN or name: the first true reason why the company is where it is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from icp import suppressions
from icp.explain import Reason, explain
from icp.models import Lead
from icp.select import select_candidates
from icp.tests.factories import NOW, make_company, make_lead, make_rule
from tenants.context import in_tenant


def why(text, *, cap=100, later=()):
    return explain(text, now=NOW, cap=cap, later=later)


def code(text, **options) -> str:
    [reason] = why(text, **options)
    return reason.code


def test_nobody_of_that_name(acme):
    make_rule({})

    [reason] = why("202012345Z")

    assert reason.code == "not_in_register"
    assert "202012345Z" in reason.sentence


@pytest.mark.parametrize("text", ["", "  ", "!!!", "' OR 1=1 --", "%", "\uff21"])
def test_odd_questions_have_an_answer_too(acme, text):
    make_rule({})

    assert code(text) == "not_in_register"


def test_a_company_that_ceased(acme):
    company = make_company(status="Struck Off", status_class="CEASED")
    make_rule({})

    [reason] = why(company.uen)

    assert (reason.code, reason.uen) == ("ceased", company.uen)
    assert "Struck Off" in reason.sentence


def test_a_key_of_the_rule_that_fails_with_value_and_wanted(acme):
    company = make_company(registered_on=date(1998, 5, 1))
    make_rule({"incorporation_year": {"min": 2000}})

    [reason] = why(company.uen)

    assert reason.code == "rule"
    assert "in or after 2000" in reason.sentence
    assert "1998-05-01" in reason.sentence
    assert "default v1" in reason.sentence


def test_a_suppressed_company_says_since_when_by_whom_and_why(acme):
    company = make_company()
    make_rule({})
    suppressions.add("UEN", company.uen, reason="wrote a letter", actor="ann", now=NOW)

    [reason] = why(company.uen)

    assert reason.code == "suppressed"
    assert "2026-11-21 by ann: wrote a letter" in reason.sentence


def test_a_company_beyond_the_cap_tells_its_place(acme):
    make_company(registered_on=date(2024, 1, 1))
    second = make_company(registered_on=date(2023, 1, 1))
    make_rule({})

    assert code(second.uen, cap=2) == "next"
    [reason] = why(second.uen, cap=1)
    assert reason.code == "beyond_cap"
    assert "1 companies stand before it" in reason.sentence


def test_without_a_rule(acme):
    assert code(make_company().uen) == "no_rule"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "waiting"),
        ({"held_until": NOW + timedelta(minutes=1)}, "in_work"),
        ({"not_before": NOW + timedelta(days=1)}, "later"),
        ({"stage": "ENRICHED"}, "waiting"),
        ({"stage": "NEEDS_OPERATOR"}, "needs_operator"),
        ({"stage": "SCORED", "score": 61, "bucket": "MEDIUM"}, "scored"),
        ({"stage": "SHORTLISTED", "score": 80, "bucket": "HIGH"}, "shortlisted"),
        ({"stage": "REJECTED", "rejection_code": "no_site", "rejection_reason": "No site found."},
         "rejected"),
    ],
)  # fmt: skip
def test_a_lead_says_where_it_stands(acme, fields, expected):
    company = make_company()
    rule = make_rule({})
    select_candidates(None, rule=rule, cap=10, now=NOW)
    Lead.objects.update(**fields)

    assert code(company.uen) == expected


def test_a_lead_that_left_the_rule_names_the_key_that_fails_now(acme):
    company = make_company(registered_on=date(1998, 5, 1))
    select_candidates(None, rule=make_rule({}), cap=10, now=NOW)
    select_candidates(None, rule=make_rule({"incorporation_year": {"min": 2000}}), cap=10, now=NOW)

    assert code(company.uen) == "rule"


def test_later_stages_explain_what_they_know(acme):
    lead = make_lead(stage="SHORTLISTED")

    [reason] = why(lead.uen, later=[lambda _: None, lambda _: Reason("rank", "Rank 3 of 50.")])

    assert (reason.code, reason.sentence, reason.lead_id) == ("rank", "Rank 3 of 50.", lead.pk)


def test_a_lead_without_a_register_row_is_found_by_name(acme):
    lead = make_lead(uen="", name="Harvested Cafe", source="HARVEST")

    [reason] = why("harvested cafe")

    assert (reason.code, reason.lead_id) == ("waiting", lead.pk)


def test_several_companies_of_one_name_are_all_explained(acme):
    make_rule({"ssic": ["62"]})
    make_company(name="ACME PTE. LTD.", name_key="ACME")
    make_company(name="ACME LLP", name_key="ACME", primary_ssic="46411")

    assert sorted(reason.code for reason in why("Acme Pte Ltd")) == ["next", "rule"]


def test_every_company_gets_an_answer_that_matches_its_state(acme):
    """All of a made-up register against a rule, before and after a selection."""
    companies = [
        make_company(
            status_class=status, registered_on=year and date(year, 1, 1), primary_ssic=ssic
        )
        for status in ("LIVE", "AT_RISK", "PENDING", "CEASED", "UNKNOWN")
        for year in (1990, 2010, None)
        for ssic in ("62011", "46411", "")
    ]
    rule = make_rule({"ssic": ["62"], "incorporation_year": {"min": 2000}})
    before = {company.uen: code(company.uen, cap=2) for company in companies}
    taken = select_candidates(None, rule=rule, cap=2, now=NOW).uens
    after = {company.uen: code(company.uen, cap=2) for company in companies}

    assert {uen for uen, answer in before.items() if answer == "next"} == set(taken)
    assert {uen for uen, answer in after.items() if answer == "waiting"} == set(taken)
    assert {after[uen] for uen, answer in before.items() if answer == "beyond_cap"} == {
        "beyond_cap"
    }
    assert set(before.values()) == {"next", "beyond_cap", "rule", "ceased"}


def test_another_tenants_lead_is_not_explained(acme):
    lead = make_lead(name="Only Acme Knows")

    with in_tenant("beta"):
        assert code(lead.name) == "not_in_register"
        assert code(lead.uen) == "not_in_register"
