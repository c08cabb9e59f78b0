"""One whole night over the sandbox: real register file, real HTTP, real database."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from acra.load import load_register
from enrichment.models import Contact, EnrichmentRun, Evidence, Page, PageBody
from icp import suppressions
from icp.models import Lead
from icp.save_rule import save_rule
from leadgen_project import pipeline, replay
from leadgen_project.night_stages import tidy
from leadgen_project.persons.erase import erase
from leadgen_project.persons.identify import Asked
from leadgen_project.persons.requests import take_down
from leadgen_project.processes import SANDBOX_SUFFIXES
from leadgen_project.sandbox.register import write_split
from leadgen_project.sandbox.server import Sandbox
from scoring.models import LeadScore, ScoreLine, Shortlist, ShortlistEntry
from tenants.models import PipelineRun, Tenant

COUNT = 28


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=3, count=COUNT, slow_seconds=0.5, traps=()) as running:
        yield running


@pytest.fixture
def register(db, sandbox, tmp_path):
    write_split(tmp_path, seed=3, count=COUNT)
    load_register(sorted(tmp_path.glob("*.csv")), source="Sandbox", now=timezone.now(), actor="t")


@pytest.fixture
def night(register, acme, sandbox, settings) -> PipelineRun:
    """A finished night of acme."""
    settings.CRAWL_PROXY = sandbox.proxy_url
    settings.CRAWL_GUESS_SUFFIXES = SANDBOX_SUFFIXES.split(",")
    settings.CRAWL_DELAY_SECONDS = 0
    save_rule("default", {"status": ["live"]}, actor="tests")
    acme.settings.shortlist_cap = 5
    acme.settings.save()
    return finish(start(acme))


def start(tenant: Tenant) -> PipelineRun:
    return pipeline.start_night(tenant, started_by="tests", now=timezone.now())


def finish(run: PipelineRun) -> PipelineRun:
    while pipeline.step(run):
        pass
    run.refresh_from_db()
    return run


def test_a_night_turns_the_register_into_a_shortlist(night, sandbox):
    assert night.status == PipelineRun.Status.FINISHED
    assert list(pipeline.tally_now(night)) == [stage.name for stage in pipeline.NIGHTLY]
    entries = list(ShortlistEntry.objects.order_by("rank").select_related("score", "lead"))
    assert [entry.rank for entry in entries] == [1, 2, 3, 4, 5]
    totals = [entry.score.total for entry in entries]
    assert totals == sorted(totals, reverse=True)
    live = {company.uen for company in sandbox.companies if company.registered.is_live}
    assert set(Lead.objects.values_list("uen", flat=True)) <= live


def test_every_stage_of_the_funnel_adds_up(night):
    for name, counts in pipeline.tally_now(night).items():
        gone = sum(counts["rejected"].values()) + sum(counts["held"].values())
        assert counts["in"] == counts["done"] + gone + counts["waiting"], name
        assert counts["waiting"] == 0, name


def test_every_score_is_the_sum_of_its_lines(night):
    for score in LeadScore.objects.prefetch_related("lines"):
        assert score.total == sum(line.points for line in score.lines.all())


def test_every_shown_fact_has_its_evidence(night):
    standing = set(Evidence.objects.filter(superseded_at=None).values_list("pk", flat=True))
    shown = [fact["evidence"] for lead in Lead.objects.all() for fact in lead.facts.values()]

    assert len(shown) > 100
    assert set(shown) <= standing


def test_no_contact_of_somebody_else_is_stored(night, sandbox):
    truth = {company.uen: company for company in sandbox.companies}
    for contact in Contact.objects.exclude(email="").select_related("lead"):
        company = truth[contact.lead.uen]
        assert contact.email in {*company.emails, company.role_email}


def test_a_step_of_a_finished_run_changes_nothing(night):
    assert pipeline.step(night) is False


def test_a_second_night_enriches_nobody_twice_and_compares(night, acme):
    second = finish(start(acme))

    assert second.status == PipelineRun.Status.FINISHED
    assert EnrichmentRun.objects.filter(run_id=second.pk).count() == 0
    entries = ShortlistEntry.objects.filter(shortlist__run_id=second.pk).order_by("rank")
    assert [entry.previous_rank for entry in entries] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("times", [2, 3])
def test_the_same_night_elsewhere_gives_the_same_report(night, beta, settings, times):
    from django_tenants.utils import tenant_context

    with tenant_context(beta):
        save_rule("default", {"status": ["live"]}, actor="tests")
        beta.settings.shortlist_cap = 5
        beta.settings.save()
        settings.CRAWL_CONCURRENCY = times
        other = finish(start(beta))

    assert other.report_hash == night.report_hash


def test_a_replay_gives_an_equal_report_without_a_request(night, sandbox):
    before = len(sandbox.journal.visits())

    outcome = replay.replay(night)

    assert outcome.difference == ""
    assert outcome.hash == night.report_hash
    assert outcome.pages > 10
    assert len(sandbox.journal.visits()) == before


def test_a_replay_names_the_company_and_field_that_differ(night):
    attempt = EnrichmentRun.objects.filter(outcome="DONE").order_by("lead__source_ref").first()
    page = attempt.pages.get(position=0)
    body = zlib.decompress(bytes(page.body.compressed))
    changed = body.replace(b"</body>", b"<p>new@" + page.final_url[7:].encode() + b"</p></body>")
    PageBody.objects.filter(pk=page.body_id).update(compressed=zlib.compress(changed))

    outcome = replay.replay(night)

    assert outcome.difference.startswith(f"REGISTER {attempt.lead.uen}: evidence.")


def test_a_replay_of_an_expired_page_says_so(night):
    attempt = EnrichmentRun.objects.filter(outcome="DONE").order_by("lead__source_ref").first()
    attempt.pages.update(body=None)

    assert "is not kept" in replay.replay(night).difference


def test_a_replay_says_where_a_person_was_erased_since(night):
    contact = Contact.objects.exclude(email="").order_by("pk").first()
    request = take_down(
        Asked(email=contact.email), kind="ERASURE", received_on=timezone.localdate(),
        actor="tests", now=timezone.now(),
    )  # fmt: skip
    erase(request, reason="Asked.", actor="tests", now=timezone.now())

    outcome = replay.replay(night)

    assert outcome.difference == ""
    assert outcome.erased == (f"REGISTER {contact.lead.uen}",)
    assert "a person was erased there" in outcome.sentence


def test_the_command_says_equal_or_ends_with_3(night, capsys):
    call_command("night", "acme", replay=night.pk)
    assert "equals" in capsys.readouterr().out

    ScoreLine.objects.filter(score__lead=Lead.objects.order_by("source_ref").first()).delete()
    with pytest.raises(CommandError) as failed:
        call_command("night", "acme", replay=night.pk)
    assert failed.value.returncode == 3


def test_a_dry_run_says_what_it_would_take_and_changes_nothing(register, acme):
    save_rule("default", {"status": ["live"]}, actor="tests")

    told = pipeline.dry_run(acme, now=timezone.now())

    assert "would work on" in " ".join(told.sentences)
    assert not Lead.objects.exists()
    assert not PipelineRun.objects.exists()
    assert not Shortlist.objects.exists()
    assert pipeline.dry_run(acme, now=timezone.now()) == told


def test_a_night_started_for_a_plan_takes_just_that_or_nothing(register, acme):
    save_rule("default", {"status": ["live"]}, actor="tests")
    plan = pipeline.dry_run(acme, now=timezone.now()).plan

    same = pipeline.start_night(acme, started_by="x", now=timezone.now(), plan=plan)
    while same.stage in ("normalise", "select"):
        pipeline.step(same)
        same.refresh_from_db()
    reached, taken = same.stage, Lead.objects.filter(run_id=same.pk).count()
    pipeline.cancel(same, actor="x", reason="enough")
    plan = pipeline.dry_run(acme, now=timezone.now()).plan
    first = Lead.objects.order_by("pk").first()
    suppressions.add("UEN", first.uen, reason="asked us", actor="x")
    other = pipeline.start_night(acme, started_by="x", now=timezone.now(), plan=plan)
    while pipeline.step(other):
        pass

    assert (reached, taken) == ("enrich", 14)
    other.refresh_from_db()
    assert (other.status, other.stage) == (PipelineRun.Status.FAILED, "select")
    assert "has changed" in other.note
    assert not Lead.objects.filter(run_id=other.pk).exists()


def test_two_nights_of_one_tenant_do_not_run_at_once(register, acme):
    start(acme)

    with pytest.raises(pipeline.RunError, match="under way already"):
        start(acme)


def test_a_paused_run_does_nothing_until_it_is_resumed(register, acme):
    save_rule("default", {"status": ["live"]}, actor="tests")
    run = start(acme)
    pipeline.pause(run, actor="tests")

    assert pipeline.step(run) is False
    assert run.stage == "normalise"

    pipeline.resume(run, actor="tests")
    assert pipeline.step(run) is True


def test_a_cancelled_run_keeps_what_it_did_and_frees_the_tenant(register, acme):
    save_rule("default", {"status": ["live"]}, actor="tests")
    run = start(acme)
    for _ in range(2):
        pipeline.step(run)
    with pytest.raises(pipeline.RunError, match="Say why"):
        pipeline.cancel(run, actor="tests", reason=" ")
    pipeline.cancel(run, actor="tests", reason="wrong rule")

    assert Lead.objects.in_stage(Lead.Stage.CANDIDATE).count() > 10
    assert pipeline.step(run) is False
    with pytest.raises(pipeline.RunError):
        pipeline.resume(run, actor="tests")
    start(acme)


def test_a_night_without_a_rule_fails_and_says_what_is_missing(register, acme):
    run = finish(start(acme))

    assert run.status == PipelineRun.Status.FAILED
    assert "There is no ICP rule named 'default'" in run.note


def test_a_night_without_a_register_fails_and_says_what_is_missing(acme):
    run = finish(start(acme))

    assert run.status == PipelineRun.Status.FAILED
    assert "manage.py fetch_register" in run.note


def test_a_stage_that_keeps_failing_ends_the_run_with_a_note(register, acme):
    save_rule("default", {"status": ["live"]}, actor="tests")
    run = start(acme)
    PipelineRun.objects.filter(pk=run.pk).update(plan={})  # nothing to work with: every try fails
    for _ in range(pipeline.MOST_FAILURES):
        with pytest.raises(KeyError):
            finish(run)

    run.refresh_from_db()
    assert run.status == PipelineRun.Status.FAILED
    assert "The stage select failed 5 times" in run.note


def test_a_legal_hold_keeps_what_is_older_as_well(night, acme):
    Page.objects.update(fetched_at=timezone.now() - timedelta(days=400))
    PageBody.objects.update(created_at=timezone.now() - timedelta(days=400))
    acme.settings.legal_hold = "A court has asked."
    acme.settings.save()
    run = PipelineRun.objects.get(pk=night.pk)

    tidy(run)

    assert PageBody.objects.exists()
    assert "Nothing was let go of: A court has asked." in run.note
    acme.settings.legal_hold = ""
    acme.settings.save()
    tidy(PipelineRun.objects.get(pk=night.pk))
    assert not PageBody.objects.exists()


def test_a_night_lets_go_of_pages_that_are_older_than_the_tenant_keeps(night, acme):
    old = timezone.now() - timedelta(days=91)
    Page.objects.update(fetched_at=old)
    PageBody.objects.update(created_at=old)
    acme.settings.retention_days = 90
    acme.settings.save()

    second = finish(start(acme))

    assert PageBody.objects.count() == 0
    assert second.reports["tidy"]["purged"]["bodies"] > 10
    assert Evidence.objects.filter(superseded_at=None).exclude(quote="").count() > 100
