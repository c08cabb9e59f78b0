"""The first plan's database address is kept as a connection, switched off."""

from __future__ import annotations

import pytest

from leadgen_project.schedule import import_odoo
from odoo_sync.clients.trouble import OdooError
from odoo_sync.examine import examine
from odoo_sync.import_dsn import import_dsn
from odoo_sync.models import OdooConnection
from odoo_sync.tests.test_connection_pages import FORM, LIST, made, people, sign_in  # noqa: F401
from tenants.context import in_tenant
from tenants.models import Tenant
from tenants.secrets import decrypt

DSN = "postgresql://odoo:secret-word@db.example/customer"


def test_it_becomes_a_connection_once_switched_off_and_encrypted(acme):
    assert import_dsn(DSN, actor="settings")
    assert not import_dsn(DSN, actor="settings")

    kept = OdooConnection.objects.get()
    assert (kept.name, kept.way, kept.database, kept.is_on) == ("default", "SQL", "customer", False)
    assert decrypt(bytes(kept.secret)) == DSN
    assert "no access rules, no automation" in kept.state_reason


def test_what_is_no_dsn_is_refused_without_being_quoted(acme):
    with pytest.raises(ValueError, match="ODOO_POSTGRES_DSN") as caught:
        import_dsn("secret-word is no dsn", actor="settings")

    assert "secret-word" not in str(caught.value)


def test_nothing_goes_through_it_by_itself(acme):
    import_dsn(DSN, actor="settings")

    with pytest.raises(OdooError, match="go past Odoo"):
        examine(OdooConnection.objects.get())


def test_a_worker_imports_it_for_the_default_tenant_alone(db, settings):
    settings.ODOO_POSTGRES_DSN = DSN

    import_odoo()
    import_odoo()

    counts = {}
    for tenant in Tenant.objects.all():
        with in_tenant(tenant.pk):
            counts[tenant.pk] = OdooConnection.objects.count()
    assert sorted(counts.values()) == [0, 1]


def test_it_is_not_switched_on_before_an_address_and_a_key_take_its_place(people):  # noqa: F811
    with in_tenant("acme"):
        import_dsn(DSN, actor="settings")
    address, owner = f"{LIST}{made().pk}/change/", sign_in("owner")
    given = {**FORM, "url": "https://odoo.example", "is_on": "on"}

    owner.post(address, {**given, "key": ""})
    assert not made().is_on
    owner.post(address, given)

    assert (made().way, made().is_on, decrypt(bytes(made().secret))) == ("RPC", True, FORM["key"])
