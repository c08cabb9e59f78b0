"""Direct SQL, for those who must: rows a person sees, once, and never over a hand.

The tables are those of an Odoo 19.0, against which the same was run; see docs/runbooks/odoo.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.utils import timezone
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from odoo_sync.choose import choose_by_hand, choose_news
from odoo_sync.clients.direct_sql import DirectSql
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.examine import examine
from odoo_sync.import_dsn import import_dsn
from odoo_sync.models import OdooConflict, OdooConnection, OdooRecord
from odoo_sync.open import open_gateway
from odoo_sync.read_back import read_back
from odoo_sync.tests.factories import make_lead
from odoo_sync.tests.odoo_database import odoo_database
from odoo_sync.tests.test_sync import go, push_of


@pytest.fixture
def dsn(acme) -> Iterator[str]:
    with odoo_database() as address:
        yield address


@pytest.fixture
def direct(dsn) -> OdooConnection:
    import_dsn(dsn, actor="settings")
    OdooConnection.objects.update(
        options={"direct_sql": True, "tags": ["From leadgen"]}, login="sync", is_on=True
    )
    connection = OdooConnection.objects.get()
    examine(connection)
    return connection


def rows(dsn: str, statement: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as there:
        found = there.execute(statement)
        return found.fetchall() if found.description else []


def test_nothing_is_written_before_an_owner_says_so_under_the_warning(dsn):
    import_dsn(dsn, actor="settings")
    connection = OdooConnection.objects.get()

    with pytest.raises(OdooError, match="no access rules, no automation"):
        examine(connection)

    assert (connection.is_on, rows(dsn, "SELECT * FROM crm_lead")) == (False, [])


def test_its_version_and_rights_are_asked_of_the_database(direct):
    assert (direct.version, direct.api, direct.state) == ("19.0", "SQL", "READY")
    assert all(all(each.values()) for each in direct.findings["rights"].values())
    assert direct.findings["users"] == [[2, "Sync"]]


def test_rows_are_what_odoo_itself_would_have_left(direct, dsn):
    lead = make_lead("KAYA TEA PTE. LTD.")
    lead.contacts.update(email="Mei@Kaya.example")

    assert go(direct) == {"DONE": 1}

    company, person = rows(dsn, "SELECT * FROM res_partner WHERE create_uid = 2 ORDER BY id")
    (there,) = rows(dsn, "SELECT * FROM crm_lead")
    for row in (company, person, there):
        assert row["active"] is True
        assert (row["create_uid"], row["write_uid"]) == (2, 2)
        assert None not in (row["create_date"], row["write_date"])
    assert (company["is_company"], company["commercial_partner_id"]) == (True, company["id"])
    assert company["complete_name"] == "KAYA TEA PTE. LTD."
    assert (person["parent_id"], person["commercial_partner_id"]) == (company["id"],) * 2
    assert person["complete_name"] == "KAYA TEA PTE. LTD., Mei Tan"
    assert (person["email"], person["email_normalized"]) == ("Mei@Kaya.example", "mei@kaya.example")
    assert (person["street"], person["lang"]) == (company["street"], "en_US")
    assert (there["stage_id"], there["type"], there["user_id"]) == (2, "lead", None)
    assert (there["email_normalized"], there["phone_sanitized"]) == (
        "mei@kaya.example", "+6591234567",
    )  # fmt: skip
    assert (there["partner_id"], there["won_status"]) == (person["id"], "pending")
    known = rows(dsn, "SELECT module, model, res_id FROM ir_model_data WHERE module LIKE 'leadgen%'"
                      " AND name LIKE 'lead!_%' ESCAPE '!'")  # fmt: skip
    assert known == [{"module": direct.module, "model": "crm.lead", "res_id": there["id"]}]
    assert rows(dsn, "SELECT name->>'en_US' AS tag, active, parent_path FROM res_partner_category"
                     " JOIN res_partner_res_partner_category_rel ON category_id = id") == [
        {"tag": "From leadgen", "active": True, "parent_path": "1/"}
    ]  # fmt: skip
    assert rows(dsn, "SELECT count(*) FROM crm_tag_rel") == [{"count": 1}]


def test_a_second_sync_changes_no_row(direct, dsn):
    lead = make_lead()
    go(direct)
    tables = ("res_partner", "crm_lead", "crm_tag_rel", "ir_model_data")
    before = [rows(dsn, f"SELECT t.*, xmin FROM {table} t ORDER BY 1, 2") for table in tables]

    news = choose_news(direct, now=timezone.now())
    choose_by_hand(direct, [lead.pk], actor="olga", now=timezone.now())
    assert go(direct) == {"DONE": 1}

    after = [rows(dsn, f"SELECT t.*, xmin FROM {table} t ORDER BY 1, 2") for table in tables]
    assert (news, after) == (0, before)


def test_a_load_that_is_asked_for_twice_makes_one_row_and_leaves_it_as_it_is(direct, dsn):
    gateway = open_gateway(direct)
    asked = {"fields": ["id", "name", "type"], "data": [["leadgen_x.lead_1", "KAYA", "lead"]]}

    first = gateway.call("crm.lead", "load", **asked)
    rows(dsn, "UPDATE crm_lead SET name = 'By hand'")
    second = gateway.call("crm.lead", "load", **asked)

    assert first == second
    assert rows(dsn, "SELECT name FROM crm_lead") == [{"name": "By hand"}]


def test_a_load_is_all_or_nothing(direct, dsn):
    gateway = open_gateway(direct)
    data = [["leadgen_x.lead_1", "KAYA", "lead", "1"], ["leadgen_x.lead_2", "KAYO", "lead", "999"]]

    with pytest.raises(OdooError) as caught:
        gateway.call("crm.lead", "load", fields=["id", "name", "type", "partner_id/.id"], data=data)

    assert caught.value.trouble is Trouble.REFUSED
    assert rows(dsn, "SELECT * FROM crm_lead") == []


def test_a_value_changed_by_hand_stays_and_is_listed(direct, dsn):
    lead = make_lead()
    go(direct)
    rows(dsn, "UPDATE crm_lead SET city = 'Johor'")
    lead.facts["postal_code"] = {"value": "999999"}
    lead.save()
    choose_news(direct, now=timezone.now())

    go(direct)

    (there,) = rows(dsn, "SELECT city, zip FROM crm_lead")
    assert there == {"city": "Johor", "zip": "999999"}
    conflict = OdooConflict.objects.get()
    assert (conflict.field, conflict.ours, conflict.theirs) == ("city", "Singapore", "Johor")


def test_a_company_that_is_there_is_linked_not_doubled(direct, dsn):
    rows(dsn, "INSERT INTO res_partner (name, is_company, type, active, company_registry)"
              " VALUES ('Known', true, 'contact', true, '201512345K')")  # fmt: skip
    lead = make_lead(uen="201512345K")

    go(direct)

    record = OdooRecord.objects.get(push__lead=lead, kind="COMPANY")
    assert record.link_reason == "It has the same company number, 201512345K."
    assert rows(dsn, "SELECT name FROM res_partner WHERE is_company") == [{"name": "Known"}]


def test_what_became_of_it_is_read_back_and_a_won_lead_is_left_alone(direct, dsn):
    lead = make_lead()
    go(direct)
    rows(dsn, "UPDATE crm_lead SET stage_id = 1, user_id = 2")

    assert read_back(direct, open_gateway(direct)) == 1
    choose_by_hand(direct, [lead.pk], actor="olga", now=timezone.now())
    go(direct)

    push = push_of(lead)
    assert (push.outcome, push.stage_there, push.salesperson) == ("WON", "Won", "Sync")
    assert (push.state, push.code) == ("LEFT", "won")


@pytest.mark.parametrize(
    ("change", "trouble"),
    [({"dbname": "not_there"}, Trouble.AWAY), ({"host": "/nowhere"}, Trouble.AWAY)],
)
def test_a_database_that_is_not_there_is_said_so_without_its_address(dsn, change, trouble):
    with pytest.raises(OdooError) as caught:
        DirectSql(make_conninfo(dsn, **change)).ask_version()

    assert caught.value.trouble is trouble
    assert "nowhere" not in caught.value.sentence
