"""Leads of listings go through the night like others, with or without a UEN."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pytest

from acra.uen import check_letter
from enrichment.enrich import enrich_batch
from enrichment.listings.decide_match import MatchError, confirm_match, refuse_match
from enrichment.listings.match_register import Business, match_register
from enrichment.models import Contact, EnrichmentRun, Evidence, LeadTwin, RegisterMatch
from enrichment.search.search_site import _about, question_for
from enrichment.tests.listings.factories import taken
from enrichment.tests.pages_of import MadeUpWeb, site
from icp import suppressions
from icp.assign import assign_candidates
from icp.models import Lead
from icp.tests.factories import NOW, make_company, make_lead
from scoring.export_rows import rows
from scoring.exports import write_xlsx
from scoring.score import score_batch
from tenants.models import PipelineRun

UEN, OTHER = (number + check_letter(f"{number}A") for number in ("201912345", "202054321"))
State = RegisterMatch.State


@pytest.fixture
def run(acme):
    return PipelineRun.objects.create(tenant=acme, plan={"as_of": "2026-11-22"})


def enrich(run, **pages):
    """One night's look at the only candidate; ``pages``: host (dots as _) -> HTML of its home."""
    assign_candidates(run, cap=10, now=datetime.now(UTC))
    web = MadeUpWeb({host.replace("_", "."): site(host.replace("_", "."), {"/": html})
                     for host, html in pages.items()})  # fmt: skip
    enrich_batch(run, count=10, crawl=lambda host: web(host.partition("//")[2] or host))
    return web


def test_a_lead_without_uen_gets_site_contacts_score_and_export_with_its_licence(run):
    lead = taken(name="Kampai Bar", phones=("6123 4567",), websites=("kampai.example.sg",)).lead

    enrich(run, kampai_example_sg="<title>Drinks and more</title><h1>Welcome</h1>"
           "<p>Call us: Tel 6123 4567 or <a href='mailto:hi@kampai.example.sg'>write</a>.</p>"
           "<footer>&copy; 2026 Izakaya Holdings Pte. Ltd.</footer>")  # fmt: skip

    lead.refresh_from_db()
    attempt = EnrichmentRun.objects.get()
    assert (lead.stage, attempt.outcome, attempt.site_origin) == ("ENRICHED", "DONE", "listed")
    assert Contact.objects.filter(lead=lead, email="hi@kampai.example.sg").exists()
    assert Evidence.objects.filter(lead=lead, field="website_signs").exists()

    assert score_batch(run, count=10).done == 1
    lead.refresh_from_db()
    assert lead.stage == "SCORED"
    row = next(iter(rows(run)))
    assert (row["name"], row["uen"]) == ("Kampai Bar", "")
    assert row["attribution"] == "© made-up people (ODbL 1.0)"
    assert write_xlsx(run, BytesIO()) == 1


def test_a_site_that_does_not_know_the_business_is_not_its_own(run):
    """A shop's listing may name the mall's site: its people are not the shop's."""
    lead = taken(name="Kampai Bar", phones=("6123 4567",), websites=("mall.example.sg",)).lead

    enrich(run, mall_example_sg="<title>The Mall</title><h1>200 shops</h1><p>Tel 6999 8888</p>"
           "<a href='mailto:office@mall.example.sg'>office</a>")  # fmt: skip

    lead.refresh_from_db()
    assert (lead.stage, EnrichmentRun.objects.get().outcome) == ("ENRICHED", "NOT_OURS")
    assert not Contact.objects.filter(email__contains="mall").exists()


def test_a_uen_on_its_site_makes_the_lead_that_company(run):
    make_company(uen=UEN, name="IZAKAYA HOLDINGS PTE. LTD.", name_key="IZAKAYA HOLDINGS")
    lead = taken(name="Kampai Bar", phones=("6123 4567",), websites=("kampai.example.sg",)).lead

    enrich(run, kampai_example_sg="<title>Kampai Bar</title><h1>Kampai Bar</h1><p>Tel 6123 4567"
           f"</p><footer>&copy; 2026 Izakaya Holdings Pte. Ltd. UEN {UEN}</footer>")  # fmt: skip

    lead.refresh_from_db()
    match = RegisterMatch.objects.get()
    assert (lead.uen, match.state, match.score) == (UEN, State.SURE, 90)
    assert lead.facts["uen"]["value"] == UEN
    assert lead.facts["status"]["value"] == "Live Company"


def test_a_listing_that_agrees_with_the_register_in_name_and_place_is_that_company(acme):
    make_company(uen=UEN, name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR", postal_code="238801")

    lead = taken(name="Kampai Bar", postcode="238801").lead

    match = RegisterMatch.objects.get()
    assert (match.state, match.score, lead.uen) == (State.SURE, 100, UEN)
    assert [line["reason"] for line in match.lines] == [
        "same name", "no other living company has that name", "same postal code"]  # fmt: skip
    assert Evidence.objects.get(lead=lead, method="register.match").source == "LISTING"


def test_a_lead_of_the_register_is_known_again_by_what_the_register_says(acme):
    make_company(uen=UEN, name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR", postal_code="238801")
    known = make_lead(uen=UEN, source_ref=UEN, name="KAMPAI BAR PTE. LTD.")

    listing = taken(name="Kampai Bar", postcode="238801", phones=("6123 4567",))

    assert (listing.outcome, listing.lead) == ("DUPLICATE", known)
    known.refresh_from_db()
    assert known.facts["phone"]["value"] == "+6561234567"


def test_what_is_likely_is_proposed_and_a_person_decides(acme):
    make_company(uen=UEN, name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR")
    lead = taken(name="Kampai Bar").lead
    match = RegisterMatch.objects.get()
    assert (match.state, match.score, lead.uen) == (State.PROPOSED, 75, "")

    confirm_match(match, actor="olga", now=NOW)

    lead.refresh_from_db()
    match.refresh_from_db()
    assert (lead.uen, match.state, match.decided_by) == (UEN, State.CONFIRMED, "olga")
    assert lead.facts["uen"]["value"] == UEN
    assert Evidence.objects.get(method="register.match").source == "OPERATOR"
    with pytest.raises(MatchError, match="decided before: confirmed by a person"):
        refuse_match(match, actor="olga", now=NOW)


def test_a_refused_company_is_taken_back_and_not_proposed_again(run):
    make_company(uen=UEN, name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR", postal_code="238801")
    lead = taken(name="Kampai Bar", postcode="238801", websites=("kampai.example.sg",)).lead
    assert lead.uen == UEN

    refuse_match(RegisterMatch.objects.get(), actor="olga", now=NOW)
    enrich(run, kampai_example_sg="<title>Kampai Bar</title><h1>Kampai Bar</h1>")

    lead.refresh_from_db()
    assert (lead.uen, RegisterMatch.objects.get().state) == ("", State.REFUSED)
    assert "status" not in lead.facts
    assert "uen" not in lead.facts


def test_a_company_that_becomes_known_is_compared_with_the_leads_it_has(acme):
    make_company(uen=UEN, name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR")
    lead = taken(name="Kampai Bar").lead
    other = make_lead(uen=UEN, name="KAMPAI BAR PTE. LTD.")

    confirm_match(RegisterMatch.objects.get(), actor="olga", now=NOW)

    twin = LeadTwin.objects.get()
    assert {twin.first, twin.second} == {lead, other}
    assert [reason["kind"] for reason in twin.reasons] == ["uen", "name"]


def test_a_company_that_is_suppressed_takes_its_lead_along(acme):
    make_company(uen=UEN, name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR")
    lead = taken(name="Kampai Bar").lead
    suppressions.add("UEN", UEN, reason="asked", actor="olga")

    confirm_match(RegisterMatch.objects.get(), actor="olga", now=NOW)

    assert Lead.objects.get(pk=lead.pk).rejection_code == "suppressed"


@pytest.mark.parametrize(("fields", "business", "score"), [
    ({}, Business("Kampai Bar"), 75),
    ({"status_class": "CEASED"}, Business("Kampai Bar", postcode="018956"), 60),
    ({"name_key": "KAMPAI BAR HOLDINGS"}, Business("Kampai Bar", postcode="018956"), 65),
    ({"name_key": "OTHER", "former_names": ["KAMPAI BAR PTE LTD"], "former_keys": "KAMPAI BAR"},
     Business("Kampai Bar"), 45),
    ({"street": "ORCHARD ROAD"}, Business("Kampai Bar", street="391 Orchard Road"), 100),
    ({"name_key": "BAR"}, Business("Bar", postcode="018956"), 80),
    ({"name_key": "ELSE"}, Business("Kampai Bar", uens=(UEN,)), 90),
    ({"name_key": "ELSE"}, Business("Kampai Bar", uens=(UEN, OTHER)), None),
    ({"name_key": "ELSE"}, Business("Kampai Bar", postcode="018956"), None),
])  # fmt: skip
def test_each_reason_has_its_points(acme, fields, business, score):
    make_company(uen=UEN, **{"name": "KAMPAI", "name_key": "KAMPAI BAR", **fields})

    found = match_register(business)

    assert [each.score for each in found] == ([] if score is None else [score])


def test_two_companies_of_one_name_are_never_taken_by_rule(acme):
    for uen in (UEN, OTHER):
        make_company(uen=uen, name="KAMPAI BAR", name_key="KAMPAI BAR", postal_code="238801")

    found = match_register(Business("Kampai Bar", postcode="238801"))

    assert [each.score for each in found] == [100, 100]
    assert not any(each.is_sure for each in found)


def test_a_lead_elsewhere_is_searched_for_where_it_is(acme):
    abroad = taken(name="Hair & Co", city="Austin", category="hairdresser").lead
    at_home = taken(name="Hair & Co").lead

    about = _about([abroad, at_home])

    assert question_for(abroad, about)["query"] == '"HAIR" hairdresser Austin'
    assert question_for(abroad, about)["country"] == ""
    assert question_for(at_home, about)["country"] == "singapore"
    assert not RegisterMatch.objects.filter(lead=abroad).exists()
