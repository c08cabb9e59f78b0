from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from acra.uen import check_letter
from enrichment import enrich as enrich_module
from enrichment import record as record_module
from enrichment.enrich import MAX_DEATHS, enrich_batch, task_for
from enrichment.evidence.snapshots import SnapshotGoneError, observe_again
from enrichment.models import Contact, EnrichmentRun, Evidence, Page, PageBody
from enrichment.record import Found
from enrichment.site.look import look_for_site
from enrichment.site.match import THRESHOLD
from enrichment.tests.pages_of import MadeUpWeb, kolina_pages, no_site, site
from enrichment.web.pages import Outcome, Reason
from icp import suppressions
from icp.models import Lead
from icp.tests.factories import make_company
from tenants.isolation import as_owner
from tenants.models import PipelineRun

LETTER = check_letter("201912345A")
UEN = f"201912345{LETTER}"
HOST = "kolinawidgets.com.sg"


@pytest.fixture
def run(acme):
    return PipelineRun.objects.create(tenant=acme)


@pytest.fixture
def company(acme):
    return make_company(
        uen=UEN,
        name="KOLINA WIDGETS PTE. LTD.",
        name_key="KOLINA WIDGETS",
        block="12",
        street="KOLINA LANE",
        level="05",
        unit="06",
        postal_code="408965",
    )


@pytest.fixture
def lead(run, company):
    return make_lead(run)


def make_lead(run, **values):
    values = {"source_ref": UEN, "uen": UEN, "name": "KOLINA WIDGETS PTE. LTD.", **values}
    return Lead.objects.create(run_id=run.pk, **values)


def web(more=""):
    return MadeUpWeb({HOST: site(HOST, kolina_pages(LETTER, more=more))})


def test_a_candidate_becomes_enriched_with_site_contacts_and_evidence(run, lead):
    report = enrich_batch(run, count=5, crawl=web())

    lead.refresh_from_db()
    assert (report.taken, report.done) == (1, 1)
    assert lead.stage == Lead.Stage.ENRICHED
    assert lead.facts["website"]["value"] == f"https://{HOST}/"
    assert lead.facts["phone"]["value"] == "+6561234567"
    assert lead.facts["founded_year"]["value"] == "2019"
    assert list(
        Contact.objects.order_by("email").values_list("email", "kind", "name", "title", "phone")
    ) == [
        ("sales@kolinawidgets.com.sg", "ROLE", "", "", "+6561234567"),
        ("siti.lee@kolinawidgets.com.sg", "PERSON", "Siti Lee", "Sales Manager", ""),
    ]


def test_every_shown_fact_points_to_standing_evidence_with_its_words(run, lead):
    enrich_batch(run, count=5, crawl=web())

    lead.refresh_from_db()
    rows = {row.pk: row for row in Evidence.objects.filter(superseded_at=None)}
    assert lead.facts
    for fact in lead.facts.values():
        row = rows[fact["evidence"]]
        assert row.quote
        assert row.value in (fact["value"] if isinstance(fact["value"], list) else [fact["value"]])
    assert all(row.page_id for row in rows.values() if row.source == "PAGE")


def test_addresses_of_others_are_stored_nowhere(run, lead):
    enrich_batch(run, count=5, crawl=web())

    assert not Evidence.objects.filter(value__contains="webdesigner").exists()
    assert not Contact.objects.filter(email__contains="webdesigner").exists()


def test_a_second_look_at_the_same_pages_writes_nothing_twice(run, lead):
    enrich_batch(run, count=5, crawl=web())
    counts = [model.objects.count() for model in (Evidence, Contact, PageBody, Page, EnrichmentRun)]
    Lead.objects.update(stage=Lead.Stage.CANDIDATE)

    enrich_batch(run, count=5, crawl=web())

    again = [model.objects.count() for model in (Evidence, Contact, PageBody, Page, EnrichmentRun)]
    assert again == counts


def test_what_a_page_no_longer_says_is_superseded_not_deleted(run, lead):
    enrich_batch(run, count=5, crawl=web(more="<p>We are a team of 15.</p>"))
    Lead.objects.update(stage=Lead.Stage.CANDIDATE)

    enrich_batch(run, count=5, crawl=web(more="<p>We are a team of 18.</p>"))

    lead.refresh_from_db()
    rows = Evidence.objects.filter(field="headcount").order_by("value")
    assert [(row.value, row.superseded_at is None) for row in rows] == [("15", False), ("18", True)]
    assert lead.facts["headcount"]["value"] == "18"


def test_a_suppressed_address_is_never_stored(run, lead):
    suppressions.add("EMAIL", "siti.lee@kolinawidgets.com.sg", reason="asked", actor="op")

    enrich_batch(run, count=5, crawl=web())

    assert not Contact.objects.filter(email__startswith="siti").exists()
    assert not Evidence.objects.filter(value__contains="siti.lee@").exists()
    assert not Evidence.objects.filter(quote__contains="siti.lee@").exists()
    assert Contact.objects.filter(email__startswith="sales").exists()


def test_a_notice_against_collecting_makes_every_contact_unmailable(run, lead):
    more = "<p>The addresses on this site may not be collected for advertising.</p>"

    enrich_batch(run, count=5, crawl=web(more=more))

    assert Contact.objects.count() == 2
    assert not Contact.objects.filter(is_mailable=True).exists()


def test_the_site_of_a_namesake_is_not_taken(run, lead):
    pages = {"/": "<title>Kolina Widgets</title><p>&copy; Kolina Widgets Worldwide Sdn. Bhd."
             " Call +65 6999 9999</p>"}  # fmt: skip

    enrich_batch(run, count=5, crawl=MadeUpWeb({HOST: site(HOST, pages)}))

    lead.refresh_from_db()
    attempt = EnrichmentRun.objects.get()
    assert (lead.stage, attempt.outcome, attempt.site) == (Lead.Stage.ENRICHED, "NOT_OURS", "")
    assert not Contact.objects.exists()
    assert {row.source for row in Evidence.objects.all()} == {"REGISTER"}


def test_all_places_tried_are_on_record(run, lead):
    enrich_batch(run, count=5, crawl=MadeUpWeb({}))

    attempt = EnrichmentRun.objects.get()
    assert attempt.outcome == "NO_SITE"
    assert [tried["site"] for tried in attempt.tried][:2] == [HOST, "kolinawidgets.sg"]


def test_a_wall_waits_for_an_operator(run, lead):
    crawl = MadeUpWeb({HOST: no_site(HOST, outcome=Outcome.WALL, reason=Reason.WALL)})

    report = enrich_batch(run, count=5, crawl=crawl)

    lead.refresh_from_db()
    assert lead.stage == Lead.Stage.NEEDS_OPERATOR
    assert report.held == {"an operator": 1}


def test_passing_trouble_brings_the_lead_back_three_nights_at_most(run, lead):
    trouble = no_site(HOST, outcome=Outcome.RATE_LIMITED, reason=Reason.RATE_LIMITED)

    stages = []
    for _night in range(3):
        night = PipelineRun.objects.create(
            tenant=run.tenant, status="FINISHED", finished_at=timezone.now()
        )
        Lead.objects.update(run_id=night.pk, not_before=None)
        enrich_batch(night, count=5, crawl=MadeUpWeb({HOST: trouble}))
        lead.refresh_from_db()
        stages.append((lead.stage, lead.not_before is None))

    assert stages == [("CANDIDATE", False), ("CANDIDATE", False), ("ENRICHED", True)]


def test_a_lead_that_ends_its_worker_three_times_is_put_aside(run, lead):
    Lead.objects.update(attempts=MAX_DEATHS)
    crawl = web()

    report = enrich_batch(run, count=5, crawl=crawl)

    lead.refresh_from_db()
    assert (lead.stage, lead.rejection_code) == (Lead.Stage.REJECTED, "enrichment_broke_off")
    assert report.adds_up()
    assert crawl.asked == []


def test_an_error_of_ours_is_that_lead_s_alone(run, lead, caplog):
    other = make_lead(run, source_ref="x", uen="", name="OTHER PTE LTD", website="other.example")

    def crawl(host):
        if host == "other.example":
            raise ZeroDivisionError
        return web()(host)

    report = enrich_batch(run, count=5, crawl=crawl)

    other.refresh_from_db()
    assert (report.done, report.held) == (1, {"a later try": 1})
    assert other.stage == Lead.Stage.CANDIDATE
    assert "ZeroDivisionError" in caplog.text


def test_what_the_database_refuses_of_one_lead_is_that_lead_s_alone(run, lead):
    for number in "12":
        make_lead(run, source_ref=number, uen="", name=f"OTHER {number} PTE LTD")
    claimed = Lead.objects.in_stage(Lead.Stage.CANDIDATE).claim(3)
    looks = [
        look_for_site(task_for(one, None), crawl=web(), threshold=THRESHOLD) for one in claimed
    ]
    found = [Found(one, look, None) for one, look in zip(claimed, looks, strict=True)]
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE enrichment_contact ADD CHECK (email NOT LIKE 'sales@%')")

    with pytest.raises(IntegrityError):
        enrich_module._written(found, run_id=run.pk, now=timezone.now())

    stages = dict(Lead.objects.values_list("source_ref", "stage"))
    assert stages == {UEN: "CANDIDATE", "1": "ENRICHED", "2": "ENRICHED"}


def test_a_suppression_of_one_lead_takes_nothing_from_another(run, lead):
    suppressions.add("EMAIL", "buy@shop.example", reason="asked", actor="op")
    shop = make_lead(run, source_ref="x", uen="", name="SHOP PTE LTD", website="shop.example")
    more = "<p>Team of 15, see buy@shop.example</p>"
    pages = {"/": "<title>Shop</title><p>Buy widgets</p><p>Email: buy@shop.example</p>"}
    sites = {HOST: site(HOST, kolina_pages(LETTER, more=more)),
             "shop.example": site("shop.example", pages)}  # fmt: skip

    enrich_batch(run, count=5, crawl=MadeUpWeb(sites))

    assert not Evidence.objects.filter(lead=shop, quote__contains="buy@").exists()
    assert Evidence.objects.filter(lead=lead, field="headcount", value="15").exists()


def test_a_worker_that_lost_its_lease_writes_nothing(run, lead):
    def crawl(host):
        return web()(host)

    def loses(*args, **values):
        Lead.objects.update(lease=99)
        return original(*args, **values)

    original = record_module.record
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("enrichment.enrich.record", loses)
        report = enrich_batch(run, count=5, crawl=crawl)

    assert report.held == {"taken by another worker": 1}
    assert not Evidence.objects.exists()
    assert not EnrichmentRun.objects.exists()


def test_extraction_repeated_from_snapshots_gives_the_same_observations(run, lead):
    enrich_batch(run, count=5, crawl=web())

    again = observe_again(EnrichmentRun.objects.get())

    stored = Evidence.objects.filter(source="PAGE").exclude(field="website")
    assert {(o.field, o.method, o.value, o.quote) for o in again if o.field != "other_emails"} == {
        (row.field, row.method, row.value, row.quote) for row in stored
    }


def test_a_replay_without_bodies_is_refused_with_a_sentence(run, lead, settings):
    settings.PERSIST_CRAWL_PAGES = False

    enrich_batch(run, count=5, crawl=web())

    with pytest.raises(SnapshotGoneError, match="cannot be replayed"):
        observe_again(EnrichmentRun.objects.get())
    assert not PageBody.objects.exists()


def test_a_given_site_is_believed_unless_it_contradicts(run, company):
    lead = make_lead(run, website="shop.example")
    pages = {"/": "<title>Widgets</title><p>Buy widgets</p><p>Email: buy@shop.example</p>"}

    enrich_batch(run, count=5, crawl=MadeUpWeb({"shop.example": site("shop.example", pages)}))

    lead.refresh_from_db()
    assert lead.facts["website"]["value"] == "https://shop.example/"
    assert Contact.objects.get().email == "buy@shop.example"


def test_a_batch_claims_no_more_than_it_is_asked_to(run, company):
    for number in range(3):
        make_lead(run, source_ref=str(number), uen="", name=f"COMPANY {number} PTE LTD")

    report = enrich_batch(run, count=2, crawl=MadeUpWeb({}))

    assert report.taken == 2
    assert Lead.objects.in_stage(Lead.Stage.CANDIDATE).count() == 1
    assert Lead.objects.filter(held_until__gt=timezone.now() + timedelta(minutes=1)).count() == 0
