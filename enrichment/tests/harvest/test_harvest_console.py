"""The console's pages of harvests and their sources."""

from __future__ import annotations

import json
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from enrichment.harvest_models import HarvestRequest, HarvestSource, Listing
from enrichment.tests.harvest.rig import make_harvest, make_source
from leadgen_project.sandbox import listing_site
from leadgen_project.sandbox.loopback import Request
from leadgen_project.tests.console_data import make_people
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent, User

LIST = "admin:enrichment_harvestrequest_changelist"
ADD = "admin:enrichment_harvestrequest_add"
SOURCES = "admin:enrichment_harvestsource_changelist"
TERMS = {
    "terms_url": "https://a.example/terms", "terms_read_on": "2026-11-01", "terms_read_by": "Tan",
    "allowed_use": "Our own list.", "licence": "own", "attribution": "Us",
    "min_interval_s": "1.5", "daily_cap": "100",
}  # fmt: skip


def enter(name):
    client = Client()
    with in_public():
        client.force_login(User.objects.get(username=name))
    session = client.session
    session["tenant"] = "acme"
    session.save()
    return client


@pytest.fixture
def owner(db):
    make_people()
    return enter("owner")


def said(answer):
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def page_of(path):
    return listing_site.answer(
        Request("GET", f"http://{listing_site.HOST}{path}", {})
    ).body.decode()


def act(client, source, verb, **sent):
    where = reverse("admin:enrichment_source_act", args=[source.pk, verb])
    return said(client.post(where, sent, follow=True))


def test_empty_pages_say_what_to_do_and_only_to_those_who_may(owner):
    assert "Harvest sources" in said(owner.get(reverse(LIST)))
    assert "Add OpenStreetMap" in said(owner.get(reverse(SOURCES)))
    auditor = enter("auditor")
    assert "Add OpenStreetMap" not in said(auditor.get(reverse(SOURCES)))
    assert auditor.get(reverse(ADD)).status_code == 403
    assert auditor.get(reverse("admin:enrichment_harvestsource_add")).status_code == 403


def test_a_source_is_switched_on_only_when_its_terms_are_recorded(owner):
    made = owner.post(
        reverse("admin:enrichment_harvestsource_add"),
        {"kind": "OVERPASS", "name": "OpenStreetMap", "options": "{}"}, follow=True,
    )  # fmt: skip
    with in_tenant("acme"):
        source = HarvestSource.objects.get()
    assert "lacks where its terms stand, when they were read, who read them" in said(made)

    assert "Its terms record lacks" in act(owner, source, "on")
    where = reverse("admin:enrichment_harvestsource_change", args=[source.pk])
    said(owner.post(where, {"name": "OpenStreetMap", "options": "{}", **TERMS}, follow=True))
    assert "OpenStreetMap is on." in act(owner, source, "on")

    with in_tenant("acme"):
        source.refresh_from_db()
        actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert (source.is_enabled, source.terms_read_on) == (True, date(2026, 11, 1))
    assert actions == ["enrichment.save_source", "enrichment.save_source",
                       "enrichment.switch_source"]  # fmt: skip


def test_taking_a_term_away_switches_the_source_off(owner):
    with in_tenant("acme"):
        source = make_source()
    where = reverse("admin:enrichment_harvestsource_change", args=[source.pk])

    owner.post(where, {**TERMS, "name": "x", "options": "{}", "licence": ""})

    with in_tenant("acme"):
        source.refresh_from_db()
    assert source.is_enabled is False


def test_selectors_are_tried_on_stored_pages_and_again_after_each_change(owner):
    with in_tenant("acme"):
        source = make_source("HTML_LIST", is_enabled=False, options=listing_site.OPTIONS)
    where = reverse("admin:enrichment_harvestsource_change", args=[source.pk])
    assert "were not tried on a stored page" in act(owner, source, "on")

    tried = act(owner, source, "try", list_page=page_of("/list/singapore"),
                entry_page=page_of("/entry/7"))  # fmt: skip
    assert "10 entries found" in tried
    assert "6734 0007" in tried
    assert "6735 0007" in tried
    assert "/list/singapore?page=2" in tried
    assert "is on." in act(owner, source, "on")

    changed = json.dumps({**listing_site.OPTIONS, "max_pages": 3})
    said(owner.post(where, {**TERMS, "name": "x", "options": changed}, follow=True))
    with in_tenant("acme"):
        source.refresh_from_db()
    assert source.is_enabled is False
    assert "were not tried on a stored page" in act(owner, source, "on")


def test_a_trial_that_finds_nothing_opens_nothing(owner):
    with in_tenant("acme"):
        source = make_source("HTML_LIST", is_enabled=False, options=listing_site.OPTIONS)

    act(owner, source, "try", list_page="<p>none</p>", entry_page="<p>none</p>")

    assert "found no entry, or no name of one" in act(owner, source, "on")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"options": "{"}, "no JSON"),
        ({"options": "[]"}, "JSON object"),
        ({"options": '{"item": "li[["}'}, "list_url"),
        ({"terms_url": "javascript:alert(1)"}, "begins with https://"),
        ({"terms_read_on": "yesterday"}, "year-month-day"),
        ({"daily_cap": "many"}, "are numbers"),
        ({"min_interval_s": "nan"}, "Seconds between requests"),
        ({"name": ""}, "Give it a name"),
    ],
)
def test_what_a_form_gets_wrong_is_said_and_nothing_is_lost(owner, sent, words):
    with in_tenant("acme"):
        source = make_source("HTML_LIST", is_enabled=False)
    where = reverse("admin:enrichment_harvestsource_change", args=[source.pk])

    shown = said(owner.post(where, {**TERMS, "name": "kept", "options": "{}", **sent}))

    assert words in shown
    assert "Our own list." in shown
    with in_tenant("acme"):
        assert HarvestSource.objects.get().name == source.name


def test_a_file_is_looked_at_before_it_is_kept(owner):
    with in_tenant("acme"):
        source = make_source("OPEN_DATA", options={"columns": {"name": "centre"}})

    def send(text, **more):
        return act(owner, source, "file", file=SimpleUploadedFile("a.csv", text.encode()), **more)

    assert "The file has no column centre" in send("x\n1\n")
    looked = send("centre\nSmile\nTeeth\n")
    assert "2 entries. Not kept yet" in looked
    assert "Smile" in looked
    with in_tenant("acme"):
        assert source.files.count() == 0
    assert "2 entries. The source is read from it now." in send("centre\nSmile\nTeeth\n", keep="1")
    send("centre\nSmile\nTeeth\n", keep="1")
    with in_tenant("acme"):
        assert source.files.count() == 1


def test_a_harvest_is_looked_at_before_it_is_started(owner):
    with in_tenant("acme"):
        make_source(name="OpenStreetMap")
    form = {"city": "Austin", "category": "dentist", "wanted": "20"}

    looked = said(owner.post(reverse(ADD), {**form, "look": "1"}))
    assert "Austin is in US (America/Chicago)" in looked
    assert "Reading costs nothing" in looked
    with in_tenant("acme"):
        assert not HarvestRequest.objects.exists()
    started = said(owner.post(reverse(ADD), {**form, "start": "1"}, follow=True))

    assert "20 dentist in Austin is under way." in started
    assert "© the makers" in started


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"city": "Atlantis"}, "no city that is known"), ({"wanted": "x"}, "1 to 1,000"),
        ({"source": "77777"}, ""), ({"template": "9"}, "There is no template 9"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_says_why(owner, sent, words):
    with in_tenant("acme"):
        make_source(name="OpenStreetMap")
    form = {"city": "Austin", "category": "dentist", "wanted": "20", "start": "1", **sent}

    assert words in said(owner.post(reverse(ADD), form, follow=True))


def test_the_page_of_a_harvest_shows_entries_with_reasons_and_its_live_part(owner):
    with in_tenant("acme"):
        harvest = make_harvest(wanted=2)
        for number, outcome in enumerate(("TAKEN", "REFUSED"), 1):
            Listing.objects.create(
                source=harvest.source, source_key=f"node/{number}", request=harvest,
                position=number, outcome=outcome, url="https://www.openstreetmap.org/node/1",
                code="closed" * (outcome == "REFUSED"), sentence="It is gone." * (number == 2),
                record={"name": f"<b>Sandbox {number}</b>"},
            )  # fmt: skip
    where = reverse("admin:enrichment_harvestrequest_change", args=[harvest.pk])

    whole, refused = said(owner.get(where)), said(owner.get(where, {"outcome": "REFUSED"}))
    live = owner.get(reverse("admin:enrichment_harvest_live", args=[harvest.pk])).json()

    assert "&lt;b&gt;Sandbox 1&lt;/b&gt;" in whole
    assert "Sandbox 1" not in refused
    assert "It is gone." in refused
    assert live["open"] is True
    assert "became no leads: closed (1)." in live["html"]


def test_a_harvest_is_paused_resumed_and_cancelled_by_those_who_may(owner):
    with in_tenant("acme"):
        harvest = make_harvest()

    def tell(client, verb):
        where = reverse("admin:enrichment_harvest_act", args=[harvest.pk, verb])
        return client.post(where, {"_reason": "Lunch."}, follow=True)

    assert tell(enter("reviewer"), "pause").status_code == 403
    assert "Paused." in said(tell(owner, "pause"))
    assert "Resumed." in said(tell(owner, "resume"))
    assert "Cancelled." in said(tell(owner, "cancel"))
    assert "the harvest is cancelled" in said(tell(owner, "cancel"))
    assert "cannot be told to dance" in said(tell(owner, "dance"))
    assert owner.get(reverse("admin:enrichment_harvest_act", args=[harvest.pk, "pause"])
                     ).status_code == 405  # fmt: skip


def test_a_city_of_which_there_are_several_is_told_apart_by_a_click(owner):
    found = [
        {"area": 3_600_000_000 + number, "level": 8, "label": label, "box": [1, 2, 3, 4]}
        for number, label in ((186579, "Portland, Oregon"), (132502, "Portland, Maine"))
    ]
    with in_tenant("acme"):
        source = make_source(options={"unclear": {"portland": found}})
    shown = said(owner.get(reverse("admin:enrichment_harvestsource_change", args=[source.pk])))
    assert "Which Portland?" in shown
    assert 'name="relation" value="132502"' in shown

    shown = act(owner, source, "area", city="portland", relation="132502")

    assert "Which Portland?" not in shown
    with in_tenant("acme"):
        source.refresh_from_db()
    assert source.options == {"areas": {"portland": found[1]}, "unclear": {}}


def test_which_relation_a_city_is_can_be_said(owner):
    with in_tenant("acme"):
        source = make_source()

    assert "The city is noted." in act(owner, source, "area", city="Portland", relation="186579")
    assert "no city known here" in act(owner, source, "area", city="Atlantis", relation="1")

    with in_tenant("acme"):
        source.refresh_from_db()
    assert source.options["areas"]["portland"]["area"] == 3_600_186_579
