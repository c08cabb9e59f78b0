"""Leads go to Odoo once, whatever is lost on the way, and never against a hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from enrichment.models import Contact
from icp import suppressions
from icp.models import Lead
from leadgen_project.sandbox.vendors.odoo import OdooStandIn
from leadgen_project.sandbox.vendors.stand_in import Fault
from odoo_sync import push
from odoo_sync.choose import choose, choose_by_hand, choose_news
from odoo_sync.models import OdooConflict, OdooConnection, OdooMapping, OdooPush
from odoo_sync.sync import sync
from odoo_sync.tests.factories import make_connection, make_lead
from tenants.context import in_tenant
from tenants.secrets import encrypt


def go(connection: OdooConnection, **options) -> dict[str, int]:
    """Choose and send all that may go, as if every pause were over."""
    choose(connection, now=timezone.now())
    OdooPush.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    OdooConnection.objects.update(not_before=None)
    connection.refresh_from_db()
    return dict(sync(connection, seconds=30, **options))


def push_of(lead: Lead) -> OdooPush:
    return OdooPush.objects.get(lead=lead)


def writes(odoo: OdooStandIn) -> list[tuple[str, str]]:
    return [(model, method) for model, method, _ in odoo.writes]


@contextmanager
def after_each_load(happens: Callable[[str], None]) -> Iterator[None]:
    """Something else happens once Odoo has answered a load."""
    real = push._load

    def load(connection, gateway, kind, works):
        done = real(connection, gateway, kind, works)
        happens(kind)
        return done

    push._load = load
    try:
        yield
    finally:
        push._load = real


@pytest.fixture(params=["19.0", "17.0"])
def either(request, acme, settings):
    with OdooStandIn(version=request.param) as running:
        settings.ODOO_ALLOW_PRIVATE = [f"127.0.0.1:{running.port}"]
        yield running


def test_an_accepted_lead_becomes_a_company_a_contact_and_a_lead(either):
    connection = make_connection(either)
    lead = make_lead("KAYA TEA PTE. LTD.")

    assert go(connection) == {"DONE": 1}

    company = either.by_name("res.partner", "KAYA TEA PTE. LTD.")
    person = either.by_name("res.partner", "Mei Tan")
    there = either.by_name("crm.lead", "KAYA TEA PTE. LTD.")
    assert (company["is_company"], company["company_registry"]) == (True, lead.uen)
    assert (company["country_id"], company["zip"]) == (197, "068898")
    assert (person["parent_id"], person["function"]) == (company["id"], "Head of Sales")
    assert (there["type"], there["user_id"], there["partner_id"]) == ("lead", False, person["id"])
    assert (there["priority"], there["stage_id"], there["active"]) == ("3", 1, True)
    assert "&lt;Singapore&gt;" in there["description"]
    assert push_of(lead).pushed_score == 82


def test_a_second_sync_of_unchanged_leads_writes_nothing_and_asks_nothing(connection, odoo):
    for _ in range(3):
        make_lead()
    go(connection)
    written, asked = len(odoo.writes), len(odoo.calls)

    news = choose_news(connection, now=timezone.now())
    assert go(connection) == {}

    assert (news, len(odoo.writes), len(odoo.calls)) == (0, written, asked)


def test_pushing_by_hand_what_has_not_changed_writes_nothing(connection, odoo):
    lead = make_lead()
    go(connection)
    written = writes(odoo)

    choose_by_hand(connection, [lead.pk], actor="olga", now=timezone.now())
    assert go(connection) == {"DONE": 1}

    assert writes(odoo) == written


def test_only_what_is_new_is_written(connection, odoo):
    lead = make_lead()
    go(connection)
    before = len(odoo.writes)
    lead.facts["phone"] = {"value": "+6560000000"}
    lead.save()

    assert choose_news(connection, now=timezone.now()) == 1
    go(connection)

    assert [(model, what[1]) for model, _, what in odoo.writes[before:]] == [
        ("res.partner", {"phone": "+6560000000"})
    ]


def test_a_lead_nobody_accepted_does_not_go(connection, odoo):
    make_lead(review="OPEN")
    make_lead(stage="SCORED")

    assert go(connection) == {}
    assert odoo.writes == []


def test_good_leads_go_by_themselves_where_a_tenant_says_so(connection, odoo):
    OdooConnection.objects.update(is_automatic=True, threshold=80)
    connection.refresh_from_db()
    good, _ = make_lead(review="OPEN", score=80), make_lead(review="OPEN", score=79)

    assert go(connection) == {"DONE": 1}
    assert push_of(good).approved_by == "automatic, from a score of 80"


# --- once --------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.ERROR])
@pytest.mark.parametrize("place", [0, 3, 4, 5, 6, 8])
def test_whatever_answer_is_lost_nothing_is_made_twice(connection, odoo, fault, place):
    leads = [make_lead() for _ in range(2)]
    choose(connection, now=timezone.now())
    number = len(odoo.calls) + 1 + place
    odoo.fail_when = lambda _call: fault if len(odoo.calls) == number else None

    for _ in range(4):
        go(connection)

    assert {push.state for push in OdooPush.objects.all()} == {"DONE"}
    assert len(odoo.rows("crm.lead")) == len(leads)
    assert len(odoo.rows("res.partner")) == 2 * len(leads)
    assert OdooConflict.objects.count() == 0


def test_what_was_edited_after_a_lost_answer_stays(connection, odoo):
    lead = make_lead()
    choose(connection, now=timezone.now())

    def cut_off(call):
        if odoo.writes and odoo.writes[-1][0] == "crm.lead":
            return Fault.UNAVAILABLE
        return Fault.RESET_AFTER if "crm.lead/load" in call.path else None

    odoo.fail_when = cut_off
    go(connection)
    odoo.fail_when = None
    there = odoo.by_name("crm.lead", lead.name)
    odoo.edit("crm.lead", there["id"], city="Johor")

    go(connection)

    assert odoo.by_name("crm.lead", lead.name)["city"] == "Johor"
    assert [row.field for row in OdooConflict.objects.all()] == ["city"]


def test_a_record_odoo_refuses_stops_no_other_and_says_why(connection, odoo):
    leads = [make_lead() for _ in range(5)]
    bad = leads[2]
    odoo.tables.refuse = lambda model, row: (
        "The number is no good." if row.get("company_registry") == bad.uen else ""
    )

    assert go(connection) == {"DONE": 4, "PARKED": 1}

    assert push_of(bad).sentence == "Odoo refused it. name: The number is no good."
    assert len(odoo.rows("crm.lead")) == 4


def test_a_record_that_breaks_odoo_is_tried_alone_and_parked(connection, odoo):
    leads = [make_lead() for _ in range(3)]
    odoo.fail_when = lambda call: (
        leads[1].uen in str(call.question) and "load" in call.path and Fault.ERROR
    )

    for _ in range(8):
        go(connection)

    assert push_of(leads[1]).state == "PARKED"
    assert push_of(leads[1]).sentence.startswith("Odoo failed 6 times at it")
    assert [push_of(leads[at]).state for at in (0, 2)] == ["DONE", "DONE"]


def test_an_odoo_that_is_away_is_waited_for_longer_each_time(connection, odoo):
    make_lead()
    odoo.fail_when = lambda call: Fault.UNAVAILABLE
    pauses = []
    for _ in range(3):
        go(connection)
        connection.refresh_from_db()
        pauses.append(round((connection.not_before - timezone.now()).total_seconds(), -1))

    odoo.fail_when = None
    assert pauses == [30, 60, 120]
    assert go(connection) == {"DONE": 1}
    assert OdooPush.objects.get().attempts == 0


def test_an_expired_key_stops_the_connection_and_loses_nothing(connection, odoo):
    lead = make_lead()
    odoo.keys.clear()

    go(connection)
    connection.refresh_from_db()

    assert (connection.state, push_of(lead).state) == ("KEY", "WAITING")
    assert "has expired" in connection.state_reason
    odoo.keys.add("odoo-sandbox-key")
    connection.note("READY")
    assert go(connection) == {"DONE": 1}


def test_a_lead_deleted_in_odoo_comes_back_only_when_asked_for(connection, odoo):
    lead = make_lead()
    go(connection)
    odoo.delete("crm.lead", odoo.by_name("crm.lead", lead.name)["id"])
    lead.facts["phone"] = {"value": "+6560000000"}
    lead.save()
    choose_news(connection, now=timezone.now())

    assert go(connection) == {"LEFT": 1}
    assert odoo.rows("crm.lead") == []

    choose_by_hand(connection, [lead.pk], actor="olga", now=timezone.now())
    assert go(connection) == {"DONE": 1}
    assert len(odoo.rows("crm.lead")) == 1
    assert len(odoo.rows("res.partner")) == 2


# --- what was there before -----------------------------------------------------------------------
def test_a_company_with_the_same_number_is_linked_with_a_reason(connection, odoo):
    lead = make_lead()
    theirs = odoo.add("res.partner", name="Kaya (our old customer)", is_company=True,
                      company_registry=lead.uen, phone="+65 9999 9999")  # fmt: skip

    go(connection)

    record = push_of(lead).records.get(kind="COMPANY")
    company = odoo.tables.rows["res.partner"][theirs]
    assert (record.odoo_id, record.link_reason) == (
        theirs, f"It has the same company number, {lead.uen}.")  # fmt: skip
    assert (company["name"], company["phone"]) == ("Kaya (our old customer)", "+65 9999 9999")
    assert company["zip"] == "068898"
    assert len([row for row in odoo.rows("res.partner") if row.get("is_company")]) == 1


def test_a_company_with_the_same_site_and_a_lead_with_the_same_address_are_linked(connection, odoo):
    lead = make_lead()
    host = lead.facts["website"]["value"].removesuffix("/about")
    odoo.add("res.partner", name="Kaya", is_company=True, website=host.replace("//", "//www."))
    odoo.add("res.partner", name="Not Kaya", is_company=True, website=f"{host}.other.example")
    email = Contact.objects.get().email
    open_lead = odoo.add("crm.lead", name="Tea for Kaya", type="opportunity",
                         email_from=email.upper())  # fmt: skip

    go(connection)

    reasons = dict(push_of(lead).records.values_list("kind", "link_reason"))
    assert reasons["COMPANY"].startswith("It has the same web site")
    assert reasons["LEAD"] == f"It has the same e-mail address, {email}."
    assert [row["id"] for row in odoo.rows("crm.lead")] == [open_lead]
    assert odoo.rows("crm.lead")[0]["name"] == "Tea for Kaya"
    assert len([row for row in odoo.rows("res.partner") if row.get("is_company")]) == 2


def test_two_leads_of_one_company_make_one_company_there(connection, odoo):
    one = make_lead()
    make_lead("KAYA AGAIN", uen=one.uen, contact=False)

    go(connection)
    go(connection)

    assert len([row for row in odoo.rows("res.partner") if row.get("is_company")]) == 1
    assert {push.state for push in OdooPush.objects.all()} == {"DONE"}


# --- never against a hand ------------------------------------------------------------------------
def test_a_value_changed_by_hand_stays_and_is_listed_with_both(connection, odoo):
    lead = make_lead()
    go(connection)
    there = odoo.by_name("crm.lead", lead.name)
    odoo.edit("crm.lead", there["id"], city="Johor", priority="1")
    lead.facts["postal_code"] = {"value": "999999"}
    lead.save()
    choose_news(connection, now=timezone.now())

    go(connection)

    now = odoo.by_name("crm.lead", lead.name)
    assert (now["city"], now["priority"], now["zip"]) == ("Johor", "1", "999999")
    found = OdooConflict.objects.order_by("field").values_list("field", "ours", "theirs", "choice")
    assert list(found) == [("city", "Singapore", "Johor", "OPEN"), ("priority", "3", "1", "OPEN")]


@pytest.mark.parametrize(("state", "values"), [
    ("won", {"stage_id": 4}), ("lost", {"active": False, "probability": 0.0}),
    ("archived", {"active": False, "probability": 40.0}),
])  # fmt: skip
def test_a_lead_that_is_over_in_odoo_is_left_alone(connection, odoo, state, values):
    lead = make_lead()
    go(connection)
    odoo.edit("crm.lead", odoo.by_name("crm.lead", lead.name)["id"], **values)
    before = len(odoo.writes)
    lead.facts["phone"] = {"value": "+6560000000"}
    lead.save()
    choose_news(connection, now=timezone.now())

    assert go(connection) == {"LEFT": 1}

    assert push_of(lead).code == state
    assert len(odoo.writes) == before


def test_tags_of_others_stay_and_ours_are_made_once(connection, odoo):
    OdooConnection.objects.update(options={"tags": ["leadgen"]})
    connection.refresh_from_db()
    lead = make_lead()
    go(connection)
    there = odoo.by_name("crm.lead", lead.name)
    own = odoo.add("crm.tag", name="Siti's")
    odoo.edit("crm.lead", there["id"], tag_ids=[[4, own, 0]])
    OdooConnection.objects.update(options={"tags": ["leadgen", "autumn"]})
    connection.refresh_from_db()
    choose_news(connection, now=timezone.now())

    go(connection)

    tags = odoo.by_name("crm.lead", lead.name)["tag_ids"]
    names = sorted(odoo.tables.rows["crm.tag"][each]["name"] for each in tags)
    assert names == ["Siti's", "autumn", "leadgen"]


def test_a_field_of_ones_own_is_filled(connection, odoo):
    odoo.tables.fields["crm.lead"]["x_score"] = "integer"
    connection.findings["fields"]["crm.lead"]["x_score"] = {"type": "integer"}
    connection.save()
    OdooMapping.objects.create(connection=connection, kind="LEAD", field="x_score", source="score")
    lead = make_lead()

    go(connection)

    assert odoo.by_name("crm.lead", lead.name)["x_score"] == 82


# --- suppressions --------------------------------------------------------------------------------
def test_who_is_suppressed_does_not_go(connection, odoo):
    lead = make_lead()
    choose(connection, now=timezone.now())
    suppressions.add("EMAIL", Contact.objects.get().email, reason="asked us", actor="olga")

    assert go(connection) == {"REFUSED": 1}

    assert push_of(lead).code == "suppressed"
    assert odoo.writes == []


def test_an_opt_out_between_two_requests_stops_what_is_left(connection, odoo):
    lead = make_lead()
    email = Contact.objects.get().email
    choose(connection, now=timezone.now())

    def opt_out(kind: str) -> None:
        if kind == "COMPANY":
            suppressions.add("EMAIL", email, reason="asked us", actor="olga")

    with after_each_load(opt_out):
        assert go(connection) == {"LEFT": 1}

    assert push_of(lead).code == "suppressed"
    assert odoo.rows("crm.lead") == []


def test_two_tenants_push_to_two_odoos_and_nothing_crosses(acme, beta, odoo, settings):
    with OdooStandIn(keys={"beta-odoo-key"}) as other:
        settings.ODOO_ALLOW_PRIVATE = [f"127.0.0.1:{one.port}" for one in (odoo, other)]
        go_one = make_connection(odoo)
        make_lead("ACME LEAD")
        with in_tenant("beta"):
            go_two = make_connection(other, secret=encrypt("beta-odoo-key"))
            make_lead("BETA LEAD")
            go(go_two)
        go(go_one)

        assert [row["name"] for row in odoo.rows("crm.lead")] == ["ACME LEAD"]
        assert [row["name"] for row in other.rows("crm.lead")] == ["BETA LEAD"]
        assert "BETA" not in str([call.question for call in odoo.calls])
        assert "beta-odoo-key" not in {call.key for call in odoo.calls}
        assert "ACME" not in str([call.question for call in other.calls])
