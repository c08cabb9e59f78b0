"""Answers no provider should give: nothing breaks, and nothing is believed that was not said."""

from __future__ import annotations

import json
import time

import pytest

from leadgen_project.sandbox.loopback import LoopbackServer, Raw, Reply, Request
from outreach.clients.ask import Line
from outreach.clients.google import GmailClient
from outreach.clients.microsoft import GraphClient
from outreach.clients.oauth import Maker, OAuthError, renew
from outreach.clients.whose import NobodyError, whose_at_google, whose_at_microsoft
from outreach.tests.mails import make_mail
from outreach.transports.gmail import GmailTransport
from outreach.transports.graph import GraphTransport, capabilities
from outreach.transports.interface import Result, Trace, TransportError

STRANGE = [
    {"id": ["x"], "value": 7, "error": "x", "isDraft": "no", "messages": {}, "mail": 4},
    {"access_token": 3, "expires_in": {}, "error_codes": [{}], "emailAddress": []},
    {"id": "x" * 5000, "value": [1, None, {"id": 3}], "error": {"code": {}}, "messages": [1, {}]},
    {"access_token": "", "mail": "nobody", "error": {"code": "a\r\nb", "errors": [{"reason": ""}]}},
]
BODIES = [b"", b"null", b"[]", b"[1]", b'"text"', b"{", b"\xff\xfe", b"<html>", b"[" * 5000,
          *(json.dumps(each).encode() for each in STRANGE)]  # fmt: skip
STATUSES = [200, 201, 202, 204, 301, 302, 308, 400, 418, 429, 500, 503, 599]


@pytest.fixture
def strange():
    """Answers everything with what stands in ``said``."""
    said = [200, b""]

    def answer(_request: Request) -> Reply:
        place = (("Location", "http://127.0.0.1:1/"),)
        return Reply(said[0], said[1], "application/json", place)

    with LoopbackServer(answer) as server:
        yield server, said


def line(server) -> Line:
    return Line("Provider", server.url, 10)


def token(*, refused: str = "") -> str:
    return "at-x"


def graph(server, *, drafts: bool) -> GraphTransport:
    return GraphTransport(GraphClient(line(server), token), capabilities(drafts=drafts))


@pytest.mark.parametrize("status", STATUSES)
def test_a_send_is_accepted_by_the_right_status_alone(strange, status):
    server, said = strange
    for body in BODIES:
        said[:] = [status, body]
        by_draft = graph(server, drafts=True).send(make_mail(), draft_id="AAkA")
        direct = graph(server, drafts=False).send(make_mail(), draft_id="")
        gmail = GmailTransport(GmailClient(line(server), token)).send(make_mail(), draft_id="")

        for outcome, done in ((by_draft, 202), (direct, 202), (gmail, 200)):
            wanted = Result.ACCEPTED if status == done else Result.UNCLEAR
            assert outcome.result is (Result.REFUSED if status == 400 else wanted)
            assert "\n" not in outcome.code + outcome.sentence


@pytest.mark.parametrize("status", STATUSES)
def test_a_look_or_a_draft_believes_nothing_strange(strange, status):
    server, said = strange
    transport = graph(server, drafts=True)
    google = GmailTransport(GmailClient(line(server), token))
    for body in BODIES:
        said[:] = [status, body]
        assert transport.look(key="k", draft_id="AAkA", message_id="<k@x>") is Trace.UNKNOWN
        assert google.look(key="k", draft_id="", message_id="<k@x>") is not Trace.SENT
        with pytest.raises(TransportError):
            transport.draft(make_mail(), key="k")


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_no_token_and_nobody_comes_of_a_strange_answer(strange, status, body):
    server, said = strange
    said[:] = [status, body]
    maker = Maker("Microsoft", "", server.url, "/token", "id", "secret", (), (), "SETTING")

    with pytest.raises(OAuthError):
        renew(maker, refresh_token="rt-x")
    for whose in (whose_at_microsoft, whose_at_google):
        with pytest.raises(NobodyError):
            whose(server.url, access="at-x")


def test_an_answer_that_drips_or_never_ends_is_cut_off():
    def drip(connection) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(200):
            connection.sendall(b" ")
            time.sleep(0.05)

    def answer(_request: Request) -> Raw:
        return drip

    with LoopbackServer(answer) as server:
        slow = GraphTransport(
            GraphClient(Line("Provider", server.url, 0.5), token), capabilities(drafts=False)
        )
        outcome = slow.send(make_mail(), draft_id="")

    assert outcome.result is Result.UNCLEAR
