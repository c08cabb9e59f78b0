"""Mail through a Graph that fails often: never twice, never lost, never said to be sent wrongly.

What is not known for certain of the real one is tried both ways: whether immutable ids outlive
the sending, and whether a second ``send`` of a draft on its way is taken.
"""

from __future__ import annotations

from collections import Counter

import pytest

from leadgen_project.sandbox.vendors.google import GoogleStandIn
from leadgen_project.sandbox.vendors.mail_stand_in import MailFault, MailStandIn
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.models import Mailbox, Message
from outreach.sending.claim import claim
from outreach.sending.reconcile import reconcile
from outreach.sending.send import send
from outreach.tests.factories import make_campaign, make_message, make_policy
from outreach.tests.signed_in import make_signed_in, use_google, use_microsoft
from outreach.tests.test_exactly_once import let_time_pass
from outreach.transports.open import open_transport
from tenants.clock import database_now

MAILS, MOST_ROUNDS = 12, 80  # a round sends one mail, because of the gap between two
# Not those that take long, that end with a person by design, or that stop the mailbox.
LEFT_OUT = {MailFault.HANG_AFTER, MailFault.EXPIRED, MailFault.STUCK, MailFault.UNAUTHORIZED}
FAULTS = tuple(fault for fault in MailFault if fault not in LEFT_OUT)
pytestmark = pytest.mark.slow
OPEN = ("QUEUED", "SENDING", "HELD")


def send_all(mailbox: Mailbox) -> None:
    """What senders do, with all waiting times passing at once."""
    for _ in range(MOST_ROUNDS):
        transport = open_transport(mailbox)
        reconcile(mailbox, transport=transport)
        while message := claim(mailbox.pk):
            send(message, transport=transport)
        if not Message.objects.filter(status__in=OPEN).exists():
            return
        let_time_pass()
    mailbox.refresh_from_db()
    left = Message.objects.filter(status__in=OPEN).values_list("status", "code", "sentence")
    raise AssertionError(f"They never came to an end: {list(left)}, {mailbox.state_reason}")


def queue(mailbox: Mailbox) -> None:
    make_policy()
    step = make_campaign(mailbox)
    for _ in range(MAILS):
        make_message(step)


def check(stand_in: MailStandIn) -> Counter[str]:
    """Compare the provider's journal with what the product says; returns statuses."""
    ended = dict(Message.objects.values_list("key", "status"))
    taken = stand_in.keys
    assert [key for key, count in taken.items() if count > 1] == []
    for key, status in ended.items():
        if status == "SENT":
            assert taken[str(key)] == 1
        if status == "ERROR_API_FAILURE":
            assert taken[str(key)] == 0
    assert len(ended) == MAILS
    return Counter(ended.values())


@pytest.mark.parametrize(("takes_twice", "keeps_ids"), [(False, True), (True, False)])
def test_drafts_double_and_lose_nothing(acme, settings, takes_twice, keeps_ids):
    with MicrosoftStandIn(
        chance_of_fault=0.3, likely_faults=FAULTS, retry_after="0", takes_twice=takes_twice,
        keeps_ids=keeps_ids, faulty=frozenset({"draft", "mark", "send", "look"}), seed=5,
    ) as stand_in:  # fmt: skip
        use_microsoft(settings, stand_in)
        mailbox = make_signed_in(stand_in)
        queue(mailbox)

        send_all(mailbox)

        statuses = check(stand_in)
    assert statuses["SENT"] >= MAILS // 2
    assert stand_in.most_at_once[mailbox.address] == 1


def test_without_drafts_every_doubt_is_a_persons(acme, settings):
    with MicrosoftStandIn(
        chance_of_fault=0.5, likely_faults=FAULTS, retry_after="0", seed=6
    ) as stand_in:
        use_microsoft(settings, stand_in)
        mailbox = make_signed_in(stand_in, transport="GRAPH_DIRECT")
        queue(mailbox)

        send_all(mailbox)

        statuses = check(stand_in)
        unclear = [call for call in stand_in.asked("send")
                   if call.fault and call.status in {0, 202, 429, 500, 503, 504}
                   and call.fault not in {MailFault.WAIT_AFTER, MailFault.TWICE}]  # fmt: skip
    assert statuses["IN_DOUBT"] >= 1
    assert statuses["IN_DOUBT"] == len(unclear)


def test_gmail_is_asked_and_never_sent_to_again(acme, settings):
    with GoogleStandIn(
        chance_of_fault=0.3, likely_faults=FAULTS, retry_after="0", seed=7
    ) as stand_in:
        use_google(settings, stand_in)
        mailbox = make_signed_in(stand_in, transport="GMAIL")
        queue(mailbox)

        send_all(mailbox)

        statuses = check(stand_in)
    assert statuses["SENT"] >= 1
    assert set(statuses) <= {"SENT", "IN_DOUBT"}


def test_a_double_of_the_providers_own_is_said_to_be_its_and_nothing_is_repeated(acme, settings):
    """It takes the mail, loses the answer, and shows two in Sent Items."""
    with MicrosoftStandIn() as stand_in:
        use_microsoft(settings, stand_in)
        mailbox = make_signed_in(stand_in)
        make_policy()
        message = make_message(make_campaign(mailbox))
        stand_in.fail_next(MailFault.TWICE)
        send(claim(mailbox.pk), transport=open_transport(mailbox))
        Message.objects.update(status="SENDING", sent_at=None, look_at=database_now())

        send_all(mailbox)

    message.refresh_from_db()
    assert message.status == Message.Status.SENT
    assert message.events.filter(detail__contains="delivered twice by the provider").count() == 1
    assert len(stand_in.asked("send")) == 1
    assert stand_in.keys == {str(message.key): 1}


def test_a_stuck_draft_whose_answer_was_lost_ends_with_a_person(acme, settings):
    with MicrosoftStandIn(sticks=True) as stand_in:
        use_microsoft(settings, stand_in)
        mailbox = make_signed_in(stand_in)
        make_policy()
        message = make_message(make_campaign(mailbox))
        stand_in.fail_next(MailFault.GATEWAY_AFTER)

        send_all(mailbox)

    message.refresh_from_db()
    assert message.status == Message.Status.IN_DOUBT
    assert "still a draft" in message.sentence
    assert len(stand_in.asked("send")) == 2
    assert stand_in.mails == []
