"""Sending through the Gmail API, against a stand-in that is as strict as the contract."""

from __future__ import annotations

import pytest
import requests
from django.utils import timezone

from leadgen_project.sandbox.vendors.google import GoogleStandIn
from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from outreach import self_test
from outreach.mailboxes import oauth, tokens
from outreach.models import Mailbox, Message
from outreach.sending.claim import claim
from outreach.sending.reconcile import reconcile
from outreach.sending.send import send
from outreach.tests.factories import make_campaign, make_mailbox, make_message, make_policy
from outreach.tests.mails import key_of, make_mail
from outreach.tests.signed_in import make_signed_in, use_google
from outreach.transports.interface import Fault, Result, Trace
from outreach.transports.open import has_one_click, open_transport

HERE = "http://localhost:8000/admin/outreach/mailbox/signed-in/"


@pytest.fixture
def google(settings):
    with GoogleStandIn(hang_seconds=5) as stand_in:
        use_google(settings, stand_in)
        settings.MAIL_READ_SECONDS = 10
        yield stand_in


@pytest.fixture
def mailbox(acme, google) -> Mailbox:
    return make_signed_in(google, transport="GMAIL", address="olga@us.example")


def look(transport, mail) -> Trace:
    return transport.look(key=key_of(mail), draft_id="", message_id=str(mail["Message-ID"]))


def test_a_mail_goes_out_as_it_was_composed_and_is_found_again(mailbox, google):
    transport, mail = open_transport(mailbox), make_mail()

    before = look(transport, mail)
    outcome = transport.send(mail, draft_id="")

    assert (before, outcome.result, look(transport, mail)) == (
        Trace.NOTHING, Result.ACCEPTED, Trace.SENT,
    )  # fmt: skip
    assert outcome.reference
    sent = google.mails[0].mail
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "你好" in sent.get_body(("plain",)).get_content()
    assert google.keys == {key_of(mail): 1}


SENT = [MailFault.GATEWAY_AFTER, MailFault.ERROR_AFTER, MailFault.RESET_AFTER,
        MailFault.HANG_AFTER]  # fmt: skip
NOT_SENT = [MailFault.GATEWAY_BEFORE, MailFault.UNAVAILABLE_BEFORE, MailFault.RATE_LIMITED,
            MailFault.RESET_BEFORE]  # fmt: skip


@pytest.mark.parametrize("fault", [*SENT, *NOT_SENT])
def test_trouble_is_unclear_asked_once_and_told_by_a_look(mailbox, google, settings, fault):
    settings.MAIL_READ_SECONDS = 0.5
    transport, mail = open_transport(mailbox), make_mail()
    google.fail_next(fault)

    outcome = transport.send(mail, draft_id="")

    assert outcome.result is Result.UNCLEAR
    assert len(google.asked("send")) == 1
    assert look(transport, mail) is (Trace.SENT if fault in SENT else Trace.NOTHING)


def test_a_throttled_call_says_how_long_to_wait(mailbox, google):
    google.retry_after = "120"
    google.fail_next(MailFault.RATE_LIMITED)

    outcome = open_transport(mailbox).send(make_mail(), draft_id="")

    assert (outcome.code, outcome.retry_after) == ("rateLimitExceeded", 120.0)


@pytest.mark.parametrize("fault", [MailFault.UNAUTHORIZED, MailFault.EXPIRED])
def test_a_refused_token_is_renewed_and_the_refresh_token_kept(mailbox, google, fault):
    google.fail_next(fault)

    outcome = open_transport(mailbox).send(make_mail(), draft_id="")
    google.desk.expire()
    again = open_transport(mailbox).send(make_mail(), draft_id="")

    assert (outcome.result, again.result) == (Result.ACCEPTED, Result.ACCEPTED)
    assert google.desk.refreshes == 2


def test_a_missing_right_stops_the_mailbox_and_an_odd_address_its_mail(mailbox, google):
    mail = make_mail()
    del mail["To"]
    no_recipient = open_transport(mailbox).send(mail, draft_id="")
    for holder in google.desk._access.values():
        holder.scope = "https://www.googleapis.com/auth/gmail.readonly"
    no_right = open_transport(mailbox).send(make_mail(), draft_id="")

    assert (no_recipient.result, no_recipient.fault) == (Result.REFUSED, Fault.MESSAGE)
    assert (no_right.result, no_right.fault) == (Result.REFUSED, Fault.MAILBOX)


def test_a_lost_answer_is_settled_by_a_look_and_nothing_is_sent_again(mailbox, google):
    make_policy()
    message = make_message(make_campaign(mailbox))
    google.fail_next(MailFault.ERROR_AFTER)

    assert send(claim(mailbox.pk), transport=open_transport(mailbox)) == Message.Status.SENDING
    Message.objects.update(look_at=timezone.now(), held_until=timezone.now())
    reconcile(mailbox, transport=open_transport(mailbox))

    message.refresh_from_db()
    assert message.status == Message.Status.SENT
    assert google.keys == {str(message.key): 1}


def test_a_mailbox_is_connected_by_a_sign_in_that_asks_for_a_refresh_token(acme, google):
    mailbox = make_mailbox(state="NEW", transport="GMAIL", address="olga@us.example")
    olga = oauth.Caller(7, "olga", session="s")
    now = timezone.now()
    address = oauth.begin(mailbox, transport="GMAIL", redirect_uri=HERE, caller=olga, now=now)
    back = requests.get(address, allow_redirects=False, timeout=10).headers["Location"]
    query = dict(part.split("=", 1) for part in back.partition("?")[2].split("&"))

    found = oauth.finish(state=query["state"], code=query["code"], caller=olga, now=now)

    assert "access_type=offline" in address
    assert "prompt=consent" in address
    assert (found, found.state) == (mailbox, Mailbox.State.READY)
    assert tokens.access_token(mailbox.pk)


def test_one_click_passes_by_its_kind_and_a_test_shows_it(mailbox, google):
    assert has_one_click(mailbox)

    self_test.send_test(mailbox, actor="olga", now=timezone.now())
    said = self_test.look_for_test(mailbox, now=timezone.now())

    assert "came through" in said
    assert mailbox.findings["one_click"] is True


def test_a_taken_back_consent_asks_for_a_sign_in(mailbox, google):
    google.desk.revoke(mailbox.address)

    outcome = open_transport(mailbox).send(make_mail(), draft_id="")

    mailbox.refresh_from_db()
    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.MAILBOX)
    assert mailbox.state == Mailbox.State.RECONNECT
