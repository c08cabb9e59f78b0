"""Mail over SMTP against a real server: what each reply means, and that nothing goes out twice."""

from __future__ import annotations

import socket
from datetime import timedelta
from email.message import EmailMessage

import pytest

from enrichment.tests.certificates import Authority
from icp.suppressions import is_suppressed
from leadgen_project.sandbox.vendors.smtp_server import SmtpFault, SmtpStandIn
from outreach.mailboxes.mail_server import (
    MailServer,
    MailServerError,
    Security,
    connect,
    read_server,
    tls_context,
)
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import make_campaign, make_mailbox, make_message, make_policy
from outreach.transports.interface import Fault, Result, Trace, TransportError
from outreach.transports.open import NoTransportError, open_transport
from outreach.transports.smtp import SmtpTransport
from outreach.wording.compose import Envelope, WayOut, compose
from outreach.wording.render import Rendered
from tenants.clock import database_now
from tenants.secrets import encrypt


@pytest.fixture(autouse=True)
def house(settings):
    """Loopback is of the house, as far as a test's servers go."""

    class EveryPort(list):
        def __contains__(self, name: object) -> bool:
            return str(name).startswith(("127.0.0.1:", "localhost:"))

    settings.MAIL_ALLOW_PRIVATE = EveryPort()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def context(authority):
    context = tls_context()
    context.load_verify_locations(authority.file)
    return context


def make_mail(**changes: str) -> EmailMessage:
    rendered = Rendered("Tea für Kaya", "<p>Dear Mei</p>\n<p>.</p>", "Dear Mei\n.\n..two\n", ())
    values = {
        "sender": "olga@us.example", "sender_name": "Olga", "reply_to": "",
        "recipient": "mei@kaya.example", "recipient_name": "Mei",
        "key": "4a2d5b1e-0000-4000-8000-000000000001",
        "way_out": WayOut("https://us.example/u/1", "mailto:olga@us.example?subject=x"),
    }  # fmt: skip
    sent_at = database_now()
    return compose(rendered, Envelope(**{**values, **changes, "sent_at": sent_at}))


@pytest.fixture
def mail(db):
    return make_mail()


def plain(server: SmtpStandIn, **changes) -> SmtpTransport:
    return SmtpTransport(MailServer("127.0.0.1", server.port, Security.NONE), **changes)


def test_a_mail_arrives_as_it_was_written(mail):
    with SmtpStandIn() as server:
        outcome = plain(server).send(mail)

    assert outcome.result is Result.ACCEPTED
    [taken] = server.mails
    assert (taken.sender, taken.recipients) == ("olga@us.example", ("mei@kaya.example",))
    for header in ("Message-ID", "X-Leadgen-Key", "List-Unsubscribe-Post"):
        assert f"{header}: {mail[header]}".encode() in taken.wire
    assert b"\r\n..two\r\n" in taken.wire  # a line of two dots, stuffed and unstuffed
    assert b"\n" not in taken.wire.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("fault", "result", "about", "code"),
    [
        (SmtpFault.BUSY, Result.REFUSED, Fault.PASSING, "421 4.3.2"),
        (SmtpFault.NO_SERVICE, Result.REFUSED, Fault.MAILBOX, "554 5.3.2"),
        (SmtpFault.SENDER_REFUSED, Result.REFUSED, Fault.MAILBOX, "553 5.7.1"),
        (SmtpFault.GREYLISTED, Result.REFUSED, Fault.PASSING, "451 4.7.1"),
        (SmtpFault.NO_SUCH_USER, Result.REFUSED, Fault.MESSAGE, "550 5.1.1"),
        (SmtpFault.RELAY_DENIED, Result.REFUSED, Fault.MAILBOX, "554 5.7.1"),
        (SmtpFault.CUT_BEFORE, Result.REFUSED, Fault.PASSING, "cut"),
        (SmtpFault.LATER, Result.REFUSED, Fault.PASSING, "452 4.3.1"),
        (SmtpFault.POLICY, Result.REFUSED, Fault.MESSAGE, "554 5.7.1"),
        (SmtpFault.UNAUTHENTICATED, Result.REFUSED, Fault.MAILBOX, "550 5.7.26"),
        (SmtpFault.CLOSING, Result.REFUSED, Fault.PASSING, "421 4.3.2"),
        (SmtpFault.ODD, Result.UNCLEAR, Fault.MESSAGE, "399"),
        (SmtpFault.CUT_UNDONE, Result.UNCLEAR, Fault.MESSAGE, "cut"),
        (SmtpFault.CUT_DONE, Result.UNCLEAR, Fault.MESSAGE, "cut"),
        (SmtpFault.TORRENT, Result.REFUSED, Fault.PASSING, "cut"),
    ],
)
def test_each_trouble_has_its_meaning(mail, fault, result, about, code):
    with SmtpStandIn() as server:
        server.fail_next(fault)
        outcome = plain(server).send(mail)

    assert (outcome.result, outcome.fault, outcome.code) == (result, about, code)
    assert outcome.sentence
    assert "kaya.example" not in outcome.sentence
    if outcome.result is Result.REFUSED:
        assert server.mails == []


def test_a_line_that_breaks_inside_the_mail_is_no_doubt(mail):
    big = ("x" * 70 + "\n") * 300_000  # more than the buffers on the way hold
    mail.clear_content()
    mail.set_content(big, cte="7bit")
    with SmtpStandIn() as server:
        server.fail_next(SmtpFault.CUT_INSIDE)
        outcome = plain(server).send(mail)

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.PASSING)
    assert server.mails == []


@pytest.mark.parametrize("fault", [SmtpFault.HANG, SmtpFault.DRIP])
def test_an_attempt_ends_whatever_the_server_does(mail, fault):
    with SmtpStandIn() as server:
        server.fail_next(fault)
        outcome = plain(server, seconds=1.0).send(mail)

    assert outcome.result is Result.REFUSED


def test_a_server_that_is_silent_after_the_dot_leaves_a_doubt(mail):
    with SmtpStandIn() as server:
        for seconds in (1.0, 5.0, 60.0):  # the mail must get there before the time is up
            server.fail_next(SmtpFault.HANG_DONE)
            outcome = plain(server, seconds=seconds).send(mail)
            if server.mails:
                break

    assert outcome.result is Result.UNCLEAR
    assert len(server.mails) == 1


def test_a_server_in_trouble_slows_the_whole_mailbox_and_a_greylisting_does_not(mail):
    with SmtpStandIn() as server:
        server.fail_next(SmtpFault.BUSY, SmtpFault.GREYLISTED)
        busy, greylisted = plain(server).send(mail), plain(server).send(mail)

    assert busy.retry_after == 300
    assert greylisted.retry_after is None


def test_nobody_listening_passes(mail):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        outcome = SmtpTransport(MailServer("127.0.0.1", port, Security.NONE)).send(mail)

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.PASSING)
    assert outcome.code == "unreachable"


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_password_goes_over_tls(mail, authority, context, from_the_start):
    security = Security.TLS if from_the_start else Security.STARTTLS
    with SmtpStandIn(accounts={"olga": "s3cret"}, tls=authority.server("localhost"),
                     is_tls_from_the_start=from_the_start) as server:  # fmt: skip
        target = MailServer("localhost", server.port, security, "olga", "s3cret")
        outcome = SmtpTransport(target, context=context).send(mail)

    assert outcome.result is Result.ACCEPTED
    assert (server.mails[0].user, server.mails[0].was_private) == ("olga", True)


def test_a_wrong_password_stops_the_mailbox(mail, authority, context):
    with SmtpStandIn(accounts={"olga": "s3cret"}, tls=authority.server("localhost")) as server:
        target = MailServer("localhost", server.port, Security.STARTTLS, "olga", "wrong")
        transport = SmtpTransport(target, context=context)
        outcome = transport.send(mail)
        with pytest.raises(TransportError) as refused:
            transport.check()

    assert (outcome.fault, outcome.code) == (Fault.MAILBOX, "535 5.7.8")
    assert refused.value.outcome.code == "535 5.7.8"


@pytest.mark.parametrize("hosts", [("other.example",), ("localhost",)])
@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_that_does_not_hold_gets_no_password(
    mail, authority, context, hosts, security
):
    ends = timedelta(days=-1) if hosts == ("localhost",) else timedelta(days=1)
    with SmtpStandIn(accounts={"olga": "s3cret"}, tls=authority.server(*hosts, ends=ends),
                     is_tls_from_the_start=security is Security.TLS) as server:  # fmt: skip
        target = MailServer("localhost", server.port, security, "olga", "s3cret")
        outcome = SmtpTransport(target, context=context).send(mail)

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.MAILBOX)
    assert outcome.code == "certificate"
    assert server.commands == []


def test_stripped_starttls_sends_nothing_in_the_clear(mail, authority, context):
    with SmtpStandIn(accounts={"olga": "s3cret"}, tls=authority.server("localhost"),
                     hides_starttls=True) as server:  # fmt: skip
        target = MailServer("localhost", server.port, Security.STARTTLS, "olga", "s3cret")
        outcome = SmtpTransport(target, context=context).send(mail)

    assert (outcome.fault, outcome.code) == (Fault.MAILBOX, "no_starttls")
    assert (server.commands, server.mails) == ([], [])


def test_without_encryption_no_password_leaves_the_house(mail, settings):
    settings.MAIL_ALLOW_PRIVATE = []
    target = MailServer("mail.kaya.example", 25, Security.NONE, "olga", "s3cret")

    outcome = SmtpTransport(target).send(mail)

    assert (outcome.fault, outcome.code) == (Fault.MAILBOX, "clear_password")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "0x7f.1"]
)
def test_no_tenant_reaches_into_the_deployments_network(settings, host):
    settings.MAIL_ALLOW_PRIVATE = []
    with pytest.raises(MailServerError) as refused:
        connect(MailServer(host, 587, Security.NONE))

    assert refused.value.code in {"inside", "no_address"}


def test_a_mail_too_big_is_not_handed_over(mail):
    with SmtpStandIn(most_bytes=500) as server:
        outcome = plain(server).send(mail)

    assert (outcome.fault, outcome.code) == (Fault.MESSAGE, "too_big")
    assert "DATA" not in server.commands


def test_more_than_one_recipient_is_refused_before_anything_is_said(mail):
    mail.replace_header("To", "mei@kaya.example, boss@kaya.example")
    with SmtpStandIn() as server:
        outcome = plain(server).send(mail)

    assert outcome.result is Result.REFUSED
    assert server.sessions == 0


def test_options_name_the_server_and_say_what_is_missing():
    assert read_server({"host": " MX.Us.Example ", "port": 465, "user": "o"}, password="p") == (
        MailServer("mx.us.example", 465, Security.TLS, "o", "p")
    )
    assert read_server({"host": "a"}, password="").security is Security.STARTTLS
    for wrong in ({}, {"host": "a", "port": "x"}, {"host": "a", "security": "ssl"}):
        with pytest.raises(MailServerError):
            read_server(wrong, password="")


def test_a_mailbox_opens_with_its_secret_and_never_prints_it(acme):
    mailbox = make_mailbox(transport="SMTP", secret=encrypt("s3cret"),
                           options={"host": "mx.us.example", "user": "olga"})  # fmt: skip
    transport = open_transport(mailbox)

    assert transport._server.password == "s3cret"
    assert "s3cret" not in repr(transport._server)
    assert transport.look(key="", draft_id="", message_id="") is Trace.UNKNOWN
    mailbox.options = {}
    with pytest.raises(NoTransportError):
        open_transport(mailbox)


@pytest.mark.parametrize(
    ("fault", "status", "mails"),
    [
        (None, "SENT", 1),
        (SmtpFault.CUT_BEFORE, "QUEUED", 0),
        (SmtpFault.LATER, "QUEUED", 0),
        (SmtpFault.CUT_UNDONE, "IN_DOUBT", 0),
        (SmtpFault.CUT_DONE, "IN_DOUBT", 1),
        (SmtpFault.POLICY, "ERROR_API_FAILURE", 0),
        (SmtpFault.NO_SUCH_USER, "ERROR_API_FAILURE", 0),
        (SmtpFault.SENDER_REFUSED, "QUEUED", 0),
    ],
)
def test_a_queued_mail_ends_as_its_server_answers(acme, fault, status, mails):
    make_policy()
    with SmtpStandIn() as server:
        if fault:
            server.fail_next(fault)
        options = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        box = make_mailbox(transport="SMTP", options=options)
        message = make_message(make_campaign(box))

        ended = send(claim(box.pk), transport=open_transport(box))

    assert (ended, len(server.mails)) == (status, mails)
    assert is_suppressed(email=message.recipient) is (fault is SmtpFault.NO_SUCH_USER)
    assert message.events.filter(kind="BOUNCED").exists() is (fault is SmtpFault.NO_SUCH_USER)
    box.refresh_from_db()
    assert box.state == ("RECONNECT" if fault is SmtpFault.SENDER_REFUSED else "READY")
