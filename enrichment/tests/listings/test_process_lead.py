"""``processLead`` as the migration plan writes it."""

from __future__ import annotations

import json
from threading import Barrier, Thread

import pytest
from django.db import connection

from enrichment.captcha_models import CaptchaChallenge
from enrichment.models import Contact, Evidence, LeadTwin, Listing
from enrichment.process_api import PLAN_EXAMPLE
from enrichment.process_lead import process_lead
from icp import suppressions
from icp.models import Lead
from icp.tests.factories import NOW
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from outreach.queue import frozen
from tenants.context import in_tenant
from tenants.models import AuditEvent

URL = PLAN_EXAMPLE["sourceUrl"]


@pytest.fixture
def operator(db) -> Caller:
    make_people()
    return Caller("operator")


def hand_in(operator, *, url=URL, image="", **lead_data):
    body = {"leadData": lead_data, "sourceUrl": url, "imageHash": image}
    return operator.post("processLead", body)


def test_the_plans_example_is_taken_word_for_word_and_once(operator):
    first = operator.post("processLead", PLAN_EXAMPLE)
    again = operator.post("processLead", PLAN_EXAMPLE)

    assert (first.status_code, again.status_code) == (202, 200), first.content
    body = first.json()
    assert (body["status"], body["isDuplicate"], body["mayBe"]) == ("PROCESSED", False, [])
    assert "'1234567890' is no telephone number in US." in body["notes"]
    assert again.json() == body
    with in_tenant("acme"):
        lead = Lead.objects.get()
        assert (str(lead.public_id), lead.source_ref) == (body["leadId"], URL)
        assert (lead.name, lead.website) == ("Example Corp", "http://example.com")
        assert lead.facts["services"]["value"] == ["Consulting", "Training"]
        contact = Contact.objects.get()
        assert (contact.name, contact.email) == ("John Doe", "john.doe@example.com")
        assert Listing.objects.get().image_hash == "c3d4e5f60718293a"
    assert AuditEvent.objects.filter(action="enrichment.process_lead").count() == 1


def test_what_was_handed_in_is_kept_to_the_byte(operator):
    raw = '{ "businessName":"Caf\\u00e9 \u00e9",\n "n": 1.50e1,"leadData":{"a" :[]}, "zip": "1" '
    raw += ',"a":1,"a":2}'
    body = f'{{"imageHash" : "",  "sourceUrl":"{URL}", "leadData":  {raw}  }}'

    answer = operator.client.post("/api/processLead", body.encode(), "application/json",
                                  headers={"Idempotency-Key": "k"})  # fmt: skip

    assert answer.status_code == 202, answer.content
    with in_tenant("acme"):
        assert Listing.objects.get().raw.encode() == raw.encode()


def test_a_merge_update_keeps_other_fields(operator):
    """Example 7.3: ``set({...leadData, status, lastUpdated}, {merge: true})``."""
    first = hand_in(operator, businessName="Kampai", phone="+65 6123 4567", city="singapore",
                    category="bar", email="a@kampai.example")  # fmt: skip

    second = hand_in(operator, phone="+65 6222 3333", status="PROCESSED",
                     lastUpdated="2026-11-22T08:00:00Z")  # fmt: skip

    assert (second.status_code, second.json()["leadId"]) == (200, first.json()["leadId"])
    assert second.json()["lastUpdated"] > first.json()["lastUpdated"]
    with in_tenant("acme"):
        lead = Lead.objects.get()
        assert lead.name == "Kampai"
        assert lead.facts["phones"]["value"] == ["+6562223333"]
        assert lead.facts["category"]["value"] == "bar"
        assert lead.facts["emails"]["value"] == ["a@kampai.example"]
        gone = Evidence.objects.exclude(superseded_at=None)
        assert [row.value for row in gone] == ["+6561234567"]


def test_a_duplicate_answers_the_lead_that_is_known(operator):
    first = hand_in(operator, businessName="Kampai", phone="+65 6123 4567")

    other = hand_in(operator, url=f"{URL}/other", businessName="Kampai bar", phone="65 61234567")

    assert (other.status_code, other.json()["isDuplicate"]) == (200, True)
    assert other.json()["leadId"] == first.json()["leadId"]
    assert other.json()["notes"] == "Known already: Kampai."


@pytest.mark.parametrize("picture", ["c3d4e5f60718293a", "d41d8cd98f00b204e9800998ecf8427e"])
def test_the_same_picture_at_another_page_is_a_question_for_a_person(operator, picture):
    first = hand_in(operator, businessName="One", phone="+65 6123 4567", image=picture)

    second = hand_in(operator, url=f"{URL}/2", businessName="Two", phone="+65 6222 3333",
                     image=picture)  # fmt: skip

    assert second.status_code == 202
    assert second.json()["mayBe"] == [first.json()["leadId"]]
    with in_tenant("acme"):
        assert LeadTwin.objects.get().reasons[0]["kind"] == "image"


def test_a_lead_waits_before_a_wall_and_goes_on_but_never_back(operator):
    waits = hand_in(operator, businessName="Kampai", phone="+65 6123 4567",
                    status="PENDING_CAPTCHA")  # fmt: skip
    with in_tenant("acme"):
        challenge = CaptchaChallenge.objects.get()
        assert (challenge.url, challenge.state) == (URL, "OPEN")
        assert Lead.objects.get().stage == "NEEDS_OPERATOR"

    silent = hand_in(operator, city="singapore")
    done = hand_in(operator, status="PROCESSED")
    back = hand_in(operator, status="PENDING_CAPTCHA")

    assert (waits.status_code, waits.json()["status"]) == (202, "PENDING_CAPTCHA")
    assert silent.json()["status"] == "PENDING_CAPTCHA"
    assert done.json()["status"] == "PROCESSED"
    assert back.status_code == 409
    assert (
        back.json()["detail"] == "The lead is PROCESSED, and does not go back to PENDING_CAPTCHA."
    )
    with in_tenant("acme"):
        assert CaptchaChallenge.objects.get().state == "CANCELLED"
        assert Lead.objects.get().stage == "CANDIDATE"


@pytest.mark.parametrize(("body", "field"), [
    ({"leadData": {}, "sourceUrl": URL}, "leadData.businessName"),
    ({"leadData": {"businessName": "X"}, "sourceUrl": URL}, "leadData"),
    ({"leadData": {"businessName": "X", "phone": "+6561234567"}, "sourceUrl": "nowhere"},
     "sourceUrl"),
    ({"leadData": {"businessName": "X", "status": "DONE"}, "sourceUrl": URL}, "leadData.status"),
    ({"leadData": [], "sourceUrl": URL}, "leadData"),
    ({"leadData": {"businessName": "X"}}, "sourceUrl"),
    ({"leadData": {"businessName": "X" * 100_001}, "sourceUrl": URL}, "leadData"),
    ({"leadData": {"businessName": "X"}, "sourceUrl": URL, "imageHashes": ""}, "imageHashes"),
])  # fmt: skip
def test_what_is_wrong_is_named(operator, body, field):
    answer = operator.post("processLead", body)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    with in_tenant("acme"):
        assert not Listing.objects.exists()


def test_of_the_suppressed_nothing_is_kept(operator):
    with in_tenant("acme"):
        suppressions.add("PHONE", "+65 6123 4567", reason="asked", actor="olga")

    answer = hand_in(operator, businessName="Kampai", phone="6123 4567", city="singapore")

    assert answer.status_code == 409
    assert answer.json()["detail"] == "Its telephone number is on the suppression list."
    with in_tenant("acme"):
        assert not Listing.objects.exists()
        assert not Lead.objects.exists()


@pytest.mark.parametrize(("who", "code"), [("owner", 202), ("reviewer", 403), ("auditor", 403)])
def test_only_who_works_on_leads_may_hand_one_in(operator, who, code):
    assert Caller(who).post("processLead", PLAN_EXAMPLE).status_code == code


def test_the_data_of_a_mail_is_taken_as_well(operator):
    """Example 7.2's ``leadData`` is the same object; the mail queue keeps it as it is."""
    assert frozen(PLAN_EXAMPLE["leadData"]) == PLAN_EXAMPLE["leadData"]


def test_two_at_once_make_one_lead(committed):
    gate, made = Barrier(3), []

    def call(url: str) -> None:
        try:
            with in_tenant("acme"):
                gate.wait(60)
                data = {"businessName": "Kampai", "phone": "+65 6123 4567"}
                made.append(process_lead(lead_data=data, raw=json.dumps(data), source_url=url,
                                         image_hash="", actor="olga", now=NOW))  # fmt: skip
        finally:
            connection.close()

    workers = [Thread(target=call, args=[url]) for url in (URL, URL, f"{URL}/other")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [each.is_new for each in made].count(True) == 1
    assert len({each.lead.pk for each in made}) == 1
    with in_tenant("acme"):
        assert Listing.objects.count() == 2
