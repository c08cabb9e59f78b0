"""The clients against a strict stand-in: both ways in, and every trouble by its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from leadgen_project.sandbox.vendors.odoo import DATABASE, KEY, LOGIN, OdooStandIn
from leadgen_project.sandbox.vendors.stand_in import Fault
from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway, RowsRefusedError
from odoo_sync.clients.line import Line
from odoo_sync.clients.sign_in import sign_in
from odoo_sync.clients.trouble import OdooError, Trouble


@pytest.fixture(params=["19.0", "17.0"])
def odoo(request) -> Iterator[OdooStandIn]:
    with OdooStandIn(version=request.param, slow_seconds=0.2, hang_seconds=3) as running:
        yield running


def line(odoo: OdooStandIn, **changes) -> Line:
    return Line(odoo.url, frozenset({("127.0.0.1", odoo.port)}), **changes)


def signed_in(odoo: OdooStandIn, *, key: str = KEY, database: str = DATABASE, **changes) -> Gateway:
    return sign_in(line(odoo, **changes), database=database, login=LOGIN, key=key)


def trouble_of(call) -> OdooError:
    with pytest.raises(OdooError) as caught:
        call()
    return caught.value


ROW = ["leadgen_acme.lead_1", "Kaya Pte Ltd", "lead"]


def load_one(gateway: Gateway, row=ROW) -> list[int]:
    return calls.load(gateway, "crm.lead", fields=["id", "name", "type"], rows=[row])


def test_the_newest_way_in_that_an_odoo_knows_is_taken(odoo):
    gateway = signed_in(odoo)

    assert (gateway.version, gateway.api) == (
        ("19.0", "JSON-2") if odoo.version == "19.0" else ("17.0", "JSON-RPC")
    )


def test_a_load_with_an_external_id_makes_one_record_however_often(odoo):
    gateway = signed_in(odoo)

    first, second = load_one(gateway), load_one(gateway)

    assert first == second
    assert [row["name"] for row in odoo.rows("crm.lead")] == ["Kaya Pte Ltd"]
    assert calls.by_external_id(gateway, module="leadgen_acme", names=["lead_1", "lead_2"]) == {
        "lead_1": first[0]
    }


def test_a_row_that_is_wrong_is_named_and_nothing_is_written(odoo):
    gateway = signed_in(odoo)

    with pytest.raises(RowsRefusedError) as caught:
        calls.load(gateway, "crm.lead", fields=["id", "name", "type"],
                   rows=[ROW, ["leadgen_acme.lead_2", "", "lead"]])  # fmt: skip

    assert [(each.row, each.field) for each in caught.value.complaints] == [(1, "name")]
    assert odoo.rows("crm.lead") == []
    assert not caught.value.retryable


def test_what_is_archived_is_read_too(odoo):
    gateway = signed_in(odoo)
    (number,) = load_one(gateway)
    calls.write(gateway, "crm.lead", ids=[number], values={"active": False})

    assert calls.search(gateway, "crm.lead", domain=[], fields=["name"]) == []
    assert calls.read(gateway, "crm.lead", ids=[number, 9999], fields=["name", "active"]) == {
        number: {"id": number, "name": "Kaya Pte Ltd", "active": False}
    }


def test_fields_and_rights_are_known(odoo):
    odoo.forbidden.add(("crm.lead", "create"))
    gateway = signed_in(odoo)

    fields = calls.fields_of(gateway, "crm.lead")

    assert ("mobile" in fields) == (odoo.version == "17.0")
    assert calls.may(gateway, "crm.lead", "write")
    assert not calls.may(gateway, "crm.lead", "create")


@pytest.mark.parametrize(
    ("call", "trouble"),
    [
        (lambda g: calls.write(g, "crm.lead", ids=[9999], values={"name": "x"}), Trouble.GONE),
        (lambda g: calls.fields_of(g, "crm.nothing"), Trouble.FIELD),
        (lambda g: calls.search(g, "crm.lead", domain=[["nose", "=", 1]], fields=["name"]),
         Trouble.FIELD),
        (lambda g: calls.load(g, "crm.lead", fields=["id", "nose"], rows=[["a.b", "x"]]),
         Trouble.FIELD),
    ],
)  # fmt: skip
def test_what_odoo_will_never_do_is_not_worth_repeating(odoo, call, trouble):
    gateway = signed_in(odoo)

    error = trouble_of(lambda: call(gateway))

    assert (error.trouble, error.retryable) == (trouble, False)
    assert "Traceback" not in str(error)


def test_a_right_that_is_missing_is_said_so(odoo):
    odoo.forbidden.add(("crm.lead", "create"))

    error = trouble_of(lambda: load_one(signed_in(odoo)))

    assert (error.trouble, error.retryable) == (Trouble.RIGHT, False)


def test_a_key_that_does_not_hold_is_no_outage_and_stands_in_no_text(odoo):
    error = trouble_of(lambda: load_one(signed_in(odoo, key="some-other-secret")))

    assert (error.trouble, error.retryable) == (Trouble.KEY, False)
    assert "some-other-secret" not in repr(error) + str(error)


def test_another_database_is_said_so(odoo):
    error = trouble_of(lambda: load_one(signed_in(odoo, database="elsewhere")))

    assert (error.trouble, error.retryable) == (Trouble.PLACE, False)


@pytest.mark.parametrize(
    "fault", [Fault.ERROR, Fault.UNAVAILABLE, Fault.RESET, Fault.RESET_AFTER, Fault.TRUNCATED]
)
def test_what_may_pass_is_worth_repeating_and_repeating_is_safe(odoo, fault):
    gateway = signed_in(odoo)
    load_one(gateway, ["leadgen_acme.lead_0", "Before", "lead"])
    odoo.fail_next(fault)

    error = trouble_of(lambda: load_one(gateway))
    load_one(gateway)

    assert (error.retryable, error.perhaps_done) == (True, True)
    assert [row["name"] for row in odoo.rows("crm.lead")] == ["Before", "Kaya Pte Ltd"]


def test_an_odoo_that_says_nothing_does_not_hold_us(odoo):
    gateway = signed_in(odoo, read_seconds=0.2)
    odoo.fail_next(Fault.HANG)

    error = trouble_of(lambda: load_one(gateway))

    assert (error.trouble, error.retryable) == (Trouble.AWAY, True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "https://127.0.0.1:{port}",
                                 "https://10.0.0.1", "http://odoo.example", "nothing"])  # fmt: skip
def test_an_address_inside_or_in_the_clear_is_not_asked(odoo, url):
    inside = Line(url.format(port=odoo.port))

    error = trouble_of(lambda: sign_in(inside, database="", login="", key=KEY))

    assert error.trouble is Trouble.PLACE
    assert odoo.calls == []
