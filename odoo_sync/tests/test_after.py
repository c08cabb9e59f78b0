"""After a push: nights, opt-outs, ceased companies, conflicts, and what became of it."""

from __future__ import annotations

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from enrichment.models import Contact
from icp import suppressions
from icp.models import Lead
from leadgen_project.sandbox.vendors.stand_in import Fault
from odoo_sync import push
from odoo_sync.choose import choose, choose_by_hand, choose_news
from odoo_sync.decide import decide
from odoo_sync.models import OdooConflict, OdooConnection, OdooOutcome, OdooPush, OdooRecall
from odoo_sync.night import sync_batch, tally_sync
from odoo_sync.open import open_gateway
from odoo_sync.read_back import read_back
from odoo_sync.recall import list_taken_back, mark_done
from odoo_sync.tasks import push_leads, read_outcomes
from odoo_sync.tend import tend_odoo
from odoo_sync.tests.factories import make_lead
from odoo_sync.tests.test_sync import go, push_of
from tenants.context import in_public
from tenants.models import PipelineRun


@pytest.fixture
def run(acme) -> PipelineRun:
    now = timezone.now()
    return PipelineRun.objects.create(tenant=acme, started_at=now, stage_started_at=now,
                                      touched_at=now, started_by="tests", stage="sync")  # fmt: skip


def work(run: PipelineRun) -> dict:
    for _ in range(20):
        report = sync_batch(run, seconds=20)
        assert report.adds_up()
        if not report.taken:
            break
    counts = tally_sync(run)
    assert counts.adds_up()
    return counts.as_json()


# --- the night -----------------------------------------------------------------------------------
def test_a_tenant_without_an_odoo_passes_the_stage_by(run):
    make_lead()

    assert work(run) == {"in": 0, "done": 0, "rejected": {}, "held": {}, "waiting": 0}
    assert run.plan == {}


def test_the_night_sends_what_was_accepted_and_what_has_changed(connection, odoo, run):
    before = make_lead()
    go(connection)
    before.facts["phone"] = {"value": "+6560000000"}
    before.save()
    for _ in range(3):
        make_lead()

    assert work(run) == {"in": 4, "done": 4, "rejected": {}, "held": {}, "waiting": 0}
    assert len(odoo.rows("crm.lead")) == 4


def test_the_night_changes_no_lead(connection, odoo, run):
    make_lead()
    before = list(Lead.objects.values())

    work(run)

    assert list(Lead.objects.values()) == before


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.HTML, Fault.MALFORMED, Fault.RESET])
def test_the_night_ends_whatever_odoo_does_and_says_how_many_wait(connection, odoo, run, fault):
    make_lead()
    odoo.fail_when = lambda _call: fault

    counts = work(run)

    assert (counts["held"], counts["waiting"]) == ({"odoo_away": 1}, 0)


def test_the_night_says_why_leads_did_not_go(connection, odoo, run):
    bad, suppressed = make_lead(), make_lead()
    suppressions.add("UEN", suppressed.uen, reason="asked us", actor="olga")
    Lead.objects.filter(pk=suppressed.pk).update(
        stage="SHORTLISTED", rejection_code="", rejection_reason=""
    )
    odoo.tables.refuse = lambda model, row: row.get("name") == bad.name and "No."

    assert work(run)["rejected"] == {"refused": 1, "suppressed": 1}


# --- between nights ------------------------------------------------------------------------------
def queued() -> list[str]:
    with in_public():
        return [task.name() for task in OrmQ.objects.order_by("pk")]


def test_what_was_put_off_is_called_for_once_and_goes(connection, odoo):
    lead = make_lead()
    odoo.fail_when = lambda _call: Fault.UNAVAILABLE
    go(connection)
    odoo.fail_when = None
    OdooPush.objects.update(not_before=timezone.now())
    OdooConnection.objects.update(not_before=None, read_at=timezone.now())

    for _ in range(3):
        tend_odoo(now=timezone.now())
    assert queued() == ["odoo_sync.tasks.push_leads"]
    push_leads()

    assert push_of(lead).state == "DONE"


def test_nothing_is_called_for_where_no_odoo_is_in_use(connection, odoo):
    make_lead()
    OdooConnection.objects.update(is_on=False)

    tend_odoo(now=timezone.now())
    push_leads()

    assert (queued(), odoo.writes) == ([], [])


# --- opt-outs ------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["EMAIL", "DOMAIN", "UEN", "PHONE"])
def test_an_opt_out_after_a_push_is_listed_with_what_went_where_and_when(connection, odoo, kind):
    lead, _other = make_lead(), make_lead(contact=False, facts={})
    go(connection)
    contact = Contact.objects.get()
    value = {"EMAIL": contact.email, "DOMAIN": contact.email.partition("@")[2], "UEN": lead.uen,
             "PHONE": contact.phone}[kind]  # fmt: skip

    suppressions.add(kind, value, reason="asked us", actor="olga")

    recall = OdooRecall.objects.get()
    assert (recall.push.lead, recall.system) == (lead, f"{odoo.url} sandbox")
    assert recall.went_at == push_of(lead).pushed_at


def test_an_opt_out_by_hash_alone_is_listed_too_and_seen_to_once(connection, odoo):
    make_lead()
    go(connection)
    value = suppressions.hash_of("EMAIL", Contact.objects.get().email)

    suppressions.add_hash("EMAIL", value, reason="erased", actor="olga", source="erasure")

    recall = OdooRecall.objects.get()
    assert mark_done(recall.pk, actor="olga")
    assert not mark_done(recall.pk, actor="piet")
    assert OdooRecall.objects.get().done_by == "olga"


def test_nothing_more_is_written_of_somebody_who_opted_out(connection, odoo):
    lead = make_lead()
    go(connection)
    before = len(odoo.writes)
    suppressions.add("EMAIL", Contact.objects.get().email, reason="asked us", actor="olga")
    lead.facts["phone"] = {"value": "+6560000000"}
    lead.save()
    choose_news(connection, now=timezone.now())

    assert go(connection) == {"LEFT": 1}
    assert (len(odoo.writes), push_of(lead).code) == (before, "suppressed")


def test_a_company_that_ceases_is_flagged_in_odoo_the_same_night(connection, odoo, run):
    lead = make_lead()
    go(connection)
    Lead.objects.filter(pk=lead.pk).update(stage="REJECTED", rejection_code="ceased",
                                           rejection_reason="It has ceased.")  # fmt: skip

    assert work(run)["done"] == 1

    there = odoo.by_name("crm.lead", lead.name)
    tags = [odoo.tables.rows["crm.tag"][each]["name"] for each in there["tag_ids"]]
    company = odoo.by_name("res.partner", lead.name)
    flags = [odoo.tables.rows["res.partner.category"][each]["name"]
             for each in company["category_id"]]  # fmt: skip
    assert (tags, flags) == (["Ceased in the register"], ["Ceased in the register"])
    assert "Ceased in the register" in there["description"]
    assert choose_news(connection, now=timezone.now()) == 0


# --- conflicts -----------------------------------------------------------------------------------
@pytest.fixture
def conflict(connection, odoo) -> OdooConflict:
    lead = make_lead()
    go(connection)
    odoo.edit("crm.lead", odoo.by_name("crm.lead", lead.name)["id"], city="Johor")
    lead.facts["postal_code"] = {"value": "999999"}
    lead.save()
    choose_news(connection, now=timezone.now())
    go(connection)
    return OdooConflict.objects.get()


def test_ours_is_written_once_a_person_says_so(connection, odoo, conflict):
    assert decide(conflict.pk, "OURS", actor="olga", now=timezone.now())
    go(connection)

    assert odoo.rows("crm.lead")[0]["city"] == "Singapore"
    assert not OdooConflict.objects.exists()


def test_theirs_stays_and_is_not_asked_about_again(connection, odoo, conflict):
    assert decide(conflict.pk, "THEIRS", actor="olga", now=timezone.now())
    assert not decide(conflict.pk, "OURS", actor="piet", now=timezone.now())
    lead = conflict.record.push.lead
    lead.facts["postal_code"] = {"value": "111111"}
    lead.save()
    choose_news(connection, now=timezone.now())
    go(connection)

    assert odoo.rows("crm.lead")[0]["city"] == "Johor"
    assert OdooConflict.objects.get().choice == "THEIRS"


# --- what became of it ---------------------------------------------------------------------------
def read(connection: OdooConnection) -> int:
    gateway = open_gateway(connection)
    return read_back(connection, gateway)


def test_stage_end_salesperson_and_activity_come_back_and_stay_as_labels(connection, odoo):
    lead = make_lead()
    go(connection)
    number = odoo.by_name("crm.lead", lead.name)["id"]

    first = read(connection)
    odoo.edit("crm.lead", number, user_id=7, stage_id=2)
    again = [read(connection), read(connection)]
    odoo.edit("crm.lead", number, stage_id=4)
    read_outcomes()

    push = push_of(lead)
    assert (first, again) == (1, [1, 0])
    assert (push.outcome, push.stage_there, push.salesperson) == ("WON", "Won", "Siti Rahman")
    assert push.active_there_at
    labels = OdooOutcome.objects.order_by("pk").values_list("outcome", "stage", "score", "bucket")
    assert list(labels) == [("OPEN", "New", 82, "HIGH"), ("OPEN", "Qualified", 82, "HIGH"),
                            ("WON", "Won", 82, "HIGH")]  # fmt: skip


@pytest.mark.parametrize(("probability", "outcome"), [(0.0, "LOST"), (40.0, "OPEN")])
def test_lost_is_told_from_put_away(connection, odoo, probability, outcome):
    lead = make_lead()
    go(connection)
    odoo.edit("crm.lead", odoo.by_name("crm.lead", lead.name)["id"], active=False,
              probability=probability)  # fmt: skip

    read(connection)

    assert push_of(lead).outcome == outcome


def test_reading_back_writes_nothing_and_bears_what_was_deleted(connection, odoo):
    for _ in range(2):
        make_lead()
    go(connection)
    odoo.delete("crm.lead", odoo.rows("crm.lead")[0]["id"])
    before = len(odoo.writes)

    assert read(connection) == 1
    assert len(odoo.writes) == before


# --- an approval taken back ----------------------------------------------------------------------
def test_an_approval_taken_back_before_the_lead_went_sends_nothing_until_given_again(
    connection, odoo
):
    lead = make_lead()
    choose(connection, now=timezone.now())
    Lead.objects.filter(pk=lead.pk).update(review="OPEN")

    assert go(connection) == {"REFUSED": 1}
    assert (push_of(lead).code, odoo.writes) == ("taken_back", [])
    assert (list_taken_back(), OdooRecall.objects.count()) == (0, 0)

    Lead.objects.filter(pk=lead.pk).update(review="ACCEPTED")
    assert go(connection) == {"DONE": 1}


def test_an_approval_taken_back_between_two_requests_is_seen_before_anything_is_made(
    connection, odoo, monkeypatch
):
    lead = make_lead()
    choose(connection, now=timezone.now())
    real = push._link

    def link(*args):
        Lead.objects.filter(pk=lead.pk).update(review="OPEN")
        real(*args)

    monkeypatch.setattr(push, "_link", link)
    assert go(connection) == {"REFUSED": 1}

    assert odoo.writes == []


def test_an_approval_taken_back_after_the_lead_went_is_listed_for_recall_once(connection, odoo):
    lead, other = make_lead(), make_lead()
    go(connection)
    Lead.objects.filter(pk=lead.pk).update(review="OPEN")

    tend_odoo(now=timezone.now())
    tend_odoo(now=timezone.now())

    recall = OdooRecall.objects.get()
    assert (recall.push.lead, recall.suppression, recall.went_at) == (
        lead, None, push_of(lead).pushed_at,
    )  # fmt: skip
    assert push_of(other).recalls.count() == 0


def test_what_was_sent_by_hand_needs_no_review(connection, odoo):
    lead = make_lead(review="OPEN")
    choose_by_hand(connection, [lead.pk], actor="olga", now=timezone.now())

    assert go(connection) == {"DONE": 1}
    assert list_taken_back() == 0
