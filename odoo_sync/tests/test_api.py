"""Odoo over the API: what a program reads and starts is what the console shows and does."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.models import Contact
from icp import suppressions
from icp.models import Lead
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from odoo_sync.choose import choose_news
from odoo_sync.models import OdooConnection, OdooPush
from odoo_sync.tests.factories import make_connection, make_lead
from odoo_sync.tests.test_sync import go
from tenants.context import in_tenant
from tenants.models import AuditEvent


@pytest.fixture
def owner(db) -> Caller:
    make_people()
    return Caller("owner")


@pytest.fixture
def linked(owner, odoo) -> OdooConnection:
    with in_tenant("acme"):
        return make_connection(odoo)


def edited_there(connection: OdooConnection, odoo) -> Lead:
    """A lead in Odoo with a city somebody changed there and news of ours for it."""
    lead = make_lead("KAYA ONE")
    go(connection)
    odoo.edit("crm.lead", odoo.by_name("crm.lead", "KAYA ONE")["id"], zip="111111")
    lead.facts["postal_code"] = {"value": "999999"}
    lead.save()
    choose_news(connection, now=timezone.now())
    go(connection)
    return lead


def test_what_was_accepted_is_sent_and_each_lead_says_where_it_stands(owner, linked, odoo):
    with in_tenant("acme"):
        make_lead("KAYA ONE")
        make_lead("KAYA TWO")
    odoo.tables.refuse = lambda model, row: (
        "The name is taken." if row.get("name") == "KAYA TWO" else ""
    )

    started = owner.post("odoo/pushes/start")
    again = owner.post("odoo/pushes/start")
    with in_tenant("acme"):
        go(linked)

    assert (started.status_code, started.json()) == (202, {"new": 2, "changed": 0, "waiting": 2})
    assert again.json() == {"new": 0, "changed": 0, "waiting": 2}
    rows = {row["name"]: row for row in owner.get("odoo/pushes").json()["results"]}
    assert rows["KAYA ONE"]["state"] == "DONE"
    assert "The name is taken." in rows["KAYA TWO"]["reason"]
    parked = owner.get("odoo/pushes", {"state": "PARKED"}).json()["results"]
    assert [row["name"] for row in parked] == ["KAYA TWO"]
    one = owner.get(f"odoo/pushes/{rows['KAYA ONE']['id']}").json()
    assert [record["kind"] for record in one["records"]] == ["COMPANY", "CONTACT", "LEAD"]
    assert [each["result"] for each in one["tries"]] == ["WROTE"]


def test_named_leads_are_approved_by_the_caller_and_strange_ids_are_told(owner, linked):
    with in_tenant("acme"):
        lead = make_lead("KAYA ONE", review="OPEN")
    strange = str(uuid.uuid4())

    sent = owner.post("odoo/pushes", {"lead_ids": [str(lead.public_id), strange]})
    again = owner.post("odoo/pushes", {"lead_ids": [str(lead.public_id)]})

    assert sent.json() == {"queued": 1, "already": 0, "unknown": [strange]}
    assert again.json() == {"queued": 0, "already": 1, "unknown": []}
    with in_tenant("acme"):
        assert OdooPush.objects.get().approved_by == "owner"
        actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
        assert list(actions)[-1] == "odoo_sync.push.approve"


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"is_on": False}, "No Odoo is in use"), ({"state": "KEY", "state_reason": "It refuses the"
     " key."}, "It refuses the key.")],
)  # fmt: skip
def test_an_odoo_that_cannot_be_asked_says_why(owner, linked, changes, words):
    with in_tenant("acme"):
        OdooConnection.objects.update(**changes)

    answer = owner.post("odoo/pushes/start")

    assert answer.status_code == 409
    assert words in answer.json()["detail"]


def test_the_plan_for_a_lead_is_what_is_written(owner, linked, odoo):
    with in_tenant("acme"):
        lead = make_lead("KAYA ONE")

    plan = owner.get(f"leads/{lead.public_id}/odoo").json()
    with in_tenant("acme"):
        go(linked)

    told = {row["model"] + row["kind"]: {each["field"]: each["value"] for each in row["values"]}
            for row in plan["records"]}  # fmt: skip
    there = odoo.by_name("crm.lead", "KAYA ONE")
    plain = ("name", "partner_name", "email_from", "phone", "zip", "priority", "description")
    assert {name: told["crm.leadLEAD"][name] for name in plain} == {
        name: there[name] for name in plain
    }
    assert told["res.partnerCOMPANY"]["country_id"] == "SG"
    assert plan["left_out"] == []
    assert odoo.writes  # and by the sync alone: the plan asked nothing


def test_a_suppressed_lead_s_plan_says_that_nothing_goes(owner, linked):
    with in_tenant("acme"):
        lead = make_lead("KAYA ONE")
        suppressions.add("EMAIL", Contact.objects.get().email, reason="asked us", actor="olga")

    assert owner.get(f"leads/{lead.public_id}/odoo").json()["is_suppressed"] is True


def test_a_conflict_shows_both_values_and_is_decided_once(owner, linked, odoo):
    with in_tenant("acme"):
        edited_there(linked, odoo)

    found = owner.get("odoo/conflicts", {"choice": "OPEN"}).json()["results"]
    shown = [(row["field"], row["ours"], row["theirs"]) for row in found]
    address = f"odoo/conflicts/{found[0]['id']}"
    done = owner.post(f"{address}/decide", {"choice": "OURS"})
    twice = owner.post(f"{address}/decide", {"choice": "THEIRS"})
    with in_tenant("acme"):
        go(linked)

    assert shown == [("zip", "999999", "111111")]
    assert (done.json()["choice"], done.json()["decided_by"]) == ("OURS", "owner")
    assert twice.status_code == 409
    assert odoo.by_name("crm.lead", "KAYA ONE")["zip"] == "999999"


def test_who_opted_out_after_a_push_is_recalled_once(owner, linked):
    with in_tenant("acme"):
        make_lead("KAYA ONE")
        go(linked)
        suppressions.add("EMAIL", Contact.objects.get().email, reason="asked us", actor="olga")

    (row,) = owner.get("odoo/recalls").json()["results"]
    done = owner.post(f"odoo/recalls/{row['id']}/done")
    twice = owner.post(f"odoo/recalls/{row['id']}/done")

    assert row["name"] == "KAYA ONE"
    assert (done.json()["done_by"], twice.status_code) == ("owner", 409)
    assert owner.get("odoo/recalls").json()["results"] == []
    assert len(owner.get("odoo/recalls", {"done": "true"}).json()["results"]) == 1


def test_a_list_costs_the_same_statements_for_one_row_and_for_three(owner, linked):
    def statements() -> int:
        with CaptureQueriesContext(connection) as counted:
            assert owner.get("odoo/pushes").status_code == 200
        return len(counted.captured_queries)

    with in_tenant("acme"):
        make_lead()
        go(linked)
    first = statements()
    with in_tenant("acme"):
        make_lead()
        make_lead()
        go(linked)

    assert statements() == first
