"""Steps that complete a lead: each lead once per run, counted from rows."""

from __future__ import annotations

import pytest

from enrichment import steps
from enrichment.models import LeadStep
from enrichment.steps import StepResult, work_step
from icp.models import Lead
from tenants.models import PipelineRun
from tenants.permits import BudgetExhaustedError, VendorOffError

DONE = StepResult(LeadStep.Outcome.DONE, calls=1)


@pytest.fixture
def run(acme) -> PipelineRun:
    run = PipelineRun.objects.create(tenant=acme)
    for number in range(3):
        Lead.objects.create(
            source_ref=f"2015{number:05}A",
            name=f"COMPANY {number}",
            stage="ENRICHED",
            run_id=run.pk,
        )
    return run


def work(run: PipelineRun, results: dict[str, StepResult], *, count: int = 10):
    def ask(leads):
        for lead in leads:
            if lead.name in results:
                yield lead, results[lead.name]

    return work_step(run, step="search", work=ask, count=count)


def test_each_lead_is_worked_on_once_per_run(run):
    first = work(run, {f"COMPANY {n}": DONE for n in range(3)})
    second = work(run, {f"COMPANY {n}": DONE for n in range(3)})

    assert (first.taken, first.done, second.taken) == (3, 3, 0)
    assert LeadStep.objects.count() == 3
    assert not Lead.objects.exclude(held_until=None).exists()


def test_a_lead_without_a_result_is_freed_and_comes_again(run):
    first = work(run, {"COMPANY 0": DONE})
    second = work(run, {"COMPANY 1": DONE, "COMPANY 2": DONE})

    assert first.adds_up()
    assert first.held == {"another look": 2}
    assert second.done == 2


def test_an_error_frees_the_leads(run):
    def break_off(leads):
        yield leads[0], DONE
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        work_step(run, step="search", work=break_off, count=3)

    assert LeadStep.objects.count() == 1
    assert not Lead.objects.exclude(held_until=None).exists()


def test_who_slept_past_the_lease_writes_nothing(run):
    def lose(leads):
        Lead.objects.update(lease=99)
        yield leads[0], StepResult(LeadStep.Outcome.DONE, write=lambda: written.append(1))

    written: list[int] = []
    work_step(run, step="search", work=lose, count=1)

    assert written == []
    assert not LeadStep.objects.exists()


def test_the_tally_adds_up_and_says_why_leads_were_passed_by(run):
    work(run, {"COMPANY 0": DONE,
               "COMPANY 1": StepResult.refused(BudgetExhaustedError("used up"))})  # fmt: skip

    tally = steps.tally_step(run, step="search")

    assert tally.adds_up()
    assert (tally.taken_in, tally.done, tally.held, tally.waiting) == (3, 1, {"budget": 1}, 1)


def test_all_waiting_leads_are_passed_by_at_once_when_there_is_no_key(run):
    skipped = steps.skip_all(run, step="search", error=VendorOffError("no key", code="no_key"))

    assert skipped == 3
    assert steps.tally_step(run, step="search").held == {"no_key": 3}
    assert steps.tally_step(run, step="people").waiting == 3


def test_what_is_learnt_while_writing_counts_instead(run):
    rejected = StepResult(LeadStep.Outcome.REJECTED, code="suppressed")

    report = work(run, {"COMPANY 0": StepResult(LeadStep.Outcome.DONE, write=lambda: rejected)})

    assert report.rejected == {"suppressed": 1}
    assert LeadStep.objects.get().outcome == "REJECTED"


def test_leads_that_need_nothing_are_passed_by_at_once(run):
    result = StepResult(LeadStep.Outcome.NOT_NEEDED, code="has_site")

    passed = steps.pass_by(
        run, step="search", result=result, leads=Lead.objects.filter(name="COMPANY 1")
    )

    assert passed == 1
    assert LeadStep.objects.get().lead.name == "COMPANY 1"


def test_by_hand_a_lead_of_any_stage_is_worked_on_each_time_anew(run):
    lead = Lead.objects.filter(name="COMPANY 0").get()
    Lead.objects.update(stage="SCORED")

    for _ in range(2):
        done = steps.work_by_hand(lead, step="search", work=lambda leads: iter([(leads[0], DONE)]))
        assert done == DONE

    assert list(LeadStep.objects.values_list("run_id", "outcome")) == [(None, "DONE")] * 2
    assert not Lead.objects.exclude(held_until=None).exists()
