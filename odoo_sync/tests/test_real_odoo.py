"""The stand-in is as strict as the real one: the same against an Odoo 19 with CRM and Contacts.

Runs only where LIVE_ODOO_URL, _DATABASE, _LOGIN and _KEY name one; makes records and leaves them.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.utils import timezone

from odoo_sync.choose import choose_by_hand, choose_news
from odoo_sync.clients import gateway as calls
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.examine import examine
from odoo_sync.models import OdooConflict, OdooConnection, OdooRecord
from odoo_sync.open import open_gateway
from odoo_sync.read_back import read_back
from odoo_sync.tests.factories import make_lead
from odoo_sync.tests.test_sync import go, push_of
from tenants.secrets import encrypt

URL = os.environ.get("LIVE_ODOO_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="no LIVE_ODOO_URL")


@pytest.fixture
def connection(acme, settings) -> OdooConnection:
    settings.ODOO_ALLOW_PRIVATE = [urlsplit(URL).netloc]
    made = OdooConnection.objects.create(
        url=URL, database=os.environ["LIVE_ODOO_DATABASE"], login=os.environ["LIVE_ODOO_LOGIN"],
        secret=encrypt(os.environ["LIVE_ODOO_KEY"]), is_on=True,
    )  # fmt: skip
    assert examine(made) == []
    return made


@pytest.fixture
def lead(acme):
    """One this Odoo has never seen."""
    mark = uuid4().hex[:10]
    lead = make_lead(f"LIVE {mark} PTE. LTD.", uen=f"T{mark[:8].upper()}K")
    lead.facts["website"] = {"value": f"https://{mark}.example"}
    lead.save()
    lead.contacts.update(email=f"mei@{mark}.example")
    return lead


def record(lead, kind: str) -> int:
    return OdooRecord.objects.get(push__lead=lead, kind=kind).odoo_id


def test_a_lead_goes_there_once_and_is_read_back(connection, lead):
    assert go(connection) == {"DONE": 1}
    gateway = open_gateway(connection)
    fields = ["name", "type", "user_id", "partner_id", "email_normalized", "write_date"]
    before = calls.read(gateway, "crm.lead", ids=[record(lead, "LEAD")], fields=fields)

    choose_by_hand(connection, [lead.pk], actor="olga", now=timezone.now())
    assert go(connection) == {"DONE": 1}

    (there,) = before.values()
    assert (there["name"], there["type"], there["user_id"]) == (lead.name, "lead", False)
    assert there["partner_id"][0] == record(lead, "CONTACT")
    assert calls.read(gateway, "crm.lead", ids=list(before), fields=fields) == before
    assert read_back(connection, gateway) == 1
    assert push_of(lead).outcome == "OPEN"


def test_a_value_changed_there_stays_and_is_listed(connection, lead):
    go(connection)
    gateway = open_gateway(connection)
    number = record(lead, "LEAD")
    calls.write(gateway, "crm.lead", ids=[number], values={"city": "Johor"})
    lead.facts["postal_code"] = {"value": "999999"}
    lead.save()

    assert choose_news(connection, now=timezone.now()) == 1
    go(connection)

    there = calls.read(gateway, "crm.lead", ids=[number], fields=["city", "zip"])[number]
    assert (there["city"], there["zip"]) == ("Johor", "999999")
    assert OdooConflict.objects.get().theirs == "Johor"


def test_an_external_id_is_found_also_of_an_archived_lead(connection, lead):
    go(connection)
    gateway, number = open_gateway(connection), record(lead, "LEAD")
    calls.write(gateway, "crm.lead", ids=[number], values={"active": False})

    found = calls.by_external_id(
        gateway, module=connection.module, names=[f"lead_{lead.pk}", "lead_0"]
    )

    assert found == {f"lead_{lead.pk}": number}


def test_a_lost_lead_is_left_alone(connection, lead):
    go(connection)
    gateway = open_gateway(connection)
    gateway.call("crm.lead", "action_set_lost", ids=[record(lead, "LEAD")])
    lead.facts["postal_code"] = {"value": "999999"}
    lead.save()
    choose_news(connection, now=timezone.now())

    assert go(connection) == {"LEFT": 1}
    assert push_of(lead).code == "lost"


def test_a_key_that_does_not_hold_stops_the_connection(connection, lead):
    OdooConnection.objects.update(secret=encrypt("no key"))

    assert go(connection) == {"WAITING": 1}
    connection.refresh_from_db()
    assert connection.state == "KEY"


@pytest.mark.parametrize(
    ("model", "method", "given", "trouble"),
    [
        ("crm.lead", "load", {"fields": ["id", "nope"], "data": [["x.y", "1"]]}, Trouble.FIELD),
        ("crm.lead", "nope", {}, Trouble.FIELD),
        ("no.model", "search_read", {"domain": []}, Trouble.FIELD),
        ("res.users", "write", {"ids": [2], "vals": {"login": "x"}}, Trouble.RIGHT),
        ("ir.model.data", "search_read", {"domain": [], "fields": ["name"]}, Trouble.RIGHT),
        ("crm.lead", "write", {"ids": [2**31 - 1], "vals": {"name": "x"}}, Trouble.GONE),
    ],
)
def test_what_it_will_not_do_is_told_apart(connection, model, method, given, trouble):
    with pytest.raises(OdooError) as caught:
        open_gateway(connection).call(model, method, **given)

    assert (caught.value.trouble, caught.value.retryable) == (trouble, False)
