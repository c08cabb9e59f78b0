"""PROMISES section 5 as checks: what holds when nobody configures anything, over real rows."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest
from django.utils import timezone

from enrichment.models import Evidence
from outreach import law
from outreach.admission.facts import Known, facts_of
from outreach.law import ANYWHERE, NEEDS_BASIS, NEEDS_NOTICE, POLICY, THRESHOLDS, Answer, Origin
from outreach.models import Adoption, MailPolicy, Message, UnsubscribeLink
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import make_campaign, make_contact, make_mailbox, make_message
from outreach.tests.factories import make_policy as allow_any_hour
from outreach.tests.post_office import PostOffice


def sent_mail(message: Message, mailbox) -> EmailMessage | None:
    """The mail as its provider got it; None when the gate kept it back."""
    office, claimed = PostOffice(), claim(mailbox.pk)
    if claimed is None:
        return None
    assert send(claimed, transport=office) == "SENT"
    message.refresh_from_db()
    return office.mails[0]


def come_from(message: Message, source: str) -> None:
    Evidence.objects.filter(contact=message.contact).update(source=source)


# --- A1, A2: where an address comes from --------------------------------------------------------
@pytest.mark.parametrize("country", ["SG", "US", "JP", ""])
@pytest.mark.parametrize("source", ["PAGE", "LLM", "HARVEST", ""])
def test_no_address_a_crawler_found_goes_out_before_a_person_adopted_it(acme, source, country):
    allow_any_hour()
    mailbox = make_mailbox()
    message = make_message(make_campaign(mailbox), country=country)
    come_from(message, source)

    assert sent_mail(message, mailbox) is None
    message.refresh_from_db()
    assert message.code in ("not_adopted", "origin")


def test_adopting_counts_for_the_very_address_that_was_seen(acme):
    allow_any_hour()
    mailbox = make_mailbox()
    message = make_message(make_campaign(mailbox))
    come_from(message, "PAGE")
    adopted = Adoption.objects.create(
        contact=message.contact, email="other@kaya.example", url="https://x", by="olga"
    )
    assert sent_mail(message, mailbox) is None

    Adoption.objects.filter(pk=adopted.pk).update(email=message.recipient)
    Message.objects.update(status="QUEUED", code="", sentence="", not_before=timezone.now())

    assert sent_mail(message, mailbox) is not None


def test_every_origin_has_a_default_with_its_source_and_date():
    for origin in Origin:
        cell = POLICY[origin, ANYWHERE]
        assert cell.because.endswith(".")
        assert cell.source
        assert cell.as_of >= "2026-11-21"
    never = {origin for origin in Origin if POLICY[origin, ANYWHERE].answer is Answer.NEVER}
    assert never == {Origin.PAGE, Origin.GUESSED, Origin.HARVESTED}


# --- A3: in bulk ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("place", "age"), [(0, timedelta(hours=23)), (1, timedelta(days=29))], ids=["day", "month"]
)
def test_the_mail_that_makes_it_bulk_needs_its_label(acme, place, age):
    allow_any_hour(labels=False)
    mailbox = make_mailbox()
    step = make_campaign(mailbox)
    message = make_message(step)
    contact = make_contact()
    Message.objects.bulk_create(
        Message(
            lead=contact.lead, template_version=step.template_version, timezone="UTC",
            created_by="olga", status="SENT", sent_at=timezone.now() - age,
            asked_at=timezone.now() - age, mailbox=make_mailbox() if not number else mailbox,
        )
        for number in range(THRESHOLDS[place].most - 1)
    )  # fmt: skip
    now = timezone.now()
    facts = facts_of(message, known=Known([message], now), mailbox=mailbox)
    assert facts.sent_alike[place] == THRESHOLDS[place].most - 1
    assert law.crossed(list(facts.sent_alike)) is None

    Message.objects.bulk_create(
        [Message(lead=contact.lead, template_version=step.template_version, timezone="UTC",
                 created_by="olga", status="SENT", sent_at=now, asked_at=now - age,
                 mailbox=mailbox)]
    )  # fmt: skip

    assert claim(mailbox.pk) is None
    message.refresh_from_db()
    assert (message.status, message.code) == ("REFUSED", "bulk_duties")
    assert THRESHOLDS[place].words in message.sentence


# --- A4, A5, D4: what every mail carries ---------------------------------------------------------
def test_every_mail_carries_label_way_out_and_both_headers_without_any_setting(acme):
    MailPolicy.objects.all().delete()
    allow_any_hour()
    mailbox = make_mailbox()
    message = make_message(make_campaign(mailbox))

    mail = sent_mail(message, mailbox)

    assert mail is not None
    link = UnsubscribeLink.objects.get(message=message)
    assert mail["Subject"].startswith("<ADV> ")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url, mailto = str(mail["List-Unsubscribe"]).split(", ")
    assert "/u/acme/" in url
    assert mailto.startswith(f"<mailto:{mailbox.address}?subject=unsubscribe")
    for kind in ("plain", "html"):
        body = mail.get_body((kind,)).get_content()
        assert "would rather not hear from us" in body
        assert "/u/acme/" in body or kind == "plain"
        assert mailbox.address in body
    assert link.recipient_hash == message.recipient_hash


def test_links_outlive_what_the_law_asks():
    assert law.OPT_OUT_VALID.days == 30
    assert law.LINKS_STAY.days >= 400
    assert law.OPT_OUT_BUSINESS_DAYS == 10


# --- C: other countries --------------------------------------------------------------------------
@pytest.mark.parametrize("country", ["DE", "FR", "GB", "NO", "CA", "AU"])
def test_countries_with_other_laws_wait_for_the_tenants_basis(acme, country):
    policy = allow_any_hour()
    mailbox = make_mailbox()
    message = make_message(make_campaign(mailbox), country=country)

    assert sent_mail(message, mailbox) is None
    message.refresh_from_db()
    assert message.code == "no_basis"
    assert NEEDS_BASIS[country] in message.sentence
    MailPolicy.objects.filter(pk=policy.pk).update(
        bases={country: "Our test of 1 November."}, notice="We hold your name & post.\nSay no?"
    )
    Message.objects.update(status="QUEUED", code="", sentence="", not_before=timezone.now())

    mail = sent_mail(message, mailbox)

    assert mail is not None
    told = "We hold your name & post." in mail.get_body(("plain",)).get_content()
    assert told == (country in NEEDS_NOTICE)
