"""Searching for sites that no name leads to: real HTTP to a stand-in, real crawls."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from enrichment import vendor_steps
from enrichment.models import Contact, EnrichmentRun, Evidence, LeadStep, VendorAnswer
from enrichment.search import search_site
from enrichment.search.search_site import estimate, search_batch, search_lead, tally_search
from enrichment.tests.vendor_rig import enriched, lead_into
from icp import suppressions
from icp.models import Lead
from leadgen_project.sandbox.companies import SiteKind
from leadgen_project.sandbox.server import Sandbox
from leadgen_project.sandbox.vendors import tavily
from leadgen_project.sandbox.vendors.stand_in import Fault
from tenants.context import in_public
from tenants.models import PipelineRun
from tenants.paid import breaker, governor
from tenants.permits import Vendor
from tenants.vendor_models import VendorBudget, VendorUsage


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(seed=5, count=160, vendors=["tavily"], traps=(), slow_seconds=0.5) as running:
        yield running


@pytest.fixture
def vendor(sandbox, settings, monkeypatch):
    lead_into(sandbox, settings)
    monkeypatch.setattr(governor, "PAUSES_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(vendor_steps, "PATIENCE_SECONDS", 0.0)
    stand_in = sandbox.vendors["tavily"]
    stand_in.calls.clear()
    stand_in._faults.clear()
    stand_in.keys, stand_in.credits, stand_in.paygo = {tavily.KEY}, None, False
    stand_in.change, stand_in.hang_seconds, stand_in.per_minute = None, 2.0, 10_000
    return stand_in


@pytest.fixture
def run(acme, vendor):
    return PipelineRun.objects.create(tenant=acme)


def of_kind(sandbox, kind: SiteKind):
    """A live company whose site stands so; one that its own site proves to be the company's."""
    return next(one for one in sandbox.companies
                if one.site is kind and one.registered.is_live and one.shows_uen
                and one.name == one.registered.first_name)  # fmt: skip


def the_row(lead: Lead) -> LeadStep:
    return LeadStep.objects.get(lead=lead, step="search")


def test_a_site_nobody_can_guess_is_found_and_believed_by_what_it_says(sandbox, run, vendor):
    company = of_kind(sandbox, SiteKind.GIVEN)
    lead = enriched(company, run)

    report = search_batch(run)

    lead.refresh_from_db()
    assert (report.taken, report.done, vendor.charged) == (1, 1, 1)
    assert lead.facts["website"]["value"] == f"http://{company.host}/"
    assert lead.stage == Lead.Stage.ENRICHED
    row = the_row(lead)
    assert (row.outcome, row.calls, row.from_cache) == ("DONE", 1, 0)
    attempt = EnrichmentRun.objects.get()
    assert (attempt.outcome, attempt.site_origin) == ("DONE", "search")
    assert attempt.pages.exists()


def test_the_evidence_names_the_page_and_the_paid_call(sandbox, run, vendor):
    company = of_kind(sandbox, SiteKind.GIVEN)
    lead = enriched(company, run)

    search_batch(run)

    said = Evidence.objects.filter(lead=lead, field="website").order_by("source")
    call = VendorUsage.objects.get()
    assert [(one.source, one.method, one.reference) for one in said] == [
        ("PAGE", "discover.search", f"http://{company.host}/"),
        ("PROVIDER", "search.tavily", f"Tavily, call {call.pk}"),
    ]
    assert (call.purpose, call.run_id, call.lead_id, call.units) == ("search", run.pk, lead.pk, 1)


def test_contacts_of_a_site_found_are_stored_and_none_of_strangers(sandbox, run, vendor):
    companies = [one for one in sandbox.companies
                 if one.site is SiteKind.GIVEN and one.registered.is_live][:4]  # fmt: skip
    leads = [enriched(one, run) for one in companies]

    search_batch(run)

    assert Contact.objects.filter(lead__in=leads).exists()
    for company, lead in zip(companies, leads, strict=True):
        stored = {*Contact.objects.filter(lead=lead).values_list("email", flat=True),
                  *Contact.objects.filter(lead=lead).values_list("phone", flat=True)}  # fmt: skip
        assert not stored & set(company.never)


@pytest.mark.parametrize("kind", [SiteKind.NONE, SiteKind.TAKEN, SiteKind.PARKED])
def test_the_site_of_somebody_else_is_never_taken(sandbox, run, vendor, kind):
    company = next(one for one in sandbox.companies
                   if one.site is kind and one.registered.is_live)  # fmt: skip
    lead = enriched(company, run)

    search_batch(run)

    lead.refresh_from_db()
    assert "website" not in lead.facts
    assert not Contact.objects.exists()
    assert the_row(lead).outcome in ("NOTHING", "LATER")


def test_a_lead_with_a_site_is_not_searched_for(sandbox, run, vendor):
    company = of_kind(sandbox, SiteKind.GIVEN)
    lead = enriched(company, run, facts={"website": {"value": "https://kolina.example/"}})

    search_batch(run)

    assert vendor.asked() == []
    assert (the_row(lead).outcome, the_row(lead).code) == ("NOT_NEEDED", "has_site")


def test_a_site_an_operator_gave_is_not_searched_for(sandbox, run, vendor):
    lead = enriched(of_kind(sandbox, SiteKind.GIVEN), run, website="given.example")

    search_batch(run)

    assert vendor.asked() == []
    assert the_row(lead).outcome == "NOT_NEEDED"


def test_a_second_night_pays_nothing(sandbox, acme, run, vendor):
    nobody = next(one for one in sandbox.companies
                  if one.site is SiteKind.NONE and one.registered.is_live)  # fmt: skip
    leads = [enriched(of_kind(sandbox, SiteKind.GIVEN), run), enriched(nobody, run)]
    search_batch(run)
    paid = vendor.charged
    again = another_night(acme, leads)

    search_batch(again)

    assert (paid, vendor.charged) == (2, 2)
    rows = LeadStep.objects.filter(run_id=again.pk).values_list("outcome", "calls", "from_cache")
    assert set(rows) == {("NOT_NEEDED", 0, 0), ("NOTHING", 0, 1)}


def another_night(acme, leads) -> PipelineRun:
    PipelineRun.objects.update(status="FINISHED", finished_at=timezone.now())
    run = PipelineRun.objects.create(tenant=acme)
    Lead.objects.filter(pk__in=[lead.pk for lead in leads]).update(run_id=run.pk, stage="ENRICHED")
    return run


def test_two_leads_of_one_name_pay_once(sandbox, run, vendor):
    company = of_kind(sandbox, SiteKind.GIVEN)
    enriched(company, run)
    Lead.objects.create(source="IMPORT", source_ref="row 1", uen=company.uen, name=company.name,
                        stage="ENRICHED", run_id=run.pk)  # fmt: skip

    search_batch(run)

    assert vendor.charged == 1
    assert sorted(LeadStep.objects.values_list("calls", "from_cache")) == [(0, 1), (1, 0)]


def test_without_a_key_leads_are_passed_by_and_the_count_says_what_is_missing(
    sandbox, run, vendor, settings
):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")
    enriched(of_kind(sandbox, SiteKind.GIVEN), run)
    enriched(of_kind(sandbox, SiteKind.OWN), run, facts={"website": {"value": "x"}})

    report = search_batch(run)

    tally = tally_search(run)
    assert report.held == {"no_key": 1}
    assert report.adds_up()
    assert (tally.done, tally.held, tally.waiting) == (1, {"no_key": 1}, 0)
    assert "TAVILY_API_KEY" in LeadStep.objects.get(code="no_key").sentence
    assert vendor.asked() == []


def test_switched_off_by_the_tenant_nobody_is_asked(sandbox, run, vendor):
    VendorBudget.objects.create(tenant_id="acme", vendor=Vendor.TAVILY, is_on=False)
    enriched(of_kind(sandbox, SiteKind.GIVEN), run)

    assert search_batch(run).held == {"off": 1}
    assert vendor.asked() == []


def test_when_the_budget_is_gone_the_night_goes_on(sandbox, run, vendor):
    VendorBudget.objects.create(tenant_id="acme", vendor=Vendor.TAVILY, daily_units=1)
    for company in [one for one in sandbox.companies if one.site is SiteKind.NONE][:3]:
        enriched(company, run)

    search_batch(run)

    assert vendor.charged == 1
    assert tally_search(run).held == {"budget": 2}
    assert search_batch(run).taken == 0


# what happens -> code, outcome, calls in the journal, words the operator reads, who comes after
TABLE = [
    ("401", "key", "SKIPPED", 1, "refuses the key", "stopped"),
    ("432", "credits", "SKIPPED", 1, "credits of the plan or key are used up", "stopped"),
    ("433", "credits", "SKIPPED", 1, "pay-as-you-go are used up", "stopped"),
    ("drift", "drift", "SKIPPED", 1, "answer.results is missing", "drift"),
    (Fault.RATE_LIMITED, "rate", "LATER", 3, "too many requests", ""),
    (Fault.ERROR, "server", "LATER", 3, "trouble of its own", ""),
    (Fault.HANG, "timeout", "LATER", 3, "did not answer within 1 s", ""),
    (Fault.RESET, "broken", "LATER", 3, "broke off", ""),
    (Fault.MALFORMED, "broken", "LATER", 3, "no JSON", ""),
    (Fault.TRUNCATED, "broken", "LATER", 3, "broke off", ""),
    (Fault.HTML, "blocked", "LATER", 3, "protective layer", ""),
]


@pytest.mark.parametrize(("what", "code", "outcome", "calls", "words", "after"), TABLE)
def test_every_trouble_is_told_and_the_night_goes_on(
    sandbox, run, vendor, settings, caplog, what, code, outcome, calls, words, after
):
    spoil(vendor, what)
    if what is Fault.HANG:
        settings.VENDOR_READ_SECONDS = 1.0
    first, second = [one for one in sandbox.companies if one.site is SiteKind.NONE][:2]
    lead = enriched(first, run)

    while search_batch(run).taken:
        pass

    row = the_row(lead)
    assert (row.outcome, row.code, row.calls > 0) == (outcome, code, True)
    assert words in row.sentence
    assert tally_search(run).held == {code: 1}
    assert len(vendor.asked("/search")) <= calls
    assert not Evidence.objects.exists()
    assert not VendorAnswer.objects.exists()
    query = vendor.calls[0].question["query"]
    for text in (caplog.text, row.sentence, *VendorUsage.objects.values_list("note", flat=True)):
        assert query not in text
        assert tavily.KEY not in text
    if after:
        last = enriched(second, run)
        search_batch(run)
        assert the_row(last).code in (after, code)


def spoil(vendor, what) -> None:
    if what == "401":
        vendor.keys = {"another"}
    elif what in ("432", "433"):
        vendor.credits, vendor.paygo = 0, what == "433"
    elif what == "drift":
        vendor.change = lambda answer: {k: v for k, v in answer.items() if k != "results"}
    else:
        vendor.fail_next(what, what, what)


def test_after_a_drift_nobody_else_is_asked(sandbox, run, vendor):
    spoil(vendor, "drift")
    for company in [one for one in sandbox.companies if one.site is SiteKind.NONE][:3]:
        enriched(company, run)

    search_batch(run)

    assert len(vendor.asked("/search")) == 1
    tally = tally_search(run)
    assert (tally.held, tally.waiting) == ({"drift": 3}, 0)


def test_a_passing_error_is_asked_again_at_once(sandbox, run, vendor):
    vendor.fail_next(Fault.ERROR)
    lead = enriched(of_kind(sandbox, SiteKind.GIVEN), run)

    search_batch(run)

    assert the_row(lead).outcome == "DONE"
    assert len(vendor.asked("/search")) == 2


def test_a_vendor_that_is_down_leaves_the_rest_for_another_night(sandbox, run, vendor):
    account = tripped(vendor)
    lead = enriched(of_kind(sandbox, SiteKind.GIVEN), run)

    report = search_batch(run)

    assert account
    assert report.held == {"down": 1}
    assert the_row(lead).outcome == "LATER"
    assert vendor.asked() == []


def tripped(vendor) -> bool:
    """Open the breaker as failures of a night do."""
    from tenants.paid.turn_at_vendor import account_of

    key = governor.ready(Vendor.TAVILY)
    account = account_of(Vendor.TAVILY, key)
    with in_public():
        for _ in range(breaker.FAILURES_TO_OPEN):
            breaker.failed(account, error="did not answer")
    return not governor.is_ready(Vendor.TAVILY)


def test_a_suppressed_host_is_not_even_looked_at(sandbox, run, vendor):
    company = of_kind(sandbox, SiteKind.GIVEN)
    suppressions.add("DOMAIN", company.host, reason="asked", actor="tests")
    lead = enriched(company, run)
    sandbox.journal.clear()

    search_batch(run)

    lead.refresh_from_db()
    assert "website" not in lead.facts
    assert company.host not in dict(sandbox.journal.hosts())


def test_killed_after_the_answer_was_kept_nothing_is_paid_again(sandbox, run, vendor, monkeypatch):
    lead = enriched(of_kind(sandbox, SiteKind.GIVEN), run)

    class KilledError(BaseException):
        """As a kill, nothing catches it."""

    def die(*_args, **_kwargs):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(search_site, "record_site", die)
        with pytest.raises(KilledError):
            search_batch(run)
    search_batch(run)

    assert vendor.charged == 1
    assert (the_row(lead).outcome, the_row(lead).from_cache) == ("DONE", 1)


def test_by_hand_one_lead_is_searched_for_whatever_its_stage(sandbox, run, vendor):
    company = of_kind(sandbox, SiteKind.GIVEN)
    lead = enriched(company, run)
    Lead.objects.filter(pk=lead.pk).update(stage="SCORED")

    result = search_lead(lead)

    lead.refresh_from_db()
    assert result
    assert result.outcome == "DONE"
    assert lead.stage == Lead.Stage.SCORED
    assert lead.facts["website"]["value"] == f"http://{company.host}/"
    assert the_row(lead).run_id is None


def test_the_price_told_before_covers_what_is_paid(sandbox, acme, run, vendor):
    companies = [one for one in sandbox.companies if one.registered.is_live][:12]
    leads = [enriched(one, run) for one in companies]
    before = estimate(len(leads), run=run)

    while search_batch(run).taken:
        pass

    assert before.lookups == before.most_units == 12
    assert vendor.charged <= before.most_units
    spent = sum(VendorUsage.objects.values_list("micros", flat=True))
    assert spent <= before.most_micros
    known = estimate(len(leads), run=another_night(acme, leads))
    assert known.most_units == 0
    assert known.from_cache == known.lookups


def test_the_price_of_a_preview_takes_nothing_for_cached(acme):
    assert estimate(40).most_units == 40


def test_an_old_answer_is_asked_for_again(sandbox, run, vendor):
    lead = enriched(next(one for one in sandbox.companies if one.site is SiteKind.NONE), run)
    search_batch(run)
    VendorAnswer.objects.update(asked_at=timezone.now() - timedelta(days=31))
    LeadStep.objects.all().delete()

    search_batch(run)

    assert vendor.charged == 2
    assert the_row(lead).calls == 1


def test_the_register_need_not_know_the_lead(sandbox, run, vendor):
    company = of_kind(sandbox, SiteKind.GIVEN)
    lead = Lead.objects.create(source="IMPORT", source_ref="row 7", name=company.name,
                               stage="ENRICHED", run_id=run.pk)  # fmt: skip

    search_batch(run)

    assert vendor.calls[0].question["query"].endswith('" Singapore')
    assert the_row(lead).outcome in ("DONE", "NOTHING")
