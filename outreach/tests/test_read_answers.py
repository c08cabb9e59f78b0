"""Reading a mailbox: without a trace, each mail once, one reader at a time, whatever goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django_q.models import OrmQ

from enrichment.tests.certificates import Authority
from leadgen_project.sandbox.vendors.imap_server import ImapFault, ImapStandIn
from outreach.answer_models import InboxState, Reply
from outreach.answers.call_readers import LOST_AFTER, TASK, call_readers
from outreach.answers.read_answers import EVERY, LEASE, due, read_answers
from outreach.inbox.imap import ImapInbox
from outreach.inbox.interface import InboxError
from outreach.inbox.open import open_inbox
from outreach.mailboxes.mail_server import MailServer, Security, tls_context
from outreach.models import Mailbox
from outreach.tasks import read_mailbox
from outreach.tests.incoming import reply_to
from outreach.tests.test_replies import mailbox, make_sent, message  # noqa: F401 -- fixtures
from outreach.tests.test_smtp import house  # noqa: F401 -- a fixture
from tenants.clock import database_now
from tenants.context import in_public
from tenants.secrets import encrypt


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server():
    with ImapStandIn() as server:
        yield server


@pytest.fixture
def connected(mailbox, server) -> Mailbox:  # noqa: F811
    mailbox.options = {"host": "127.0.0.1", "user": "olga", "imap_host": "127.0.0.1",
                       "imap_port": server.port, "imap_security": "none"}  # fmt: skip
    mailbox.secret = encrypt("s3cret")
    mailbox.save()
    return mailbox


def soon() -> None:
    """The next reading is due, and a dead reader's lease is over."""
    past = database_now() - timedelta(seconds=1)
    InboxState.objects.update(next_at=past)
    InboxState.objects.exclude(held_until=None).update(held_until=past)


def inbox_of(server: ImapStandIn, **changes) -> ImapInbox:
    target = MailServer("127.0.0.1", server.port, Security.NONE, "olga", "s3cret")
    return ImapInbox(target, **changes)


def uids(inbox: ImapInbox, cursor: dict) -> list[int]:
    since = datetime.now(UTC) - timedelta(days=30)
    return [each.cursor["uid"] for each in inbox.arrivals(cursor, since=since)]


def test_a_reply_is_taken_in_once_and_stays_unread(connected, server, message):  # noqa: F811
    server.deliver(b"From: x@other.example\nSubject: Hi\n\nBuy")
    server.deliver(reply_to(message, "Yes, call me"))

    first = read_answers(connected.pk)
    soon()
    second = read_answers(connected.pk)

    assert first.taken == {"NOT_OURS": 1, "REPLIED": 1}
    assert (second.taken, second.trouble) == ({}, "")
    assert Reply.objects.get().excerpt == "Yes, call me"
    assert server.seen == set()
    assert not [each for each in server.commands if each.startswith("SELECT")]


def test_new_numbers_of_a_folder_bring_no_mail_twice(connected, server, message):  # noqa: F811
    server.deliver(reply_to(message, "Yes"))
    read_answers(connected.pk)
    server.renumber()
    server.deliver(reply_to(message, "And another thing"))
    soon()

    assert read_answers(connected.pk).taken == {"REPLIED": 2}
    assert Reply.objects.count() == 2


def test_mail_from_before_the_mailbox_is_left_alone(server):
    server.deliver(b"old", came=(datetime.now(UTC) - timedelta(days=40)).date())
    new = server.deliver(b"new")

    assert uids(inbox_of(server), {}) == [new]


def test_a_second_reader_passes_a_mailbox_by(connected, server, message):  # noqa: F811
    server.deliver(reply_to(message, "Yes"))
    seen = []

    def open_and_look(mailbox: Mailbox):  # noqa: F811
        seen.append(read_answers(mailbox.pk))
        return open_inbox(mailbox)

    read_answers(connected.pk, open_it=open_and_look)

    assert seen == [None]
    assert Reply.objects.count() == 1


def test_who_slept_past_the_lease_writes_nothing(connected, server, message):  # noqa: F811
    server.deliver(reply_to(message, "Yes"))

    def sleep_meanwhile(mailbox: Mailbox):  # noqa: F811
        soon()
        assert read_answers(mailbox.pk).taken == {"REPLIED": 1}
        return open_inbox(mailbox)

    late = read_answers(connected.pk, open_it=sleep_meanwhile)

    assert late.taken == {}
    assert Reply.objects.count() == 1
    assert InboxState.objects.get().cursor["uid"] == 1


def test_a_reader_that_died_is_followed_by_another(connected, server, message):  # noqa: F811
    server.deliver(reply_to(message, "Yes"))

    def die(_mailbox):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_answers(connected.pk, open_it=die)
    assert due(now=database_now()) == []
    assert due(now=database_now() + LEASE) == [connected.pk]
    soon()

    assert read_answers(connected.pk).taken == {"REPLIED": 1}


@pytest.mark.parametrize("fault", [each for each in ImapFault if each is not ImapFault.HANG])
def test_trouble_is_a_sentence_on_the_mailbox_and_passes(connected, server, message, fault):  # noqa: F811
    server.deliver(reply_to(message, "Yes"))
    server.faults.append(fault)

    first = read_answers(connected.pk)
    connected.refresh_from_db()
    soon()
    second = read_answers(connected.pk)

    assert "127.0.0.1" in first.trouble
    assert connected.findings["answers"]["trouble"] == first.trouble
    assert second.taken == {"REPLIED": 1}
    assert InboxState.objects.get().trouble == ""
    connected.refresh_from_db()
    assert connected.findings["answers"]["trouble"] == ""


def test_a_server_that_says_nothing_holds_no_reader_for_long(server):
    server.faults.append(ImapFault.HANG)

    with pytest.raises(InboxError):
        uids(inbox_of(server, seconds=1.0), {})


def test_tries_come_later_and_later(connected, server):
    server.accounts = {}
    waits = []
    for _ in range(3):
        soon()
        now = database_now()
        read_answers(connected.pk)
        state = InboxState.objects.get()
        waits.append(state.next_at - now)

    assert "refused the user name or password" in state.trouble
    assert state.failures == 3
    assert waits[0] >= timedelta(minutes=55)  # until somebody changes something


def test_a_mailbox_that_is_not_connected_or_has_no_inbox_is_left_alone(connected, server):
    Mailbox.objects.update(state="RECONNECT", state_reason="Sign in again.")
    assert due(now=database_now()) == []
    assert read_answers(connected.pk) is None

    Mailbox.objects.update(state="READY", state_reason="", options={"host": "127.0.0.1"})
    assert read_answers(connected.pk).taken == {}
    assert server.commands == []


def test_options_that_do_not_do_are_said(connected):
    Mailbox.objects.update(options={"imap_host": "127.0.0.1", "imap_port": "x"})

    assert read_answers(connected.pk).trouble == "'x' is no port."


@pytest.mark.parametrize("from_the_start", [True, False])
def test_the_line_is_private_before_the_password(authority, from_the_start):
    context = tls_context()
    context.load_verify_locations(authority.file)
    security = Security.TLS if from_the_start else Security.STARTTLS
    with ImapStandIn(tls=authority.server("localhost"),
                     is_tls_from_the_start=from_the_start) as server:  # fmt: skip
        uid = server.deliver(b"Subject: x\n\ny")
        target = MailServer("localhost", server.port, security, "olga", "s3cret")

        assert uids(ImapInbox(target, context=context), {}) == [uid]


def test_a_wrong_certificate_or_a_stripped_starttls_gets_no_password(authority):
    context = tls_context()
    context.load_verify_locations(authority.file)
    wrong = ImapStandIn(tls=authority.server("other.example"), is_tls_from_the_start=True)
    stripped = ImapStandIn(tls=authority.server("localhost"), hides_starttls=True)
    for stand_in, security in ((wrong, Security.TLS), (stripped, Security.STARTTLS)):
        with stand_in as server:
            target = MailServer("localhost", server.port, security, "olga", "s3cret")
            with pytest.raises(InboxError) as refused:
                uids(ImapInbox(target, context=context), {})

        assert refused.value.lasts
        assert "LOGIN" not in server.commands


def test_a_mail_of_thirty_megabytes_is_fetched_in_part(server):
    server.deliver(b"Subject: big\n\n" + b"x" * 30_000_000)

    [arrival] = inbox_of(server).arrivals({}, since=datetime.now(UTC) - timedelta(days=1))

    assert len(arrival.raw) == 512 * 1024
    assert arrival.size == 30_000_014


def test_a_mailbox_that_is_due_has_one_task_on_its_way(connected):
    now = database_now()

    assert call_readers(now=now) == 1
    assert call_readers(now=now) == 0
    assert call_readers(now=now + LOST_AFTER) == 1
    with in_public():
        task = OrmQ.objects.filter(key="mail").last()
    assert (task.func(), task.args()[1]) == ("tenants.tasks.run", TASK)

    read_mailbox(mailbox_id=connected.pk)
    assert call_readers(now=database_now()) == 0
    assert call_readers(now=database_now() + EVERY) == 1
