"""What follows from an incoming mail, once, and what never does (PROMISES B7, B8)."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.models import Contact
from icp.models import Suppression
from icp.suppressions import is_suppressed
from outreach.admission.facts import Known, facts_of
from outreach.answer_models import Reply
from outreach.answers.replies import Taken, take
from outreach.models import CampaignStep, Mailbox, Message, MessageEvent
from outreach.sending.history import record_of
from outreach.tests.factories import (
    make_campaign,
    make_contact,
    make_link,
    make_mailbox,
    make_message,
    make_policy,
)
from outreach.tests.incoming import bounce_of, complaint_of, reply_to
from outreach.wording.way_out import token_of
from tenants.clock import database_now


@pytest.fixture
def mailbox(acme) -> Mailbox:
    make_policy()
    return make_mailbox(address="olga@us.example", transport="SMTP")


@pytest.fixture
def message(mailbox) -> Message:
    return make_sent(mailbox)


def make_sent(mailbox: Mailbox, **changes) -> Message:
    now = database_now()
    message = make_message(make_campaign(mailbox), mailbox=mailbox, status="SENT", asked_at=now,
                           sent_at=now, **changes)  # fmt: skip
    message.message_id = f"<{message.key}@us.example>"
    message.save()
    make_link(message)
    return message


def read(raw: bytes, mailbox: Mailbox, **changes) -> Taken:
    return take(raw, mailbox=mailbox, now=database_now(), **changes)


def kinds(message: Message) -> list[str]:
    return list(message.events.order_by("pk").values_list("kind", flat=True))


def test_a_reply_waits_for_a_person_and_stops_the_sequence(mailbox, message):
    raw = reply_to(message, "Thank you, send me a price list for Monday.")

    assert read(raw, mailbox) is Taken.REPLIED
    answer = Reply.objects.get()
    assert (answer.state, answer.sender) == ("WAITING", message.recipient)
    assert answer.excerpt == "Thank you, send me a price list for Monday."
    assert not is_suppressed(email=message.recipient)
    second = CampaignStep.objects.create(campaign=message.step.campaign, position=2,
                                         template_version=message.template_version)  # fmt: skip
    follow_up = make_message(second, contact=message.contact)
    facts = facts_of(follow_up, known=Known([follow_up], database_now()), mailbox=mailbox)
    assert facts.earlier_stopped == "The recipient has answered an earlier mail."


def test_a_mail_read_twice_adds_nothing(mailbox, message):
    for raw in (reply_to(message, "Yes"), bounce_of(message), complaint_of(message)):
        first = read(raw, mailbox)
        before = MessageEvent.objects.count(), Suppression.objects.count(), Reply.objects.count()
        assert read(raw, mailbox) is first
        assert before == (
            MessageEvent.objects.count(), Suppression.objects.count(), Reply.objects.count(),
        )  # fmt: skip


@pytest.mark.parametrize("changes", [{"In_Reply_To": ""}, {"In_Reply_To": "", "References": "{}"}])
def test_a_reply_is_known_by_what_it_refers_to_or_whom_it_is_from(mailbox, message, changes):
    headers = {name: value.format(message.message_id) for name, value in changes.items()}

    assert read(reply_to(message, "Yes", **headers), mailbox) is Taken.REPLIED
    assert kinds(message) == ["REPLIED"]


def test_mail_that_answers_none_of_ours_is_not_kept(mailbox, message):
    stranger = b"From: x@other.example\nSubject: Hi\n\nBuy tea"
    newsletter = reply_to(message, "News", In_Reply_To="", List_Id="<news.kaya.example>")
    own = reply_to(message, "Copy", From="olga@us.example")

    for raw in (stranger, newsletter, own, b"", b"\x00" * 1000):
        assert read(raw, mailbox) is Taken.NOT_OURS
    assert not Reply.objects.exists()
    assert kinds(message) == []


def test_a_bounce_for_good_suppresses_and_marks_the_contact(mailbox, message):
    assert read(bounce_of(message), mailbox) is Taken.BOUNCED

    suppression = Suppression.objects.get()
    assert suppression.source == "bounce"
    assert "5.1.1" in suppression.reason
    assert message.recipient not in suppression.reason
    contact = Contact.objects.get(pk=message.contact_id)
    assert (contact.verdict, contact.is_mailable) == ("UNDELIVERABLE", False)
    assert record_of(mailbox, now=database_now()).hard_bounces == 1


def test_a_bounce_is_known_by_its_address_when_it_names_no_message(mailbox, message):
    assert read(bounce_of(message, names_us=False), mailbox) is Taken.BOUNCED


def test_a_bounce_of_another_address_gives_nobody_up(mailbox, message):
    raw = bounce_of(message, address="forwarded@elsewhere.example")

    assert read(raw, mailbox) is Taken.DELAYED
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("status", "words"),
    [("4.4.1", "timed out"), ("5.2.2", "552 mailbox full"), ("5.7.1", "554 blocked as spam")],
)
def test_a_bounce_for_now_is_noted_and_no_more(mailbox, message, status, words):
    assert read(bounce_of(message, status=status, words=words), mailbox) is Taken.DELAYED

    assert kinds(message) == ["DELAYED"]
    assert not Suppression.objects.exists()


def test_a_domain_that_does_not_authenticate_pauses_its_mailbox(mailbox, message):
    raw = bounce_of(message, status="5.7.515", words="550 5.7.515 Access denied, DMARC")

    read(raw, mailbox)

    mailbox.refresh_from_db()
    assert mailbox.state == Mailbox.State.PAUSED
    assert "authenticated" in mailbox.state_reason


def test_a_complaint_suppresses_and_counts_for_the_brakes(mailbox, message):
    assert read(complaint_of(message), mailbox) is Taken.COMPLAINED

    assert is_suppressed(email=message.recipient)
    assert record_of(mailbox, now=database_now()).complaints_today == 1


@pytest.mark.parametrize(
    "headers",
    [{"Auto_Submitted": "auto-replied"}, {"subject": "Out of office: Tea"},
     {"X_Autoreply": "yes"}, {"subject": "自动回复: Tea"},
     {"Auto_Submitted": "auto-replied", "subject": "unsubscribe {token}"}],
)  # fmt: skip
def test_no_machines_answer_ever_suppresses(mailbox, message, headers):
    given = {name: value.format(token=token_of(message)) for name, value in headers.items()}
    raw = reply_to(message, "I am away. Please unsubscribe me and stop emailing.", **given)

    assert read(raw, mailbox) is Taken.AUTO_REPLIED
    assert kinds(message) == ["AUTO_REPLIED"]
    assert not Suppression.objects.exists()


def test_an_absence_in_a_persons_words_ends_no_sequence(mailbox, message):
    raw = reply_to(message, "I am out of the office until Monday.")

    assert read(raw, mailbox) is Taken.AUTO_REPLIED


def test_a_token_in_the_subject_opts_out_whoever_writes(mailbox, message):
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "someone@else.example", f"unsubscribe {token_of(message)}"
    mail.set_content("")

    assert read(mail.as_bytes(), mailbox) is Taken.OPTED_OUT
    assert is_suppressed(email=message.recipient)
    assert not is_suppressed(email="someone@else.example")


OPT_OUTS = [
    "Unsubscribe", "Please remove me from your list.", "STOP", "Take us off your mailing list",
    "Do not contact me again", "don't email me", "I wish to opt out.", "No more emails please",
    "请退订", "請勿再寄郵件給我", "不要再联系我", "Tolong berhenti hantar emel",
    "Jangan hubungi saya lagi", "Saya tidak mahu menerima e-mel ini",
    "மின்னஞ்சல் அனுப்ப வேண்டாம்", "Bitte keine weiteren Mails", "配信停止してください",
]  # fmt: skip
NO_OPT_OUTS = [
    "Yes, please call me.", "Interesting! How much?", "I am not the right person, ask Bob.",
    "We stopped drinking tea last year but my sister has not.", "Please don't unsubscribe me!",
    "We will not be able to meet on Monday.", "好的,请联系我", "Boleh hantar sebut harga?", "",
]  # fmt: skip


@pytest.mark.parametrize("words", OPT_OUTS)
def test_words_that_mean_no_more_mail_suppress(mailbox, message, words):
    assert read(reply_to(message, words), mailbox) is Taken.OPTED_OUT

    assert is_suppressed(email=message.recipient)
    assert kinds(message) == ["UNSUBSCRIBED"]


@pytest.mark.parametrize("words", NO_OPT_OUTS)
def test_other_words_wait_for_a_person(mailbox, message, words):
    assert read(reply_to(message, words), mailbox) is Taken.REPLIED

    assert not Suppression.objects.exists()


def test_our_own_way_out_quoted_in_a_reply_is_no_opt_out(mailbox, message):
    quoted = (
        "Sounds good\n\nFrom: Olga Tan <olga@us.example>\nSent: Sunday\nSubject: Tea\n\n"
        "If you would rather not hear from us again, unsubscribe here."
    )
    assert read(reply_to(message, quoted), mailbox) is Taken.REPLIED


def test_who_opts_out_from_another_address_is_suppressed_with_it(mailbox, message):
    read(reply_to(message, "Unsubscribe", From="boss@kaya.example"), mailbox)

    assert is_suppressed(email=message.recipient)
    assert is_suppressed(email="boss@kaya.example")


def test_an_opt_out_with_more_to_say_also_waits_for_a_person(mailbox, message):
    short, long = "Remove me", "Remove me from the list, but do call my colleague Bob: " + "x" * 80
    read(reply_to(message, short), mailbox)
    read(reply_to(message, long), mailbox)

    assert list(Reply.objects.order_by("pk").values_list("state", flat=True)) == [
        "DONE", "WAITING",
    ]  # fmt: skip


def test_an_answer_proves_that_a_doubtful_mail_went_out(mailbox, message):
    Message.objects.update(status="IN_DOUBT", sent_at=None, code="unclear", sentence="Cut.")

    read(bounce_of(message), mailbox)

    message.refresh_from_db()
    assert message.status == Message.Status.SENT


def test_an_erased_recipient_is_suppressed_by_the_hash_alone(mailbox, message):
    address = message.recipient
    raw = reply_to(message, "Unsubscribe")
    Message.objects.update(recipient="", contact=None)

    read(raw, mailbox)

    assert is_suppressed(email=address)


def test_hostile_replies_do_no_harm_and_say_so(mailbox, message):
    raw = (
        f"From: mei@kaya.example\nIn-Reply-To: {message.message_id}\n"
        "Subject: =?utf-8?q?Hi=0D=0ABcc:_all=40kaya.example?=\nContent-Type: text/html\n\n"
        "<script>alert(1)</script><p>Yes</p><!--"
    ).encode() + b"x" * 30_000_000

    assert read(raw, mailbox) is Taken.REPLIED
    answer = Reply.objects.get()
    assert (answer.subject, answer.excerpt) == ("Hi Bcc: all@kaya.example", "Yes")
    assert "were read" in answer.notes


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=30)


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), WORDS), max_size=6))
def test_whatever_comes_in_nobody_suppressed_is_let_go(mailbox, script):
    messages = [make_sent(mailbox, contact=make_contact()) for _ in range(3)]
    for what, whose, words in script:
        one = messages[whose]
        raw = [
            lambda one=one, words=words: reply_to(one, words),
            lambda one=one: bounce_of(one), lambda one=one: complaint_of(one),
            lambda one=one: reply_to(one, "unsubscribe"),
            lambda one=one: reply_to(one, "Welcome back", Auto_Submitted="auto-replied"),
        ][what]()  # fmt: skip
        before = standing()
        read(raw, mailbox)
        assert before <= standing()


def standing() -> set[str]:
    return set(Suppression.objects.filter(lifted_at=None).values_list("value_hash", flat=True))
