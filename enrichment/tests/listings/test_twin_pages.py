"""Duplicates and register matches in the console: who may see, who may decide, where one lands."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from enrichment.models import Listing
from enrichment.tests.listings.factories import taken
from enrichment.twin_models import LeadMerge, LeadTwin, RegisterMatch
from icp.models import Lead
from icp.tests.factories import make_company
from leadgen_project.tests.console_data import make_people
from tenants.context import in_tenant
from tenants.models import AuditEvent, User

LIST = "/admin/enrichment/leadtwin/"


@pytest.fixture
def pairs(db) -> list[LeadTwin]:
    """Two pairs that share a site, in the order of the list."""
    make_people()
    with in_tenant("acme"):
        for mall, names in (("one", ("Alpha", "Beta")), ("two", ("Cafe", "Pub"))):
            for name in names:
                taken(name=name, websites=(f"{mall}.example.sg/{name}",))
        return list(LeadTwin.objects.select_related("first", "second").order_by("-score", "pk"))


def browser(name: str = "operator") -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    session = client.session
    session["tenant"] = "acme"
    session.save()
    return client


def at(twin: LeadTwin, verb: str = "change") -> str:
    return f"{LIST}{twin.pk}/{verb}/"


def test_a_merge_is_seen_before_it_is_done_and_leads_to_the_next_pair(pairs):
    client, twin = browser(), pairs[0]
    assert twin.first.name in client.get(LIST).content.decode()

    page = client.get(at(twin), {"keep": twin.second_id}).content.decode()
    assert f"Merge: what goes over to {twin.second.name}" in page
    assert f"Keep {twin.first.name} instead" in page
    done = client.post(at(twin, "merge"), {"keep": twin.second_id})

    assert done.headers["Location"] == at(pairs[1])
    with in_tenant("acme"):
        merge = LeadMerge.objects.get()
        assert (merge.kept, merge.gone) == (twin.second, twin.first)
        assert Listing.objects.filter(lead=twin.second).count() == 2
        assert LeadTwin.objects.get(pk=twin.pk).state == "MERGED"
    kept_page = client.get(reverse("admin:icp_lead_change", args=[twin.second_id]))
    assert "Undo the merge" in kept_page.content.decode()

    client.post(f"{LIST}undo/{merge.pk}/")
    with in_tenant("acme"):
        assert LeadTwin.objects.get(pk=twin.pk).state == "OPEN"
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"enrichment.lead.merge", "enrichment.lead.undo_merge"} <= actions


def test_what_is_kept_apart_leaves_the_queue_and_may_come_back(pairs):
    client, twin = browser(), pairs[0]

    client.post(at(twin, "apart"), {"_reason": "Two brothers."})

    assert twin.second.name not in client.get(LIST).content.decode()
    assert "Two brothers." in client.get(LIST, {"state": "APART"}).content.decode()
    client.post(at(twin, "anew"))
    assert twin.second.name in client.get(LIST).content.decode()


def test_a_proposed_company_is_confirmed_on_the_page_of_the_lead(db):
    make_people()
    with in_tenant("acme"):
        make_company(uen="201912345A", name="KAMPAI BAR PTE. LTD.", name_key="KAMPAI BAR")
        lead = taken(name="Kampai Bar").lead
        match = RegisterMatch.objects.get()
    client, page = browser(), reverse("admin:icp_lead_change", args=[lead.pk])
    shown = client.get(page).content.decode()
    assert "no other living company has that name" in shown
    assert "© made-up people" in shown

    client.post(f"{LIST}match/{match.pk}/", {"verdict": "confirm"})

    with in_tenant("acme"):
        assert Lead.objects.get(pk=lead.pk).uen == "201912345A"
    assert client.post(f"{LIST}match/{match.pk}/", {"verdict": "x"}).status_code == 404
    assert "confirmed by a person" in client.get(page).content.decode()


@pytest.mark.parametrize("name", ["reviewer", "auditor"])
def test_who_only_looks_sees_the_pair_and_decides_nothing(pairs, name):
    client, twin = browser(name), pairs[0]

    page = client.get(at(twin)).content.decode()

    assert twin.first.name in page
    assert 'id="merge"' not in page
    for verb in ("merge", "apart", "anew"):
        assert client.post(at(twin, verb)).status_code == 403
    assert client.post(f"{LIST}undo/1/").status_code == 403
    assert client.post(f"{LIST}match/1/").status_code == 403


def test_nothing_is_decided_by_looking(pairs):
    client = browser()

    for verb in ("merge", "apart", "anew"):
        assert client.get(at(pairs[0], verb)).status_code == 405
    assert client.get(f"{LIST}999999999999/change/").status_code == 404
    assert client.get(f"{LIST}9999999999999999999999/change/").status_code == 404


def test_a_tenant_without_pairs_is_told_what_would_stand_here(db):
    make_people()

    assert "No two leads share anything" in browser().get(LIST).content.decode()


@pytest.mark.parametrize("page", ["leadtwin", "captchachallenge", "contact", "harvestrequest"])
@pytest.mark.parametrize("number", ["²", "0", "9" * 25, "x"])
def test_a_number_no_row_has_is_not_found(pairs, page, number):
    assert browser().get(f"/admin/enrichment/{page}/{number}/change/").status_code == 404
