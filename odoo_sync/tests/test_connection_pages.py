"""The console's pages of connections: test, preview, and a key nobody reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from leadgen_project.sandbox.vendors.odoo import KEY, OdooStandIn
from leadgen_project.tests.console_data import make_people
from odoo_sync.models import OdooConnection
from odoo_sync.tests.factories import make_connection, make_lead
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent, User
from tenants.secrets import decrypt

LIST = "/admin/odoo_sync/odooconnection/"
FORM = {
    "name": "default", "database": "sandbox", "login": "sync", "key": KEY, "threshold": "80",
    "mappings-TOTAL_FORMS": "0", "mappings-INITIAL_FORMS": "0", "mappings-MIN_NUM_FORMS": "0",
    "mappings-MAX_NUM_FORMS": "1000",
}  # fmt: skip


@pytest.fixture
def odoo(settings) -> Iterator[OdooStandIn]:
    with OdooStandIn() as running:
        settings.ODOO_ALLOW_PRIVATE = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.fixture
def people(db):
    return make_people()


def sign_in(name: str, tenant: str = "acme") -> Client:
    client = Client()
    with in_public():
        client.force_login(User.objects.get(username=name))
        session = client.session
        session["tenant"] = tenant
        session.save()
    return client


def made() -> OdooConnection:
    with in_tenant("acme"):
        return OdooConnection.objects.get()


def test_an_owner_connects_an_odoo_and_the_key_is_never_shown_again(people, odoo):
    owner = sign_in("owner")

    owner.post(f"{LIST}add/", {**FORM, "url": odoo.url})
    connection = made()
    page = owner.post(f"{LIST}{connection.pk}/test/", follow=True).content.decode()

    assert decrypt(bytes(connection.secret)) == KEY
    assert (made().state, made().version, made().api) == ("READY", "19.0", "JSON-2")
    assert "Odoo 19.0 answers by JSON-2." in page
    assert KEY not in page
    with in_tenant("acme"):
        assert KEY not in "".join(str(each) for each in AuditEvent.objects.values_list())
    assert not made().is_on


def test_the_test_says_which_rights_and_fields_are_missing(people, odoo):
    odoo.forbidden.add(("crm.lead", "create"))
    del odoo.tables.fields["res.partner"]["company_registry"]
    with in_tenant("acme"):
        connection = make_connection(None, url=odoo.url)

    page = sign_in("operator").post(f"{LIST}{connection.pk}/test/", follow=True).content.decode()

    assert made().state == "WRONG"
    assert "The key&#x27;s user may not create crm.lead." in page
    assert "res.partner.company_registry does not exist in this Odoo." in page


def test_a_key_that_has_expired_is_said_so(people, odoo):
    with in_tenant("acme"):
        connection = make_connection(odoo)
    odoo.keys.clear()

    page = sign_in("operator").post(f"{LIST}{connection.pk}/test/", follow=True).content.decode()

    assert made().state == "KEY"
    assert "has expired" in page


@pytest.mark.parametrize("url", ["http://odoo.example", "https://10.0.0.8.example:99x", "ftp://a"])
def test_an_address_in_the_clear_or_none_at_all_is_not_taken(people, url):
    page = sign_in("owner").post(f"{LIST}add/", {**FORM, "url": url})

    assert page.status_code == 200
    with in_tenant("acme"):
        assert not OdooConnection.objects.exists()


def test_who_may_not_connect_may_look(people, odoo):
    with in_tenant("acme"):
        connection = make_connection(odoo)

    for name in ("reviewer", "auditor"):
        client = sign_in(name)
        assert client.get(LIST).status_code == 200
        assert client.get(f"{LIST}{connection.pk}/change/").status_code == 200
        assert client.post(f"{LIST}{connection.pk}/test/").status_code == 403
        assert client.get(f"{LIST}add/").status_code == 403


def test_the_preview_shows_to_the_letter_what_would_be_written(people, odoo):
    with in_tenant("acme"):
        connection = make_connection(odoo)
        lead = make_lead("KAYA TEA PTE. LTD.")
        asked = len(odoo.calls)

    client = sign_in("auditor")
    page = client.get(f"{LIST}{connection.pk}/preview/?lead={lead.pk}").content.decode()

    assert "KAYA TEA PTE. LTD." in page
    assert "&lt;p&gt;Score 82 of 100 (High)&lt;/p&gt;" in page
    assert "&amp;amp; hires in &amp;lt;Singapore&amp;gt;." in page
    assert len(odoo.calls) == asked
    for wanted in ("", lead.uen, "kaya tea", "nobody", "9" * 30):
        found = client.get(f"{LIST}{connection.pk}/preview/", {"lead": wanted})
        assert found.status_code == 200


def test_another_tenants_connection_is_not_there(people, odoo):
    with in_tenant("beta"):
        theirs = make_connection(odoo, pk=10**9)

    client = sign_in("owner")

    assert client.get(f"{LIST}{theirs.pk}/preview/").status_code == 404
    assert client.post(f"{LIST}{theirs.pk}/test/").status_code == 404
