"""Mail through mass-mail services: each answer's meaning, and what of a mail goes over."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field

import pytest

from leadgen_project.sandbox.loopback import LoopbackServer, Raw, Reply, Request
from leadgen_project.sandbox.vendors.stand_in import reset
from outreach.mailboxes.mail_server import MailServerError
from outreach.tests.factories import make_mailbox
from outreach.tests.test_smtp import make_mail
from outreach.transports.anymail import (
    SERVICES,
    AnymailTransport,
    read_options,
)
from outreach.transports.interface import Fault, Result
from outreach.transports.open import capabilities_of, open_transport
from tenants.secrets import encrypt

OK = {"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a", "SubmittedAt": "",
      "To": "mei@kaya.example"}  # fmt: skip


@dataclass
class Postmark:
    """Answers as Postmark's ``POST /email`` does, or as it is told to."""

    reply: Reply | Raw = field(
        default_factory=lambda: Reply(200, json.dumps(OK).encode(), "application/json")
    )
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Reply | Raw:
        self.asked.append(request)
        return self.reply


def send(service: Postmark):
    with LoopbackServer(service.answer) as server:
        transport = AnymailTransport(
            "postmark", settings_of={"server_token": "t0ken", "api_url": server.url}
        )
        return transport.send(make_mail())


def test_a_mail_goes_over_once_with_its_headers_and_untracked(db):
    service = Postmark()

    outcome = send(service)

    assert (outcome.result, outcome.reference) == (Result.ACCEPTED, "b7bc2f4a")
    [request] = service.asked
    said = json.loads(request.body)
    headers = {each["Name"]: each["Value"] for each in said["Headers"]}
    assert headers["X-Leadgen-Key"] == "4a2d5b1e-0000-4000-8000-000000000001"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["X-PM-KeepID"] == "true"
    assert (said["TrackOpens"], said["TrackLinks"]) == (False, "None")
    assert said["To"] == "Mei <mei@kaya.example>"
    assert request.headers["x-postmark-server-token"] == "t0ken"


@pytest.mark.parametrize(
    ("status", "result", "about"),
    [
        (400, Result.REFUSED, Fault.MESSAGE),
        (401, Result.REFUSED, Fault.MAILBOX),
        (403, Result.REFUSED, Fault.MAILBOX),
        (413, Result.REFUSED, Fault.MESSAGE),
        (408, Result.UNCLEAR, Fault.MESSAGE),
        (429, Result.REFUSED, Fault.PASSING),
        (500, Result.UNCLEAR, Fault.MESSAGE),
        (503, Result.UNCLEAR, Fault.MESSAGE),
        (307, Result.UNCLEAR, Fault.MESSAGE),
    ],
)
def test_each_answer_has_its_meaning(db, status, result, about):
    headers = (("Location", "/elsewhere"),) if status == 307 else (("Retry-After", "120"),)
    service = Postmark(Reply(status, b"{}", "application/json", headers))

    outcome = send(service)

    assert (outcome.result, outcome.fault) == (result, about)
    assert len(service.asked) == 1
    assert outcome.retry_after == (120 if status == 429 else None)


@pytest.mark.parametrize("reply", [reset, Reply(200, b"<html>", "text/html")])
def test_an_answer_that_is_none_is_unclear(db, reply):
    assert send(Postmark(reply)).result is Result.UNCLEAR


def test_a_service_nobody_can_reach_passes(db):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        given = {"server_token": "t", "api_url": address}
        outcome = AnymailTransport("postmark", settings_of=given).send(make_mail())

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.PASSING)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_of_the_table_takes_a_mail_as_we_write_it(db, name):
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        return Reply(401, b"{}", "application/json")

    needed = dict.fromkeys(SERVICES[name].secrets, "key")
    with LoopbackServer(answer) as server:
        given = {**needed, "api_url": server.url}
        outcome = AnymailTransport(name, settings_of=given).send(make_mail())

    assert outcome.fault is Fault.MAILBOX
    [request] = asked
    assert b"List-Unsubscribe" in request.body


def test_options_and_secret_are_asked_for_by_name(acme, settings):
    mailbox = make_mailbox(transport="ANYMAIL", secret=encrypt("t0ken"),
                           options={"service": "postmark", "message_stream": "out"})  # fmt: skip
    assert open_transport(mailbox).capabilities.keeps_message_id
    assert capabilities_of(mailbox).keeps_message_id

    wrong = [({}, "x"), ({"service": "postmark"}, ""), ({"service": "mailjet"}, "one"),
             ({"service": "postmark", "api_url": "http://10.0.0.1:80/"}, "x")]  # fmt: skip
    for options, secret in wrong:
        with pytest.raises(MailServerError):
            read_options(options, secret=secret)
