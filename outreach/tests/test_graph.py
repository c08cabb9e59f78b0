"""Sending through Graph, against a stand-in that is as strict as the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.clients.ask import Line
from outreach.clients.microsoft import JSON, MIME, GraphClient
from outreach.tests.mails import OLGA, key_of, make_mail
from outreach.transports.graph import GraphTransport, capabilities
from outreach.transports.interface import Fault, Result, Trace, TransportError
from outreach.transports.retry_after import seconds_of

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


@pytest.fixture
def microsoft():
    with MicrosoftStandIn(hang_seconds=5) as stand_in:
        yield stand_in


class Tokens:
    """A mailbox's tokens; a refused one is replaced once."""

    def __init__(self, stand_in: MicrosoftStandIn, scope: str = "") -> None:
        self.stand_in, self.scope = stand_in, scope or "User.Read Mail.Send Mail.ReadWrite"
        self.current = stand_in.tokens(OLGA, scope=self.scope).access
        self.renewed = 0

    def __call__(self, *, refused: str = "") -> str:
        if refused:
            self.current = self.stand_in.tokens(OLGA, scope=self.scope).access
            self.renewed += 1
        return self.current


def open_for(stand_in, *, drafts=True, form=MIME, tokens=None, seconds=10.0) -> GraphTransport:
    client = GraphClient(Line("Microsoft", stand_in.url, seconds), tokens or Tokens(stand_in))
    return GraphTransport(client, capabilities(drafts=drafts, form=form), form)


@pytest.mark.parametrize("form", [MIME, JSON])
def test_a_draft_carries_its_key_in_three_places_and_goes_out_once(microsoft, form):
    transport, mail = open_for(microsoft, form=form), make_mail()

    draft_id = transport.draft(mail, key=key_of(mail))
    item = microsoft.open(OLGA).items[0]
    outcome = transport.send(mail, draft_id=draft_id)

    assert item.mail["x-leadgen-key"] == key_of(mail)
    assert next(iter(item.properties.values())) == key_of(mail)
    assert item.message_id == mail["Message-ID"]
    assert outcome.result is Result.ACCEPTED
    assert outcome.reference.startswith("sandbox-")
    assert microsoft.keys == {key_of(mail): 1}
    assert transport.look(key=key_of(mail), draft_id=draft_id, message_id="") is Trace.SENT


def test_mime_arrives_as_it_was_composed(microsoft):
    transport, mail = open_for(microsoft), make_mail()

    transport.send(mail, draft_id=transport.draft(mail, key=key_of(mail)))

    sent = microsoft.mails[0].mail
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert sent["List-Unsubscribe"] == mail["List-Unsubscribe"]
    assert sent["Subject"] == "Tea für Kaya"
    assert "你好" in sent.get_body(("plain",)).get_content()
    assert microsoft.mails[0].recipients == ("mei@kaya.example",)


def test_json_carries_the_way_out_by_its_property_but_no_one_click(microsoft):
    transport, mail = open_for(microsoft, form=JSON), make_mail()

    transport.send(mail, draft_id=transport.draft(mail, key=key_of(mail)))

    sent = microsoft.mails[0].mail
    assert sent["List-Unsubscribe"] == mail["List-Unsubscribe"]
    assert sent["List-Unsubscribe-Post"] is None
    assert transport.capabilities.one_click == "no"


@pytest.mark.parametrize("form", [MIME, JSON])
def test_without_drafts_one_call_sends_and_nothing_is_asked_later(microsoft, form):
    tokens = Tokens(microsoft, scope="User.Read Mail.Send")
    transport, mail = open_for(microsoft, drafts=False, form=form, tokens=tokens), make_mail()

    assert transport.send(mail, draft_id="").result is Result.ACCEPTED
    assert transport.look(key=key_of(mail), draft_id="", message_id="") is Trace.UNKNOWN
    assert [call.path for call in microsoft.calls] == ["/v1.0/me/sendMail"]
    assert microsoft.keys == {key_of(mail): 1}


UNCLEAR_YET_SENT = [MailFault.GATEWAY_AFTER, MailFault.ERROR_AFTER, MailFault.RESET_AFTER,
                    MailFault.HANG_AFTER]  # fmt: skip
UNCLEAR_NOT_SENT = [MailFault.GATEWAY_BEFORE, MailFault.UNAVAILABLE_BEFORE,
                    MailFault.RATE_LIMITED, MailFault.RESET_BEFORE]  # fmt: skip


@pytest.mark.parametrize("drafts", [True, False])
@pytest.mark.parametrize("fault", [*UNCLEAR_YET_SENT, *UNCLEAR_NOT_SENT])
def test_trouble_on_sending_is_unclear_and_asked_once(microsoft, fault, drafts):
    transport, mail = open_for(microsoft, drafts=drafts, seconds=2.5), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail)) if drafts else ""
    microsoft.fail_next(fault)

    outcome = transport.send(mail, draft_id=draft_id)

    was_sent = fault in UNCLEAR_YET_SENT
    assert outcome.result is Result.UNCLEAR
    assert outcome.sentence
    assert microsoft.keys[key_of(mail)] == was_sent
    assert len(microsoft.asked("send")) == 1
    if drafts:
        found = transport.look(key=key_of(mail), draft_id=draft_id, message_id="")
        assert found is (Trace.SENT if was_sent else Trace.DRAFT)


@pytest.mark.parametrize("fault", [*UNCLEAR_YET_SENT, *UNCLEAR_NOT_SENT])
def test_trouble_on_drafting_leaves_a_draft_that_is_found_or_none(microsoft, fault):
    transport, mail = open_for(microsoft, seconds=2.5), make_mail()
    microsoft.fail_next(fault, on="draft")

    with pytest.raises(TransportError) as trouble:
        transport.draft(mail, key=key_of(mail))
    found = transport.find_draft(key=key_of(mail), message_id=str(mail["Message-ID"]))

    assert trouble.value.outcome.result is Result.UNCLEAR
    assert (found is not None) is (fault in UNCLEAR_YET_SENT)
    assert microsoft.mails == []


def test_a_draft_that_could_not_be_marked_is_used_all_the_same(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    microsoft.fail_next(MailFault.ERROR_AFTER, on="mark")

    draft_id = transport.draft(mail, key=key_of(mail))

    assert transport.send(mail, draft_id=draft_id).result is Result.ACCEPTED


def test_accepted_with_retry_after_is_accepted_and_slows_the_mailbox(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    microsoft.retry_after = "90"
    microsoft.fail_next(MailFault.WAIT_AFTER)

    outcome = transport.send(mail, draft_id=draft_id)

    assert (outcome.result, outcome.retry_after) == (Result.ACCEPTED, 90.0)


def test_a_throttled_call_says_how_long_to_wait(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    microsoft.retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=100))
    microsoft.fail_next(MailFault.RATE_LIMITED)

    outcome = transport.send(mail, draft_id=transport.draft(mail, key=key_of(mail)))

    assert outcome.code == "ApplicationThrottled"
    assert 60 < outcome.retry_after <= 100


@pytest.mark.parametrize("fault", [MailFault.UNAUTHORIZED, MailFault.EXPIRED])
def test_a_refused_token_is_replaced_once_and_the_same_draft_sent(microsoft, fault):
    tokens = Tokens(microsoft)
    transport, mail = open_for(microsoft, tokens=tokens), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    microsoft.fail_next(fault)

    assert transport.send(mail, draft_id=draft_id).result is Result.ACCEPTED
    assert tokens.renewed == 1
    assert microsoft.keys == {key_of(mail): 1}


def test_a_token_refused_twice_stops_the_mailbox(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    microsoft.fail_next(MailFault.UNAUTHORIZED, MailFault.UNAUTHORIZED)

    outcome = transport.send(mail, draft_id=draft_id)

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.MAILBOX)
    assert outcome.code == "InvalidAuthenticationToken"
    assert "Sign in again" in outcome.sentence
    assert microsoft.mails == []


def test_a_missing_right_and_a_foreign_sender_are_the_mailboxes_fault(microsoft):
    tokens = Tokens(microsoft, scope="User.Read Mail.Send")
    with pytest.raises(TransportError) as no_right:
        open_for(microsoft, tokens=tokens).draft(make_mail(), key="k")
    with pytest.raises(TransportError) as foreign:
        open_for(microsoft).draft(make_mail(sender="boss@us.example"), key="k")

    assert no_right.value.outcome.code == "ErrorAccessDenied"
    assert foreign.value.outcome.code == "ErrorSendAsDenied"
    for each in (no_right, foreign):
        assert each.value.outcome.result is Result.REFUSED
        assert each.value.outcome.fault is Fault.MAILBOX


def test_a_draft_somebody_deleted_is_refused_for_its_message_alone(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    microsoft.open(OLGA).kept.clear()

    outcome = transport.send(mail, draft_id=draft_id)
    trace = transport.look(key=key_of(mail), draft_id=draft_id, message_id=mail["Message-ID"])

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.MESSAGE)
    assert trace is Trace.NOTHING


def test_a_mail_too_large_is_refused_for_its_message_alone(microsoft):
    mail = make_mail()
    mail.get_body(("plain",)).set_content("tea " * 300_000)
    transport = open_for(microsoft, drafts=False)

    outcome = transport.send(mail, draft_id="")

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.MESSAGE)
    assert "too large" in outcome.sentence


def test_nobody_there_is_certainly_not_sent():
    with MicrosoftStandIn() as gone:
        transport = open_for(gone)

    outcome = transport.send(make_mail(), draft_id="AAkA")

    assert (outcome.result, outcome.fault) == (Result.REFUSED, Fault.PASSING)
    assert outcome.code == "unreachable"


def test_a_draft_on_its_way_still_looks_like_one_until_it_settles(microsoft):
    now = [100.0]
    microsoft.clock, microsoft.settle_seconds = (lambda: now[0]), 20
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    transport.send(mail, draft_id=draft_id)

    before = transport.look(key=key_of(mail), draft_id=draft_id, message_id="")
    now[0] = 120.0
    after = transport.look(key=key_of(mail), draft_id=draft_id, message_id="")

    assert (before, after) == (Trace.DRAFT, Trace.SENT)


def test_a_sent_mail_is_found_even_if_its_id_changes_on_sending(microsoft):
    microsoft.keeps_ids = False
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    transport.send(mail, draft_id=draft_id)

    by_key = transport.look(key=key_of(mail), draft_id=draft_id, message_id="")
    by_message_id = transport.look(key="none", draft_id=draft_id, message_id=mail["Message-ID"])

    assert (by_key, by_message_id) == (Trace.SENT, Trace.SENT)


def test_a_stuck_draft_stays_a_draft(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    microsoft.fail_next(MailFault.STUCK)

    assert transport.send(mail, draft_id=draft_id).result is Result.ACCEPTED
    assert transport.look(key=key_of(mail), draft_id=draft_id, message_id="") is Trace.DRAFT
    assert microsoft.mails == []


def test_a_double_of_the_providers_own_is_told_apart(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    microsoft.fail_next(MailFault.TWICE)

    transport.send(mail, draft_id=draft_id)

    assert [each.copy for each in microsoft.mails] == [1, 2]
    assert microsoft.keys == {key_of(mail): 1}
    for draft in (draft_id, ""):
        trace = transport.look(key=key_of(mail), draft_id=draft, message_id=mail["Message-ID"])
        assert trace is Trace.TWICE


def test_a_look_that_fails_says_that_nothing_is_known(microsoft):
    transport, mail = open_for(microsoft), make_mail()
    draft_id = transport.draft(mail, key=key_of(mail))
    microsoft.fail_next(MailFault.GATEWAY_BEFORE, MailFault.RESET_BEFORE, on="look")

    for _ in range(2):
        trace = transport.look(key=key_of(mail), draft_id=draft_id, message_id="")
        assert trace is Trace.UNKNOWN


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("0", 0.0), ("-5", 0.0), ("17", 17.0),
        ("3600", 3600.0), ("86400", 3600.0), ("9" * 400, 3600.0),
        ("Sun, 22 Nov 2026 05:01:30 GMT", 90.0), ("Sun, 22 Nov 2026 04:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3600.0), ("Fri, 99 Jan 2100 00:00:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_every_form_and_capped_at_an_hour(header, seconds):
    assert seconds_of(header, now=NOW) == seconds
