"""One mail into the queue: as ``queueEmail`` asks, frozen, asked of the gate, and once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from enrichment.models import Contact, Evidence
from icp import suppressions
from icp.models import Lead
from outreach.admission.ask_again import ask_again
from outreach.admission.ask_many import ask_many
from outreach.admission.facts import Known, facts_of
from outreach.gate import ask
from outreach.models import Adoption, Mailbox, MailPolicy, Message, MessageEvent, OriginPolicy
from outreach.queue import QueueError, give_mailboxes, queue_mail
from outreach.sending.claim import claim
from outreach.tests.factories import (
    make_campaign,
    make_contact,
    make_mailbox,
    make_message,
    make_policy,
    make_version,
)

AUSTIN = {  # as the migration plan writes it
    "phone": "1234567890", "name": "John Doe", "email": "john.doe@example.com",
    "websiteUrl": "http://example.com", "businessName": "Example Corp", "category": "Consulting",
    "servicesRendered": ["Consulting", "Training"], "status": "PROCESSED", "city": "austin",
}  # fmt: skip


@pytest.fixture
def version(acme):
    make_policy()
    return make_version()


def queue(version, lead_data=None, **changes):
    values = {"template_id": version.template_id, "city": "austin", "timezone": "America/Chicago",
              "actor": "olga", "now": timezone.now(), **changes}  # fmt: skip
    return queue_mail(lead_data=AUSTIN if lead_data is None else lead_data, **values)


def test_a_lead_nobody_knows_becomes_a_candidate_with_an_imported_address(version):
    make_mailbox()

    message, is_new = queue(version)

    assert is_new
    assert (message.city, message.timezone, message.country) == ("austin", "America/Chicago", "US")
    assert message.lead_data["businessName"] == "Example Corp"
    assert (message.lead.name, message.lead.stage) == ("Example Corp", Lead.Stage.CANDIDATE)
    assert message.lead.website == "http://example.com"
    assert Evidence.objects.get().source == "IMPORT"
    assert (message.status, message.code) == ("HELD", "not_verified")
    assert MessageEvent.objects.get().kind == "QUEUED"


def test_it_is_the_same_message_however_often_it_is_asked_for(version):
    first, _ = queue(version)
    second, is_new = queue(version)

    assert (second.pk, is_new) == (first.pk, False)
    assert Message.objects.count() == Contact.objects.count() == 1


def test_a_verified_typed_address_waits_for_a_mailbox_and_nothing_else(version):
    contact = make_contact(verdict="DELIVERABLE")
    lead_data = {"email": contact.email, "leadId": str(contact.lead.public_id)}

    message, _ = queue(version, lead_data | {"business_name": "Kaya"}, city="", timezone="")

    assert (message.status, message.contact, message.mailbox) == ("QUEUED", contact, None)
    mailbox = make_mailbox()
    assert give_mailboxes(now=timezone.now()) == 1
    assert give_mailboxes(now=timezone.now()) == 0
    message.refresh_from_db()
    assert message.mailbox == mailbox


@pytest.mark.parametrize("address", [None, "", "nobody", "a@b", "x" * 400 + "@example.com"])
def test_without_an_address_it_ends_there_and_says_so(version, address):
    message, _ = queue(version, {**AUSTIN, "email": address})

    assert (message.status, message.code) == ("ERROR_NO_EMAIL", "no_address")
    assert not Lead.objects.exists()


def test_a_suppressed_address_is_refused_and_stored_nowhere(version):
    suppressions.add("DOMAIN", "example.com", reason="They asked us", actor="olga")

    message, _ = queue(version)

    message.refresh_from_db()
    assert (message.status, message.code) == ("REFUSED", "suppressed")
    assert (message.recipient, message.lead_data, message.city) == ("", {}, "")
    assert message.recipient_hash
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"template_id": 10**9}, "templateId"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"city": "Boston"}, "city"),
        ({"lead_data": {"leadId": "7"}}, "leadData"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(version, changes, field):
    with pytest.raises(QueueError) as refused:
        queue(version, **changes)

    assert refused.value.field == field
    assert not Message.objects.exists()


def test_a_template_with_faults_or_archived_cannot_be_queued(version):
    faulty = make_version(subject="Re: tea")
    archived = make_version()
    archived.template.is_archived = True
    archived.template.save()

    for one in (faulty, archived):
        with pytest.raises(QueueError):
            queue(one)


def test_hostile_lead_data_is_only_data(version):
    hostile = {"email": "a@example.com", "first_name": "<script>\r\nBcc: x@y.example",
               "deep": {"a": [1]}, "list": ["a\nb", {"x": 1}], "n": float("nan"),
               "business_name": "{{ email }}" + "x" * 10_000,
               **{f"k{n}": n for n in range(200)}}  # fmt: skip

    message, _ = queue(version, hostile, city="")

    assert message.lead_data["first_name"] == "<script> Bcc: x@y.example"
    assert len(message.lead_data["business_name"]) == 500
    assert "deep" not in message.lead_data
    assert len(message.lead_data) <= 60


def test_asking_many_says_what_asking_one_says(version):
    """The same rules over the same facts, whatever is known of address, origin and company."""
    mailbox = make_mailbox(findings={"one_click": True})
    step = make_campaign(mailbox)
    messages = []
    for verdict in ("DELIVERABLE", "RISKY", "UNVERIFIED", "UNDELIVERABLE"):
        contact = make_contact(verdict=verdict)
        messages.append(make_message(step, contact=contact, mailbox=mailbox, country="SG"))
    page, sold, guessed, adopted, opted, other = (make_contact(verdict="DELIVERABLE")
                                                  for _ in range(6))  # fmt: skip
    for contact, source in ((page, "PAGE"), (sold, "PROVIDER"), (adopted, "PAGE")):
        Evidence.objects.filter(contact=contact).update(source=source)
    Evidence.objects.filter(contact=guessed).delete()
    Adoption.objects.create(contact=adopted, email=adopted.email, url="https://x.example", by="o")
    suppressions.add("EMAIL", opted.email, reason="Asked us.", actor="olga")
    OriginPolicy.objects.create(origin="PROVIDER", country="US", answer="SEND", reason="x",
                                set_by="o")  # fmt: skip
    messages += [
        make_message(step, contact=contact, mailbox=mailbox, country="US")
        for contact in (page, sold, guessed, adopted, opted, other)
    ]
    messages.append(make_message(contact=other, mailbox=mailbox, lead_data={}, country="DE"))
    now = timezone.now()

    many = ask_many(messages, now=now)

    for message, verdicts in zip(messages, many, strict=True):
        facts = facts_of(message, known=Known([message], now), mailbox=mailbox)
        assert [(v.rule, v.code) for v in verdicts] == [(v.rule, v.code) for v in ask(facts)]


def test_asking_many_costs_the_same_for_three_or_thirty(version, django_assert_max_num_queries):
    mailbox = make_mailbox()
    step = make_campaign(mailbox)
    few = [make_message(step, mailbox=mailbox) for _ in range(3)]
    more = few + [make_message(step, mailbox=mailbox) for _ in range(27)]

    with django_assert_max_num_queries(9):
        ask_many(few, now=timezone.now())
    with django_assert_max_num_queries(9):
        ask_many(more, now=timezone.now())


def test_held_messages_are_freed_once_their_cause_is_gone_and_not_before(version):
    contact = make_contact(verdict="UNVERIFIED")
    message = make_message(
        contact=contact, mailbox=make_mailbox(), status="HELD", code="not_verified",
        sentence="Not verified.", not_before=None,
    )  # fmt: skip
    now = timezone.now()

    assert ask_again(now=now) == 0
    Contact.objects.update(verdict="DELIVERABLE")
    assert ask_again(now=now) == 1
    assert ask_again(now=now) == 0

    message.refresh_from_db()
    assert (message.status, message.code) == ("QUEUED", "")
    assert Mailbox.objects.get().state == "READY"


def test_a_kind_the_sending_policy_leaves_out_waits_whatever_the_mail_policy_says(version):
    MailPolicy.objects.update(accepts_risky=True)
    contact = make_contact(verdict="RISKY", is_mailable=False, is_withheld=True,
                           not_mailable_reason="Left out by your sending policy.")  # fmt: skip
    mailbox = make_mailbox()
    message = make_message(contact=contact, mailbox=mailbox)

    assert claim(mailbox.pk) is None
    message.refresh_from_db()
    assert (message.status, message.code) == ("HELD", "left_out")

    Contact.objects.update(is_mailable=True, is_withheld=False, not_mailable_reason="")
    assert ask_again(now=timezone.now()) == 1
    assert claim(mailbox.pk).pk == message.pk
