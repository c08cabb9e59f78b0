"""Selection brings leads in line with rule and register, and says why for each."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from icp import suppressions
from icp.models import Lead, Selection
from icp.select import select_candidates
from icp.tests.factories import NOW, PLAN_PAYLOAD, as_platform, make_company, make_lead, make_rule
from tenants.context import in_tenant
from tenants.models import PipelineRun


def select(rule, *, cap=100, run=None, now=NOW):
    return select_candidates(run, rule=rule, cap=cap, now=now, actor="tests")


def test_the_payload_of_the_plan_selects_from_a_fresh_register(acme):
    wanted = make_company(primary_ssic="62011", registered_on=date(2010, 1, 1))
    make_company(primary_ssic="46411")
    make_company(registered_on=date(1999, 12, 31))
    make_company(status="Struck Off", status_class="CEASED")

    report = select(make_rule(PLAN_PAYLOAD))

    lead = Lead.objects.get()
    assert (lead.uen, lead.name, lead.source, lead.fit) == (
        wanted.uen, wanted.name, "REGISTER", "UNKNOWN",
    )  # fmt: skip
    assert (report.new, report.meets, report.unknown) == (1, 0, 1)


def test_the_trace_names_key_value_and_outcome(acme):
    make_company(registered_on=date(2010, 1, 1))

    select(make_rule(PLAN_PAYLOAD))

    trace = {item["key"]: item for item in Lead.objects.get().trace}
    assert trace["industries"]["value"] == "62011"
    assert trace["industries"]["outcome"] == "meets"
    assert trace["incorporation_year"]["value"] == "2010-01-01"
    assert trace["employee_range"]["outcome"] == "unknown"
    assert "2 to 100" in trace["employee_range"]["wanted"]


def test_a_second_pass_changes_nothing(acme):
    make_company()
    rule = make_rule({"ssic": ["62"]})
    select(rule)
    before = list(Lead.objects.values())

    report = select(rule)

    assert (report.new, report.returned, report.left) == (0, 0, 0)
    assert list(Lead.objects.values()) == before


def test_a_run_selects_once_however_often_it_is_asked(acme):
    rule = make_rule({"ssic": ["62"]})
    run = PipelineRun.objects.create(tenant=acme)
    make_company()
    first = select(rule, run=run)
    make_company()

    again = select(rule, run=run)

    assert again == first
    assert Lead.objects.count() == 1


def test_the_cap_counts_candidates_that_wait_already(acme):
    for _ in range(5):
        make_company()
    rule = make_rule({"ssic": ["62"]})
    select(rule, cap=2)

    report = select(rule, cap=3)

    assert (report.waiting_before, report.new) == (2, 1)


def test_sure_companies_come_first_then_the_newest_then_by_uen(acme):
    old = make_company(uen="201000001A", registered_on=date(2010, 1, 1))
    new_b = make_company(uen="202000002B", registered_on=date(2020, 1, 1))
    new_a = make_company(uen="202000001A", registered_on=date(2020, 1, 1))
    unsure = make_company(uen="202100001A", registered_on=None)

    report = select(make_rule({"incorporation_year": {"min": 2000}}))

    assert report.uens == [new_a.uen, new_b.uen, old.uen, unsure.uen]
    assert list(Lead.objects.order_by("pk").values_list("uen", flat=True)) == report.uens


@pytest.mark.parametrize(
    ("order", "first"), [("newest", "NEW"), ("oldest", "OLD"), ("recent_returns", "FILED")]
)
def test_the_order_of_the_rule_decides_who_comes_in(acme, order, first):
    make_company(uen="NEW", registered_on=date(2024, 1, 1), annual_return_on=date(2025, 1, 1))
    make_company(uen="OLD", registered_on=date(2001, 1, 1), annual_return_on=date(2025, 1, 1))
    make_company(uen="FILED", registered_on=date(2010, 1, 1), annual_return_on=date(2026, 1, 1))

    report = select(make_rule({"order": order}), cap=1)

    assert report.uens == [first]


def test_the_limit_of_the_rule_counts_below_the_cap(acme):
    for _ in range(3):
        make_company()

    assert select(make_rule({"limit": 2})).new == 2


def test_a_suppressed_company_never_becomes_a_lead(acme):
    company = make_company()
    suppressions.add("UEN", company.uen, reason="asked by telephone", actor="tests")

    assert select(make_rule({})).new == 0


def test_a_company_somebody_brought_is_not_taken_twice(acme):
    company = make_company()
    make_lead(source="IMPORT", source_ref="row 1", uen=company.uen)

    assert select(make_rule({})).new == 0


def test_candidates_leave_with_the_reason_when_the_rule_changes_and_come_back(acme):
    company = make_company(registered_on=date(2010, 1, 1))
    select(make_rule({"incorporation_year": {"min": 2005}}))

    gone = select(make_rule({"incorporation_year": {"min": 2015}}))

    lead = Lead.objects.get()
    assert gone.left == 1
    assert (lead.stage, lead.rejection_code) == ("REJECTED", "left_rule")
    assert "2010-01-01" in lead.rejection_reason
    assert "in or after 2015" in lead.rejection_reason

    back = select(make_rule({"incorporation_year": {"min": 2006}}))

    lead.refresh_from_db()
    assert (back.returned, back.uens) == (1, [company.uen])
    assert (lead.stage, lead.rejection_code, lead.rule.version) == ("CANDIDATE", "", 3)


@pytest.mark.parametrize("kind", ["UEN", "DOMAIN"])
def test_a_lead_that_left_and_was_suppressed_does_not_come_back(acme, kind):
    company = make_company(registered_on=date(2010, 1, 1))
    select(make_rule({"incorporation_year": {"min": 2005}}))
    Lead.objects.update(website="www.acme.sg")
    select(make_rule({"incorporation_year": {"min": 2015}}))
    value = {"UEN": company.uen, "DOMAIN": "acme.sg"}[kind]
    suppressions.add(kind, value, reason="asked", actor="tests")

    assert select(make_rule({"incorporation_year": {"min": 2005}})).returned == 0

    lead = Lead.objects.get()
    assert (lead.stage, lead.rejection_code) == ("REJECTED", "suppressed")


def test_a_lead_that_was_worked_on_stays_when_the_rule_changes(acme):
    company = make_company(registered_on=date(2010, 1, 1))
    select(make_rule({}))
    Lead.objects.update(facts={"website": {"value": "https://x.example"}})

    assert select(make_rule({"incorporation_year": {"min": 2015}})).left == 0
    assert Lead.objects.get(uen=company.uen).stage == "CANDIDATE"


def test_a_lead_a_worker_holds_stays_when_the_rule_changes(acme):
    make_company()
    select(make_rule({}))
    Lead.objects.update(held_until=NOW + timedelta(minutes=5))

    assert select(make_rule({"ssic": ["46"]})).left == 0


@pytest.mark.parametrize("stage", ["CANDIDATE", "ENRICHED", "SCORED", "SHORTLISTED"])
def test_a_lead_whose_company_ceased_is_rejected_wherever_it_stands(acme, stage):
    company = make_company()
    select(make_rule({}))
    Lead.objects.update(stage=stage)
    company.status, company.status_class = "Struck Off", "CEASED"
    as_platform(company.save)

    report = select(make_rule({}))

    lead = Lead.objects.get()
    assert report.ceased == 1
    assert (lead.rejection_code, lead.rejection_reason) == (
        "ceased", "The register says: Struck Off",
    )  # fmt: skip


def test_the_worker_of_a_lead_that_ceased_can_no_longer_move_it(acme):
    company = make_company()
    select(make_rule({}))
    [held] = Lead.objects.claim(1, lease=timedelta(minutes=5), now=NOW)
    company.status_class = "CEASED"
    as_platform(company.save)
    select(make_rule({}))

    assert held.move_to(Lead.Stage.ENRICHED) is False
    assert Lead.objects.get().stage == "REJECTED"


def test_each_pass_is_on_record_with_counts_and_companies(acme):
    company = make_company()

    report = select(make_rule({}))

    kept = Selection.objects.get(pk=report.selection_id)
    assert kept.uens == [company.uen]
    assert kept.counts["new"] == 1


def test_another_tenant_sees_nothing_of_a_selection(acme):
    make_company()
    select(make_rule({}))

    with in_tenant("beta"):
        assert not Lead.objects.exists()
        assert not Selection.objects.exists()
