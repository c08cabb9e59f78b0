"""The console's pages of what went to Odoo, by role, with data and without."""

from __future__ import annotations

import pytest
from django.utils import timezone

from enrichment.models import Contact
from icp import suppressions
from icp.models import Lead
from leadgen_project.tests.console_data import make_people
from odoo_sync.choose import choose_news
from odoo_sync.models import OdooConflict, OdooPush, OdooRecall
from odoo_sync.tests.factories import make_connection, make_lead
from odoo_sync.tests.test_connection_pages import sign_in
from odoo_sync.tests.test_sync import go
from tenants.context import in_tenant

PAGES = ("odoopush", "odooconflict", "odoorecall", "odooconnection")
BASE = "/admin/odoo_sync/"


@pytest.fixture
def people(db):
    return make_people()


@pytest.fixture
def world(people, odoo):
    """A lead in Odoo with a conflict, and one whose person opted out."""
    with in_tenant("acme"):
        connection = make_connection(odoo)
        lead, other = make_lead("KAYA ONE"), make_lead("KAYA TWO")
        go(connection)
        odoo.edit("crm.lead", odoo.by_name("crm.lead", "KAYA ONE")["id"], city="<Johor>")
        lead.facts["postal_code"] = {"value": "999999"}
        lead.save()
        choose_news(connection, now=timezone.now())
        go(connection)
        email = Contact.objects.get(lead=other).email
        suppressions.add("EMAIL", email, reason="asked us", actor="olga")
        return {"conflict": OdooConflict.objects.get().pk, "lead": lead.pk,
                "recall": OdooRecall.objects.get().pk}  # fmt: skip


@pytest.mark.parametrize("role", ["owner", "operator", "reviewer", "auditor"])
def test_every_member_reads_every_page(world, role):
    client = sign_in(role)

    shown = [client.get(f"{BASE}{page}/") for page in PAGES]

    assert [answer.status_code for answer in shown] == [200] * 4
    text = [answer.content.decode() for answer in shown]
    assert "KAYA ONE" in text[0]
    assert "&lt;Johor&gt;" in text[1]
    assert "<Johor>" not in text[1]
    assert "KAYA TWO" in text[2]


def test_pages_without_anything_say_what_to_do(people):
    client = sign_in("owner")

    text = [client.get(f"{BASE}{page}/").content.decode() for page in PAGES]

    said = (
        "No Odoo is in use",
        "Nothing is in conflict",
        "Nobody is to be recalled",
        "No Odoo yet",
    )
    for words, page in zip(said, text, strict=True):
        assert words in page


def test_a_person_decides_and_the_lead_is_sent_again(world):
    client = sign_in("reviewer")

    answer = client.post(f"{BASE}odooconflict/{world['conflict']}/decide/", {"choice": "OURS"})

    assert answer.status_code == 302
    with in_tenant("acme"):
        assert OdooConflict.objects.get().choice == "OURS"
        assert OdooPush.objects.get(lead_id=world["lead"]).state == "WAITING"


def test_a_recall_is_seen_to(world):
    sign_in("reviewer").post(f"{BASE}odoorecall/{world['recall']}/done/")

    with in_tenant("acme"):
        assert OdooRecall.objects.get().done_by == "reviewer"


def test_leads_are_sent_by_button_by_those_who_may(world):
    for role, status in (("operator", 302), ("reviewer", 403), ("auditor", 403)):
        client = sign_in(role)
        assert client.post(f"{BASE}odoopush/send/").status_code == status
        address = f"{BASE}odoopush/lead/{world['lead']}/send/"
        assert client.post(address).status_code == status
    with in_tenant("acme"):
        assert OdooPush.objects.get(lead_id=world["lead"]).approved_by == "operator"


@pytest.mark.parametrize("address", ["odoopush/send/", "odooconflict/1/decide/",
                                     "odoorecall/1/done/", "odooconnection/1/test/",
                                     "odoopush/lead/1/send/"])  # fmt: skip
def test_nothing_changes_by_looking(world, address):
    assert sign_in("owner").get(f"{BASE}{address}").status_code == 405


def test_the_page_of_a_lead_shows_what_odoo_says(world):
    text = sign_in("auditor").get(f"/admin/icp/lead/{world['lead']}/change/").content.decode()

    assert "1 value in conflict" in text
    assert "number" in text


def test_progress_is_told_while_something_is_on_its_way(world):
    client = sign_in("auditor")
    assert client.get(f"{BASE}odoopush/live/").json()["open"] is False
    with in_tenant("acme"):
        OdooPush.objects.filter(lead_id=world["lead"]).update(state="WAITING")

    assert client.get(f"{BASE}odoopush/live/").json()["open"] is True


def test_the_list_flags_what_has_ceased_and_says_how_buckets_fared(world):
    with in_tenant("acme"):
        push = OdooPush.objects.get(lead_id=world["lead"])
        OdooPush.objects.filter(pk=push.pk).update(outcome="WON", stage_there="Won")
        Lead.objects.filter(pk=world["lead"]).update(
            stage="REJECTED", rejection_code="ceased", rejection_reason="It has ceased."
        )

    text = sign_in("auditor").get(f"{BASE}odoopush/").content.decode()

    assert text.count('<span class="lg-tag lg-tag-bad">Ceased</span>') == 1
    assert "HIGH</b> 1 won, 0 lost, 0 open" in text
