"""A listing becomes one lead with evidence for every value, or says why not."""

from __future__ import annotations

import subprocess
import sys
from threading import Barrier, Thread

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.listings.take import take
from enrichment.models import Contact, Evidence, LeadTwin, Listing
from enrichment.tests.listings.factories import make_listing, make_source, taken
from icp import suppressions
from icp.models import Lead
from icp.tests.factories import NOW, make_company
from outreach.admission.facts import ORIGINS
from outreach.law import Answer, Origin, policy_for
from tenants.context import in_tenant

Outcome = Listing.Outcome


def said_of(lead: Lead) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in Evidence.objects.filter(lead=lead, superseded_at=None).order_by("-confidence", "pk"):
        found.setdefault(row.field, []).append(row.value)
    return found


def test_every_value_is_evidence_in_one_spelling_with_its_original(acme):
    listing = taken(
        name="  Kampai\u00a0  Bar ", phones=("6123 4567 / 9123-4567", "+65 6123 4567"),
        emails=("Info@Kampai.example",), websites=("KAMPAI.example/",), postcode="38801",
        socials=("https://www.facebook.com/kampai",), source_category="amenity=bar",
        services=["Drinks", "Snacks", "Drinks"], url="https://list.example/kampai",
    )  # fmt: skip
    lead = listing.lead

    assert (listing.outcome, lead.source, lead.source_ref) == (
        Outcome.TAKEN, "HARVEST", "https://list.example/kampai")  # fmt: skip
    assert (lead.name, lead.website, lead.stage) == ("Kampai Bar", "http://kampai.example",
                                                     "CANDIDATE")  # fmt: skip
    said = said_of(lead)
    assert said["phones"] == ["+6561234567", "+6591234567"]
    assert said["emails"] == ["info@kampai.example"]
    assert said["social"] == ["https://www.facebook.com/kampai"]
    assert said["services"] == ["Drinks", "Snacks"]
    assert said["postal_code"] == ["038801"]
    assert said["country"] == ["SG"]
    assert (said["category"], said["source_category"]) == (["bakery"], ["amenity=bar"])
    assert lead.facts["services"]["value"] == ["Drinks", "Snacks"]
    rows = Evidence.objects.filter(lead=lead)
    assert {row.reference for row in rows} == {"https://list.example/kampai"}
    assert {row.source for row in rows} == {"LISTING"}
    assert rows.get(field="name").quote == "  Kampai\u00a0  Bar "
    assert rows.get(field="emails").quote == "Info@Kampai.example"


def test_the_order_of_services_is_kept_and_doubles_are_removed(acme):
    names = ["Zebra", "apple", "Mango", "apple", "Banana"]

    listing = taken(services=names)

    assert listing.lead.facts["services"]["value"] == ["Zebra", "apple", "Mango", "Banana"]


def test_national_numbers_are_read_by_the_country_of_the_city(acme):
    listing = taken(city="Austin", phones=("(512) 474-1234", "12", "00 49 30 901820"))

    assert said_of(listing.lead)["phones"] == ["+15124741234", "+4930901820"]
    assert "'12' is no telephone number in US." in listing.sentence


def test_a_listed_address_is_a_contact_that_is_not_mailed_by_default(acme):
    listing = taken(emails=("hello@bakery.example",), name="Bakery")

    contact = Contact.objects.get(lead=listing.lead)

    assert contact.email == "hello@bakery.example"
    assert ORIGINS[Evidence.objects.get(field="emails").source] is Origin.HARVESTED
    assert policy_for(Origin.HARVESTED, "SG").answer is Answer.NEVER


def test_a_second_run_changes_nothing(acme):
    listing = taken(phones=("6123 4567",), emails=("a@bakery.example",))
    before = [list(model.objects.order_by("pk").values())
              for model in (Lead, Evidence, Contact, Listing)]  # fmt: skip

    take(listing, now=NOW)
    take(Listing.objects.get(pk=listing.pk), now=NOW)

    assert before == [list(model.objects.order_by("pk").values())
                      for model in (Lead, Evidence, Contact, Listing)]  # fmt: skip


@pytest.mark.parametrize(("said", "code"), [
    ({"name": " \u00a0 "}, "no_name"),
    ({"street": ""}, "nothing_to_go_by"),
])  # fmt: skip
def test_what_cannot_be_worked_with_is_refused_with_a_sentence(acme, said, code):
    listing = taken(**said)

    assert (listing.outcome, listing.code, listing.lead) == (Outcome.REFUSED, code, None)
    assert listing.sentence.endswith(".")
    assert not Lead.objects.exists()


@pytest.mark.parametrize(("kind", "value"), [
    ("PHONE", "+65 6123 4567"), ("EMAIL", "info@kampai.example"), ("DOMAIN", "kampai.example"),
    ("UEN", "201912345A"), ("DOMAIN", "mail.example"),
])  # fmt: skip
def test_the_suppressed_never_become_leads_and_nothing_of_them_is_kept(acme, kind, value):
    make_company(uen="201912345A", name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR")
    suppressions.add(kind, value, reason="asked", actor="olga")

    listing = taken(
        name="Kampai Bar", phones=("6123 4567",), uen="201912345A",
        websites=("www.kampai.example",), emails=("info@kampai.example", "k@shop.mail.example"),
        raw="Kampai 6123 4567",
    )  # fmt: skip

    assert (listing.outcome, listing.code) == (Outcome.SUPPRESSED, "suppressed")
    assert not Lead.objects.exists()
    row = Listing.objects.get()
    assert (row.record, row.raw) == ({}, "")


@pytest.mark.parametrize("shared", [
    {"phones": ("+65 6123 4567",)}, {"emails": ("INFO@kampai.example",)},
    {"websites": ("https://www.kampai.example/home",), "name": "Kampai"},
    {"postcode": "238 801", "name": "KAMPAI BAR PTE LTD"}, {"uen": "201912345A"},
    {"image_hash": "00ff00ff00ff03fc", "name": "Kampai Bar & Grill"},
    {"url": "https://list.example/kampai", "source": "Another list"},
])  # fmt: skip
def test_a_business_known_already_is_linked_and_not_doubled(acme, shared):
    make_company(uen="201912345A", name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR")
    first = taken(
        name="Kampai Bar", phones=("6123 4567",), emails=("info@kampai.example",),
        websites=("kampai.example",), postcode="238801", uen="201912345A",
        image_hash="00ff00ff00ff00ff", url="https://list.example/kampai",
    )  # fmt: skip
    source = make_source(shared.pop("source", "Made-up list"))

    second = make_listing(source, opening_hours="Mo-Fr", **shared)
    take(second, now=NOW)

    assert (second.outcome, second.lead) == (Outcome.DUPLICATE, first.lead)
    assert second.sentence == "Known already: Kampai Bar."
    assert Lead.objects.count() == 1
    assert said_of(first.lead)["opening_hours"] == ["Mo-Fr"]
    first.lead.refresh_from_db()
    assert first.lead.facts["name"]["value"] == "KAMPAI BAR PTE. LTD."  # as the register has it


def test_of_two_pages_the_one_a_lead_came_by_has_the_first_word(acme):
    first = taken(name="Kampai Bar", phones=("6123 4567",))
    second = make_listing(make_source("Another list"), name="Kampai & Co", phones=("6123 4567",))
    take(second, now=NOW)

    assert second.lead == first.lead
    first.lead.refresh_from_db()
    assert first.lead.facts["name"]["value"] == "Kampai Bar"


@pytest.mark.parametrize("shared", [
    {"websites": ("http://mall.example/shops/2",)}, {"image_hash": "00ff00ff00ff00fe"},
])  # fmt: skip
def test_what_may_be_chance_makes_a_lead_of_its_own_and_a_question(acme, shared):
    first = taken(name="Shop One", websites=("mall.example",), image_hash="00ff00ff00ff00ff")

    second = taken(name="Other Two", **shared)

    assert second.outcome == Outcome.TAKEN
    twin = LeadTwin.objects.get()
    assert (twin.first, twin.second, twin.state) == (first.lead, second.lead, "OPEN")
    assert twin.reasons[0]["kind"] in ("domain", "image")


def test_entries_of_one_page_are_not_one_business(acme):
    page = "https://data.example/list.csv"

    one, other = taken(name="One", url=page), taken(name="Other", url=page)

    assert (one.outcome, other.outcome) == (Outcome.TAKEN, Outcome.TAKEN)
    assert one.lead.source_ref == page
    assert other.lead.source_ref == f"{page}#{other.source_key}"


def test_providers_and_market_places_are_nobodys_own(acme):
    taken(name="One", emails=("one@gmail.com",), websites=("facebook.com/one",))

    taken(name="Two", emails=("two@gmail.com",), websites=("facebook.com/two",))

    assert Lead.objects.count() == 2
    assert not LeadTwin.objects.exists()


def test_a_long_address_is_cut_so_that_two_stay_two(acme):
    long = "https://list.example/" + "x" * 600

    refs = {taken(url=long + end).lead.source_ref for end in ("1", "2")}

    assert len(refs) == 2
    assert max(map(len, refs)) <= 500


def test_a_business_of_a_suppressed_lead_is_forgotten(acme):
    first = taken(name="Kampai", phones=("6123 4567",), websites=("kampai.example",))
    suppressions.add("DOMAIN", "kampai.example", reason="asked", actor="olga")

    second = taken(name="Kampai", phones=("6123 4567",))

    assert Lead.objects.get(pk=first.lead.pk).rejection_code == "suppressed"
    assert (second.outcome, second.lead) == (Outcome.SUPPRESSED, None)


texts = st.text(max_size=60)
values = st.lists(texts | st.sampled_from(["6123 4567", "a@b.example", "b.example"]), max_size=4)


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(name=texts, phones=values, emails=values, websites=values, street=texts, postcode=texts,
       services=values, country=texts,
       confidence=st.none() | st.floats() | st.booleans())  # fmt: skip
def test_whatever_a_source_writes_has_an_outcome(acme, **said):
    listing = make_listing()
    listing.record = {name: value for name, value in {**listing.record, **said}.items()
                      if value == value}  # fmt: skip  # no NaN in JSON
    listing.record = {name: _clean(value) for name, value in listing.record.items()}
    listing.save()

    take(listing, now=NOW)

    assert listing.outcome in (Outcome.TAKEN, Outcome.DUPLICATE, Outcome.REFUSED)
    assert (listing.lead is None) == (listing.outcome == Outcome.REFUSED)


def _clean(value):
    """What PostgreSQL's JSON takes at all."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "ignore").decode()
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return None if isinstance(value, float) and value in (float("inf"), float("-inf")) else value


def test_two_workers_at_once_make_one_lead(committed):
    with in_tenant("acme"):
        same = make_listing(phones=("6123 4567",))
        pair = [make_listing(phones=("6222 3333",), name=name) for name in ("One", "One Two")]
    gate = Barrier(4)

    def work(pk: int) -> None:
        try:
            with in_tenant("acme"):
                listing = Listing.objects.get(pk=pk)
                gate.wait(60)
                take(listing, now=NOW)
        finally:
            connection.close()

    workers = [Thread(target=work, args=[pk]) for pk in (same.pk, same.pk, *(p.pk for p in pair))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    with in_tenant("acme"):
        outcomes = sorted(Listing.objects.values_list("outcome", flat=True))
        assert outcomes == ["DUPLICATE", "TAKEN", "TAKEN"]
        assert Lead.objects.count() == 2


KILLED = """
import os, signal, django
django.setup()
from django.db.models.signals import post_save
from enrichment.listings.take import take
from enrichment.models import Listing
from icp.models import Lead
from tenants.context import in_tenant
post_save.connect(lambda **_: os.kill(os.getpid(), signal.SIGKILL), sender=Lead, weak=False)
with in_tenant("acme"):
    take(Listing.objects.get())
"""


def test_a_worker_killed_in_the_middle_leaves_the_listing_to_the_next(committed):
    with in_tenant("acme"):
        listing = make_listing(phones=("6123 4567",))

    died = subprocess.run([sys.executable, "-c", KILLED], env=committed.env, timeout=60,
                          check=False)  # fmt: skip

    assert died.returncode == -9
    with in_tenant("acme"):
        assert Listing.objects.get().outcome == Outcome.FOUND
        take(listing, now=NOW)
        assert listing.outcome == Outcome.TAKEN
        assert Lead.objects.count() == 1
