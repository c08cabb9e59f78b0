"""The step "verify" against ZeroBounce's stand-in, over HTTP, with the real ledger."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from enrichment.clients.zerobounce import ZeroBounceClient
from enrichment.models import Contact, LeadStep, Verification
from enrichment.tests.zerobounce import KEY
from enrichment.verification import ask_verifier
from enrichment.verification.verify import (
    MOST_OF_A_LEAD,
    estimate,
    estimate_lead,
    tally_verify,
    verify_batch,
    verify_lead,
)
from icp import suppressions
from icp.models import Lead, Suppression
from icp.tests.factories import lift_by_two
from leadgen_project.sandbox.name_server import Name, NameServer
from leadgen_project.sandbox.vendors.stand_in import Fault
from leadgen_project.sandbox.vendors.zerobounce import ZeroBounceStandIn
from tenants.context import in_public
from tenants.models import AuditEvent, PipelineRun
from tenants.permits import Vendor
from tenants.vendor_models import RateLimit, VendorBudget, VendorUsage

DOMAIN = "marked-company.test"
GOOD, DEAD = ("valid", ""), ("invalid", "mailbox_not_found")


@pytest.fixture
def vendor(settings, monkeypatch):
    with ZeroBounceStandIn(keys={KEY}, hang_seconds=8) as running:
        settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.ZEROBOUNCE: KEY}
        settings.ZEROBOUNCE_BASE_URL = running.url + "/v2"
        monkeypatch.setattr(
            ask_verifier,
            "ZeroBounceClient",
            lambda url: ZeroBounceClient(url, single_seconds=4, batch_seconds=4),
        )
        with NameServer(lambda name: DNS.get(name, Name.MAIL)) as names:
            settings.DNS_SERVERS = [names.address]
            yield running


DNS = {"no-mail.test": Name.NO_MAIL, "gone.test": Name.GONE}


@pytest.fixture
def run(acme):
    return PipelineRun.objects.create(tenant=acme)


def lead_with(run, *emails, **also):
    number = Lead.objects.count()
    lead = Lead.objects.create(source_ref=f"2015{number:05}A", name=f"COMPANY {number}",
                               stage="ENRICHED", run_id=run.pk)  # fmt: skip
    for email in emails:
        Contact.objects.create(lead=lead, kind="ROLE", email=email, **also)
    return lead


def people(count, *, start=0):
    return [f"p{n}@{DOMAIN}" for n in range(start, start + count)]


def say(vendor, *emails, words=GOOD):
    vendor.verdicts |= dict.fromkeys(emails, words)


def verify(run, *, seconds=20.0):
    return verify_batch(run, seconds=seconds)


def told(email) -> tuple:
    contact = Contact.objects.select_related("verification").get(email=email)
    known = contact.verification
    return (contact.verdict, contact.is_mailable, known.status, known.sub_status, known.source)


def step_of(lead) -> tuple:
    return LeadStep.objects.filter(lead=lead, step="verify").values_list(
        "outcome", "code", "calls", "from_cache").latest("pk")  # fmt: skip


# --- verdicts -----------------------------------------------------------------------------------
def test_each_address_ends_with_status_sub_status_source_and_time(vendor, run):
    say(vendor, "a@x.test")
    say(vendor, "b@x.test", words=DEAD)
    say(vendor, "c@x.test", words=("unknown", "greylisted"))
    lead = lead_with(run, "a@x.test", "b@x.test", "c@x.test", "d@no-mail.test", "e@mailinator.com")

    report = verify(run)

    assert told("a@x.test") == ("DELIVERABLE", True, "valid", "", "VENDOR")
    assert told("b@x.test") == ("UNDELIVERABLE", False, *DEAD, "VENDOR")
    assert told("c@x.test") == ("UNKNOWN", True, "unknown", "greylisted", "VENDOR")
    assert told("d@no-mail.test") == (
        "UNDELIVERABLE", False, "invalid", "does_not_accept_mail", "PRECHECK")  # fmt: skip
    assert told("e@mailinator.com") == (
        "UNDELIVERABLE", False, "do_not_mail", "disposable", "PRECHECK")  # fmt: skip
    assert step_of(lead) == ("DONE", "", 3, 0)
    assert report.adds_up()
    assert not Verification.objects.exclude(held_until=None).exists()
    assert list(Contact.objects.sendable().values_list("email", flat=True)) == ["a@x.test"]


def test_the_vendor_sees_only_what_cannot_be_told_for_nothing_and_is_paid_by_result(vendor, run):
    say(vendor, "a@x.test")
    say(vendor, "c@x.test", words=("unknown", "greylisted"))
    lead_with(run, "a@x.test", "c@x.test", "d@no-mail.test", "e@gone.test", "f@mailinator.com")

    verify(run)

    assert [call.question["email"] for call in vendor.asked("/v2/validate")] == [
        "a@x.test", "c@x.test"]  # fmt: skip
    entries = VendorUsage.objects.order_by("pk").values_list("outcome", "units")
    assert list(entries) == [("SETTLED", 1), ("REFUNDED", 0)]
    assert vendor.charged == 1


def test_a_second_night_asks_nothing(vendor, run, acme):
    say(vendor, *people(9))
    lead_with(run, *people(4))
    lead_with(run, *people(5, start=4))
    verify(run)
    asked = len(vendor.calls)
    again = PipelineRun.objects.create(tenant=acme, status="FINISHED", finished_at=timezone.now())
    Lead.objects.update(run_id=again.pk)
    known = lead_with(again, "p0@marked-company.test")

    report = verify(again)

    assert (asked, len(vendor.calls)) == (1, 1)
    assert report.done == 3
    assert step_of(known) == ("NOT_NEEDED", "known", 0, 1)
    assert Contact.objects.filter(verdict="DELIVERABLE").count() == 10


def test_only_what_is_new_or_older_than_90_days_is_asked(vendor, run):
    say(vendor, *people(3))
    lead = lead_with(run, *people(3))
    verify(run)
    now = timezone.now()
    Verification.objects.filter(address="p0@marked-company.test").update(
        due_at=now - timedelta(days=1), checked_at=now - timedelta(days=91))  # fmt: skip
    LeadStep.objects.filter(lead=lead).delete()

    verify(run)

    assert [call.question["email"] for call in vendor.calls[3:]] == ["p0@marked-company.test"]


def test_a_batch_holds_up_to_a_hundred_addresses_of_many_leads(vendor, run):
    say(vendor, *people(250))
    for start in range(0, 250, 5):
        lead_with(run, *people(5, start=start))

    report = verify(run)

    sizes = [len(call.question["email_batch"]) for call in vendor.asked("/v2/validatebatch")]
    assert sizes == [100, 100, 50]
    assert (report.done, vendor.charged) == (50, 250)


def test_of_a_lead_the_best_addresses_are_asked_about(vendor, run):
    say(vendor, *people(9))
    lead = lead_with(run, *people(8))
    Contact.objects.create(lead=lead, kind="PERSON", name="Boss", title="Director",
                           email="p8@marked-company.test")  # fmt: skip

    verify(run)

    assert vendor.charged == MOST_OF_A_LEAD
    assert told("p8@marked-company.test")[0] == "DELIVERABLE"
    assert told("p7@marked-company.test")[2:] == ("unverified", "over_cap", "NONE")


def test_whoever_may_not_be_written_to_is_not_asked_about(vendor, run):
    lead = lead_with(run, "a@x.test", is_mailable=False, not_mailable_reason="The site forbids it.")

    verify(run)

    assert vendor.calls == []
    assert told("a@x.test")[2:] == ("unverified", "not_mailable", "NONE")
    assert step_of(lead)[:2] == ("NOT_NEEDED", "no address")


# --- suppression --------------------------------------------------------------------------------
def test_a_suppressed_address_is_taken_off_unseen_by_the_vendor(vendor, run):
    say(vendor, "b@x.test")
    lead = lead_with(run, "a@x.test", "b@x.test")
    Contact.objects.create(lead=lead, kind="PERSON", name="Named", email="n@y.test")
    suppressions.add("EMAIL", "a@x.test", reason="asked", actor="test")
    suppressions.add("DOMAIN", "y.test", reason="asked", actor="test")

    verify(run)

    assert [call.question["email"] for call in vendor.calls] == ["b@x.test"]
    assert list(Contact.objects.values_list("name", "email")) == [("", "b@x.test"), ("Named", "")]
    assert not Verification.objects.filter(address__in=["a@x.test", "n@y.test"]).exists()


def test_of_a_known_address_that_is_suppressed_only_a_hash_stays(vendor, run):
    say(vendor, "a@x.test", "b@x.test")
    lead = lead_with(run, "a@x.test", "b@x.test")
    verify(run)
    suppressions.add("EMAIL", "a@x.test", reason="asked", actor="test")
    LeadStep.objects.all().delete()

    verify(run)

    assert set(Verification.objects.values_list("address", "status")) == {
        ("", "valid"), ("b@x.test", "valid")}  # fmt: skip
    assert list(lead.contacts.values_list("email", flat=True)) == ["b@x.test"]
    assert len(vendor.calls) == 2


def test_once_the_suppression_is_lifted_the_address_is_asked_about_again(vendor, run):
    say(vendor, "a@x.test")
    lead = lead_with(run, "a@x.test")
    verify(run)
    added, _ = suppressions.add("EMAIL", "a@x.test", reason="asked", actor="test")
    verify_lead(lead)
    lift_by_two(added)
    again = lead_with(run, "a@x.test")

    verify(run)

    assert step_of(again)[:3] == ("DONE", "", 1)
    assert told("a@x.test")[0] == "DELIVERABLE"


@pytest.mark.parametrize("status", ["spamtrap", "abuse"])
def test_traps_and_complainers_are_suppressed_with_reason_and_audit(vendor, run, status):
    say(vendor, "trap@x.test", words=(status, ""))
    lead_with(run, "trap@x.test")

    verify(run)

    suppression = Suppression.objects.get(value="trap@x.test")
    assert suppression.source == "ZeroBounce"
    assert AuditEvent.objects.filter(action="icp.suppression.add", actor="verification").exists()
    contact = Contact.objects.get(email="trap@x.test")
    assert (contact.verdict, contact.not_mailable_reason) == ("UNDELIVERABLE", "Suppressed.")
    assert not contact.is_withheld  # no policy lets it in again


# --- without, and with too little ---------------------------------------------------------------
def test_without_a_key_the_free_checks_are_made_and_the_rest_is_counted(vendor, run, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")
    lead = lead_with(run, "a@x.test", "b@x.test", "c@no-mail.test")
    other = lead_with(run, "d@x.test")

    report = verify(run)

    assert vendor.calls == []
    assert told("a@x.test") == ("UNVERIFIED", True, "unverified", "no_key", "NONE")
    assert told("c@no-mail.test")[0] == "UNDELIVERABLE"
    assert step_of(lead)[:2] == ("DONE", "")
    assert step_of(other)[:2] == ("SKIPPED", "no_key")
    tally = tally_verify(run)
    assert report.adds_up()
    assert tally.adds_up()
    assert tally.facts["would_ask"] == 3
    assert tally.facts["addresses"] == {"UNVERIFIED": 3, "UNDELIVERABLE": 1}
    assert not Contact.objects.sendable().exists()


def test_a_budget_is_used_to_the_last_credit_and_not_beyond(vendor, run):
    VendorBudget.objects.create(tenant_id="acme", vendor=Vendor.ZEROBOUNCE, daily_units=37)
    say(vendor, *people(100))
    for start in range(0, 100, 5):
        lead_with(run, *people(5, start=start))

    verify(run)

    assert vendor.charged == 37
    assert Verification.objects.filter(sub_status="budget").count() == 63
    assert tally_verify(run).held == {"budget": 12}


def test_with_few_credits_left_a_batch_is_asked_one_by_one(vendor, run):
    vendor.credits = 4
    say(vendor, *people(6))
    lead_with(run, *people(5))
    lead_with(run, "p5@marked-company.test")

    verify(run)

    assert (vendor.charged, vendor.credits) == (4, 0)
    budget = VendorBudget.objects.get(vendor=Vendor.ZEROBOUNCE)
    assert "no credits left" in budget.stopped_reason
    assert Verification.objects.filter(status="valid").count() == 4
    assert Verification.objects.filter(sub_status="stopped").count() == 2


def test_a_wrong_key_is_tried_once(vendor, run):
    vendor.keys = {"another"}
    lead = lead_with(run, *people(5))
    later = lead_with(run, *people(5, start=5))

    verify(run)

    assert [call.path for call in vendor.calls] == ["/v2/validatebatch", "/v2/getcredits"]
    assert {step_of(lead)[:2], step_of(later)[:2]} == {("SKIPPED", "stopped")}
    assert told("p0@marked-company.test")[:4] == ("UNVERIFIED", True, "unverified", "stopped")
    assert set(VendorUsage.objects.values_list("outcome", "units")) == {("REFUNDED", 0)}
    stopped = VendorBudget.objects.get(vendor=Vendor.ZEROBOUNCE).stopped_reason
    assert stopped == "ZeroBounce refuses the API key. Enter the right one under Vendors."


# --- faults -------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.RESET, Fault.RESET_AFTER, Fault.HANG,
                                   Fault.MALFORMED, Fault.TRUNCATED])  # fmt: skip
def test_a_batch_that_may_have_been_paid_is_left_for_another_night(vendor, run, fault):
    say(vendor, *people(5))
    lead = lead_with(run, *people(5))
    vendor.fail_next(fault)

    verify(run)

    assert len(vendor.calls) == 1
    assert told("p0@marked-company.test") == (
        "UNKNOWN", True, "unknown", "vendor_error", "VENDOR")  # fmt: skip
    assert step_of(lead)[:2] == ("LATER", "no answer")
    assert VendorUsage.objects.get().outcome == "UNKNOWN"
    assert VendorUsage.objects.get().units == 5
    due = Verification.objects.first().due_at - timezone.now()
    assert timedelta(hours=19) < due < timedelta(hours=24)
    assert not Contact.objects.sendable().exists()


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.HTML])
def test_a_batch_that_was_certainly_not_paid_is_asked_one_by_one(vendor, run, fault):
    say(vendor, *people(5))
    lead = lead_with(run, *people(5))
    vendor.fail_next(fault)

    verify(run)

    assert [call.path for call in vendor.calls] == ["/v2/validatebatch"] + ["/v2/validate"] * 5
    assert step_of(lead) == ("DONE", "", 5, 0)
    assert vendor.charged == 5


def test_a_full_batch_lane_sends_single_calls(vendor, run, monkeypatch):
    monkeypatch.setattr(ask_verifier, "PATIENCE", timedelta(seconds=0.1))
    say(vendor, *people(30))
    for start in range(0, 30, 5):
        lead_with(run, *people(5, start=start))
    verify(run)
    with in_public():
        RateLimit.objects.filter(lane__endswith="/batch").update(calls=0)
    LeadStep.objects.all().delete()
    Verification.objects.update(due_at=timezone.now())

    verify(run)

    assert len(vendor.asked("/v2/validatebatch")) == 1
    assert len(vendor.calls) == 31


def test_five_failures_in_a_row_end_the_asking(vendor, run):
    vendor.fail_next(*[Fault.HTML] * 20)
    lead_with(run, *people(5))
    last = lead_with(run, *people(5, start=5))

    verify(run)

    assert len(vendor.calls) == 5
    assert step_of(last)[:2] == ("LATER", "down")


def test_rows_the_vendor_declines_or_forgets_stay_unknown(vendor, run):
    say(vendor, *people(5))
    vendor.declined, vendor.left_out = {"p1@marked-company.test"}, {"p2@marked-company.test"}
    lead_with(run, *people(5))

    verify(run)

    assert told("p0@marked-company.test")[0] == "DELIVERABLE"
    assert told("p1@marked-company.test")[2:4] == ("unknown", "declined")
    assert told("p2@marked-company.test")[2:4] == ("unknown", "no_answer")


def test_an_unknown_is_asked_less_and_less_and_then_no_more(vendor, run):
    say(vendor, "a@x.test", words=("unknown", "greylisted"))
    lead = lead_with(run, "a@x.test")
    pauses = []
    for _ in range(6):
        verify(run)
        known = Verification.objects.get()
        pauses.append(
            known.due_at and round((known.due_at - known.checked_at).total_seconds() / 3600)
        )
        Verification.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        LeadStep.objects.filter(lead=lead).delete()

    verify(run)

    assert pauses == [20, 48, 120, 288, 720, None]
    assert len(vendor.calls) == 6


# --- many workers, and dead ones ----------------------------------------------------------------
def test_an_address_another_worker_asks_about_is_waited_for(vendor, run):
    lead_with(run, "a@x.test")
    from enrichment.verification.verifications import claim

    claim(["a@x.test"], now=timezone.now())

    report = verify(run, seconds=0.1)

    assert report.held == {"another look": 1}
    assert vendor.calls == []


def test_an_answer_lost_with_its_worker_is_not_paid_twice_that_night(vendor, run):
    say(vendor, "a@x.test", "b@x.test")
    lead_with(run, "a@x.test", "b@x.test")
    from enrichment.verification.verifications import claim, hold

    lost, never_asked = claim(["a@x.test", "b@x.test"], now=timezone.now())
    hold([lost], call_id=4711)
    Verification.objects.update(held_until=timezone.now() - timedelta(seconds=1))

    verify(run)

    assert [call.question["email"] for call in vendor.calls] == [never_asked.address]
    assert told(lost.address)[2:4] == ("unknown", "answer_lost")
    assert Verification.objects.get(address=lost.address).call_id == 4711


def test_the_answer_is_written_before_the_call_is_settled(vendor, run, monkeypatch):
    say(vendor, "a@x.test")
    lead_with(run, "a@x.test")

    def die(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("tenants.paid.governor.settle_call", die)
    with pytest.raises(KeyboardInterrupt):
        verify(run)

    assert VendorUsage.objects.get().outcome == "RESERVED"
    assert told("a@x.test") == ("DELIVERABLE", True, "valid", "", "VENDOR")
    verify(run)
    assert len(vendor.calls) == 1


# --- one lead, prices, logs ---------------------------------------------------------------------
def test_one_lead_is_verified_at_once_with_all_its_addresses(vendor, run):
    say(vendor, *people(7))
    lead = lead_with(run, *people(7))
    before = estimate_lead(lead)

    found = verify_lead(lead)

    assert (before.lookups, before.most_units, before.from_cache) == (7, 7, 0)
    assert len(found.asked) == vendor.charged == 7
    assert estimate_lead(lead).most_units == 0
    assert verify_lead(lead).asked == set()


def test_by_hand_an_unknown_is_asked_again_at_once(vendor, run):
    say(vendor, "a@x.test", words=("unknown", "greylisted"))
    lead = lead_with(run, "a@x.test")
    verify_lead(lead)
    say(vendor, "a@x.test")

    assert estimate_lead(lead).most_units == 1
    verify_lead(lead)

    assert told("a@x.test")[0] == "DELIVERABLE"


def test_the_price_told_is_never_below_what_is_paid(vendor, run, settings):
    settings.VENDOR_UNIT_MICROS = {**settings.VENDOR_UNIT_MICROS, Vendor.ZEROBOUNCE: 8_000}
    say(vendor, *people(40))
    for start in range(0, 40, 10):
        lead_with(run, *people(10, start=start))

    told_before = estimate(4, run=run)
    verify(run)

    assert told_before.most_units == 20 >= vendor.charged
    assert told_before.most_micros == 160_000 >= sum(
        VendorUsage.objects.values_list("micros", flat=True))  # fmt: skip


def test_no_address_and_no_key_reaches_a_log_or_the_ledger(vendor, run, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # as the settings do
    for number, fault in enumerate([Fault.RESET, Fault.HTML, Fault.HANG, Fault.MALFORMED]):
        vendor.fail_next(fault)
        lead_with(run, *people(5, start=5 * number))
        verify(run)

    notes = " ".join(VendorUsage.objects.values_list("note", flat=True))
    logged = "\n".join(record.getMessage() for record in caplog.records
                       if not record.name.startswith("django.db"))  # fmt: skip
    assert "were not verified" in logged
    for text in (logged, notes):
        assert DOMAIN not in text
        assert KEY not in text


def test_what_is_withheld_is_known_at_its_time(vendor, run):
    from enrichment.verification.withheld import withheld_at

    say(vendor, "a@x.test", words=DEAD)
    lead = lead_with(run, "a@x.test")
    before = timezone.now()
    verify(run)
    during = timezone.now()
    say(vendor, "a@x.test")
    Verification.objects.update(due_at=timezone.now())
    time.sleep(0.01)
    verify_lead(lead)

    assert withheld_at([lead.pk], at=before) == {}
    assert withheld_at([lead.pk], at=during) == {lead.pk: {"a@x.test"}}
    assert withheld_at([lead.pk], at=timezone.now()) == {}
