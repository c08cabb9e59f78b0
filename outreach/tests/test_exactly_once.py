"""However providers fail and processes die: no mail twice, none lost, none called sent wrongly.

Every sequence of up to three troubles is tried, in each mode. "Lost" would be a message that ends
in a state nobody looks at, or one called refused that went out.
"""

from __future__ import annotations

from itertools import product

import pytest
from django.utils import timezone

from enrichment.models import Evidence
from icp import suppressions
from outreach.admission.ask_again import ask_again
from outreach.models import Campaign, Mailbox, MailPolicy, Message, MessageEvent
from outreach.sending.claim import claim
from outreach.sending.reconcile import reconcile
from outreach.sending.send import MOST_PUT_OFF, send
from outreach.sending.settle import LOOKS
from outreach.tests.factories import make_campaign, make_mailbox, make_message, make_policy
from outreach.tests.post_office import Died, PostOffice, Trouble
from outreach.transports.interface import Fault, Outcome, Result

MOST_ROUNDS = 14


@pytest.fixture
def mailbox(acme) -> Mailbox:
    make_policy()
    return make_mailbox()


def let_time_pass() -> None:
    """All leases end and all moments come."""
    past = timezone.now() - timezone.timedelta(seconds=1)
    Message.objects.exclude(held_until=None).update(held_until=past)
    Message.objects.exclude(look_at=None).update(look_at=past)
    Message.objects.exclude(not_before=None).update(not_before=past)
    Message.objects.exclude(asked_at=None).update(asked_at=past - timezone.timedelta(days=2))
    Mailbox.objects.update(not_before=past)


def work(mailbox: Mailbox, office: PostOffice) -> None:
    """What one sender process does before it dies or has nothing to do."""
    try:
        reconcile(mailbox, transport=office)
        while message := claim(mailbox.pk):
            send(message, transport=office)
    except Died:
        pass


def run_to_the_end(mailbox: Mailbox, office: PostOffice) -> None:
    for _ in range(MOST_ROUNDS):
        work(mailbox, office)
        if not Message.objects.filter(status__in=["QUEUED", "SENDING", "HELD"]).exists():
            break
        let_time_pass()


@pytest.mark.parametrize("troubles", list(product(Trouble, repeat=2)), ids="-".join)
def test_with_drafts_no_mail_is_doubled_or_lost(mailbox, troubles):
    try_troubles(mailbox, troubles)


@pytest.mark.slow
@pytest.mark.parametrize("troubles", list(product(Trouble, repeat=3)), ids="-".join)
def test_three_troubles_in_a_row_double_or_lose_nothing_either(mailbox, troubles):
    try_troubles(mailbox, troubles)


def try_troubles(mailbox: Mailbox, troubles: tuple[Trouble, ...]) -> None:
    message = make_message(make_campaign(mailbox))
    office = PostOffice(list(troubles))

    run_to_the_end(mailbox, office)

    message.refresh_from_db()
    times = office.sent.count(str(message.key))
    assert times <= 1
    if message.status == Message.Status.SENT:
        assert times == 1
    elif message.status == Message.Status.ERROR_API_FAILURE:
        assert times == 0
    else:  # a person's, but only after the one second try has failed too
        assert message.status == Message.Status.IN_DOUBT
        assert message.events.filter(kind=MessageEvent.Kind.ASKED).count() == 2


@pytest.mark.parametrize("askable", [True, False])
@pytest.mark.parametrize("troubles", list(product(Trouble, repeat=2)), ids="-".join)
def test_without_drafts_every_doubt_is_a_persons(mailbox, troubles, askable):
    message = make_message(make_campaign(mailbox))
    office = PostOffice(list(troubles), drafts_first=False, askable=askable)

    run_to_the_end(mailbox, office)

    message.refresh_from_db()
    times = office.sent.count(str(message.key))
    assert times <= 1
    assert message.status in {"SENT", "ERROR_API_FAILURE", "IN_DOUBT"}
    if message.status == Message.Status.SENT:
        assert times == 1
    if message.status == Message.Status.ERROR_API_FAILURE:
        assert times == 0


def test_an_opt_out_at_the_last_moment_stops_a_claimed_message(mailbox):
    message = make_message(make_campaign(mailbox))
    claimed = claim(mailbox.pk)
    suppressions.add("EMAIL", message.recipient, reason="asked for silence", actor="olga")
    office = PostOffice()

    assert send(claimed, transport=office) == Message.Status.REFUSED
    assert office.sent == []


@pytest.mark.parametrize(
    "no", ["opted out", "erased", "sending off", "campaign stopped", "mailbox paused"]
)
def test_what_may_not_go_any_more_is_not_sent_a_second_time(mailbox, no):
    message = make_message(make_campaign(mailbox))
    office = PostOffice([Trouble.NONE, Trouble.UNCLEAR_BEFORE])
    work(mailbox, office)
    match no:
        case "opted out":
            suppressions.add("EMAIL", message.recipient, reason="no", actor="olga")
        case "erased":
            Message.objects.update(recipient="")
        case "sending off":
            MailPolicy.objects.update(sending_off="The database was restored.")
        case "campaign stopped":
            Campaign.objects.update(status="STOPPED")
        case "mailbox paused":
            Mailbox.objects.update(state="PAUSED", state_reason="holidays")

    run_to_the_end(mailbox, office)

    message.refresh_from_db()
    assert (message.status, office.sent) == (Message.Status.IN_DOUBT, [])
    assert message.events.filter(kind=MessageEvent.Kind.ASKED).count() == 1
    assert message.events.filter(detail__startswith="It is not sent once more. ").exists()


def test_who_slept_past_the_lease_asks_nobody(mailbox):
    make_message(make_campaign(mailbox))
    sleeper = claim(mailbox.pk)
    office = PostOffice()
    let_time_pass()
    work(mailbox, office)  # another process gives it back and sends it
    let_time_pass()
    work(mailbox, office)

    send(sleeper, transport=office)

    assert len(office.sent) == 1


def test_one_message_of_a_mailbox_is_in_hand_at_a_time(mailbox):
    step = make_campaign(mailbox)
    make_message(step)
    make_message(step)

    assert claim(mailbox.pk) is not None
    Mailbox.objects.update(not_before=timezone.now() - timezone.timedelta(seconds=1))
    assert claim(mailbox.pk) is None


def test_a_trail_tells_what_happened_in_order(mailbox):
    message = make_message(make_campaign(mailbox))
    office = PostOffice([Trouble.NONE, Trouble.UNCLEAR_AFTER])

    run_to_the_end(mailbox, office)

    kinds = (
        MessageEvent.objects.filter(message=message).order_by("pk").values_list("kind", flat=True)
    )
    assert list(kinds) == ["CLAIMED", "DRAFTED", "ASKED", "LOOKED", "ACCEPTED"]


def test_what_is_sent_is_what_the_row_shows(mailbox):
    message = make_message(make_campaign(mailbox))
    office = PostOffice()

    run_to_the_end(mailbox, office)

    message.refresh_from_db()
    mail = office.mails[0]
    assert mail["Subject"] == message.subject == "<ADV> Tea for Kaya"
    assert mail.get_body(("html",)).get_content().strip() == message.body_html.strip()
    assert mail["Message-ID"] == message.message_id


@pytest.mark.parametrize("address", ["mei@@kaya.example", "mei\r\nBcc: x@kaya.example", "@"])
def test_a_mail_that_cannot_be_made_ends_with_its_reason_and_holds_up_nobody(mailbox, address):
    step = make_campaign(mailbox)
    message, other = make_message(step), make_message(step)
    Message.objects.filter(pk=message.pk).update(recipient=address)
    Evidence.objects.filter(contact=message.contact_id).update(value=address)
    office = PostOffice()

    run_to_the_end(mailbox, office)

    message.refresh_from_db()
    assert (message.status, message.code) == ("ERROR_API_FAILURE", "no_mail")
    assert message.sentence.startswith("No mail can be made of it: ")
    assert office.sent == [str(other.key)]


def test_a_server_that_puts_a_mail_off_is_asked_ever_later_and_then_a_person(mailbox):
    message = make_message(make_campaign(mailbox))
    office = PostOffice([Trouble.REFUSE_FOR_NOW] * MOST_PUT_OFF, drafts_first=False)

    waits = []
    for _ in range(MOST_PUT_OFF):
        send(claim(mailbox.pk), transport=office)
        message.refresh_from_db()
        waits.append(message.not_before and message.not_before - timezone.now())
        let_time_pass()

    assert waits[-1] is None
    assert (message.status, message.code) == ("HELD", "put_off")
    assert "Later." in message.sentence
    assert all(round(wait / look) == 1 for wait, look in zip(waits, LOOKS, strict=False))
    assert ask_again(now=timezone.now()) == 0
    assert ask_again(Message.objects.all(), now=timezone.now()) == 1


def test_a_server_that_cannot_be_reached_puts_no_mail_aside(mailbox):
    message = make_message(make_campaign(mailbox))
    away = Outcome(Result.REFUSED, "unreachable", "Nobody answers.", Fault.PASSING)
    office = PostOffice(drafts_first=False)
    office.send = lambda mail, *, draft_id: away

    for _ in range(MOST_PUT_OFF + 2):
        assert send(claim(mailbox.pk), transport=office) == "QUEUED"
        let_time_pass()

    message.refresh_from_db()
    assert message.code == "unreachable"
