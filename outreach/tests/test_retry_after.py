"""PROMISES B10: a provider that asks for patience gets it, for the whole mailbox, up to an hour."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.models import Mailbox
from outreach.sending.claim import claim
from outreach.sending.reconcile import reconcile
from outreach.sending.send import LONGEST_PAUSE, MOST_PUT_OFF, send
from outreach.sending.settle import LOOKS
from outreach.tests.factories import make_campaign, make_message, make_policy
from outreach.tests.signed_in import make_signed_in, use_microsoft
from outreach.tests.test_exactly_once import let_time_pass
from outreach.transports.open import open_transport
from tenants.clock import database_now

SECOND, SOON = timedelta(seconds=1), timedelta(minutes=10)


@pytest.fixture
def microsoft(settings):
    with MicrosoftStandIn() as stand_in:
        use_microsoft(settings, stand_in)
        yield stand_in


@pytest.fixture
def mailbox(acme, microsoft) -> Mailbox:
    make_policy()
    return make_signed_in(microsoft)


@pytest.mark.parametrize("on", ["draft", "send"])
@pytest.mark.parametrize(
    "fault", [MailFault.RATE_LIMITED, MailFault.UNAVAILABLE_BEFORE, MailFault.WAIT_AFTER]
)
@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("", SECOND, SECOND),  # says nothing: the mailbox's own gap stands
        ("0", SECOND, SECOND), ("-5", SECOND, SECOND), ("soon", SECOND, SECOND),
        ("Sun, 22 Nov 2020 05:01:30 GMT", SECOND, SECOND),
        ("120", timedelta(seconds=120), timedelta(seconds=120)),
        ("a date", SOON - SECOND, SOON),
        ("86400", LONGEST_PAUSE, LONGEST_PAUSE),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_PAUSE, LONGEST_PAUSE),
    ],
)  # fmt: skip
def test_the_whole_mailbox_keeps_still_as_long_as_it_is_told(
    mailbox, microsoft, header, least, most, fault, on
):
    step = make_campaign(mailbox)
    make_message(step)
    make_message(step)
    microsoft.retry_after = header
    began = database_now()
    if header == "a date":
        microsoft.retry_after = format_datetime(began + SOON, usegmt=True)
    microsoft.fail_next(fault, on=on)

    send(claim(mailbox.pk), transport=open_transport(mailbox))

    ended = database_now()
    mailbox.refresh_from_db()
    if on == "send" or fault is not MailFault.WAIT_AFTER:  # a draft that is made asks for nothing
        assert began + least <= mailbox.not_before <= ended + most
    assert len(microsoft.asked(on)) == 1


def test_a_provider_that_takes_no_draft_is_asked_ever_later_and_then_a_person(mailbox, microsoft):
    message = make_message(make_campaign(mailbox))
    microsoft.retry_after = ""
    microsoft.fail_next(*[MailFault.RATE_LIMITED] * MOST_PUT_OFF, on="draft")

    waits = []
    for _ in range(MOST_PUT_OFF):
        transport, began = open_transport(mailbox), database_now()
        send(claim(mailbox.pk), transport=transport)
        message.refresh_from_db()
        waits.append(message.look_at and message.look_at - began)
        let_time_pass()
        reconcile(mailbox, transport=transport)
        let_time_pass()

    message.refresh_from_db()
    assert waits[-1] is None
    assert all(wait >= look for wait, look in zip(waits[:-1], LOOKS, strict=False))
    assert (message.status, message.code) == ("HELD", "put_off")
    assert "ApplicationThrottled" in message.sentence
    assert (len(microsoft.asked("draft")), microsoft.mails) == (MOST_PUT_OFF, [])
    assert claim(mailbox.pk) is None
