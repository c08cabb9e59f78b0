"""Connecting a mailbox by a sign-in: what works, and what every attack on the state comes to."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.utils import timezone

from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.mailboxes import oauth, tokens
from outreach.models import Mailbox, MailboxSignIn
from outreach.tests.factories import make_mailbox
from outreach.tests.signed_in import use_microsoft
from tenants.context import in_tenant
from tenants.models import AuditEvent, TenantSettings

HERE = "http://localhost:8000/admin/outreach/mailbox/signed-in/"
OLGA = oauth.Caller(7, "olga", session="session-of-olga", may_add=True)


@pytest.fixture
def microsoft(settings):
    with MicrosoftStandIn() as stand_in:
        use_microsoft(settings, stand_in)
        yield stand_in


def new_mailbox(**changes):
    return make_mailbox(state="NEW", address="olga@us.example", **changes)


def begin(mailbox=None, *, caller=OLGA, transport="GRAPH_DRAFT", now=None) -> str:
    return oauth.begin(mailbox, transport=transport, redirect_uri=HERE, caller=caller,
                       now=now or timezone.now())  # fmt: skip


def sign_in(address: str) -> dict[str, str]:
    """What the browser brings back from the maker."""
    answer = requests.get(address, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    back = answer.headers["Location"]
    assert back.startswith(HERE)
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


def finish(back: dict[str, str], *, caller=OLGA, now=None) -> Mailbox:
    return oauth.finish(state=back["state"], code=back.get("code", ""), caller=caller,
                        now=now or timezone.now())  # fmt: skip


def test_a_mailbox_is_connected_and_its_tokens_are_kept(acme, microsoft):
    mailbox = new_mailbox()

    found = finish(sign_in(begin(mailbox)))

    assert (found, found.state) == (mailbox, Mailbox.State.READY)
    assert tokens.access_token(mailbox.pk).startswith("at-")
    assert found.findings["signed_in"]["as"] == "olga@us.example"
    event = AuditEvent.objects.get(action="outreach.mailbox.connect")
    assert event.after == {"address": mailbox.address, "signed_in_as": mailbox.address}


def test_the_address_asks_for_the_rights_of_its_way_of_sending_and_no_more(acme, microsoft):
    drafts = parse_qs(urlsplit(begin(transport="GRAPH_DRAFT")).query)
    direct = parse_qs(urlsplit(begin(transport="GRAPH_DIRECT")).query)

    graph = "https://graph.microsoft.com/"
    read_write, send = f"{graph}Mail.ReadWrite", f"{graph}Mail.Send"
    assert drafts["scope"][0].split() == ["offline_access", f"{graph}User.Read", read_write, send]
    assert direct["scope"][0].split() == ["offline_access", f"{graph}User.Read", send]
    assert drafts["code_challenge_method"] == ["S256"]
    assert drafts["state"] != direct["state"]
    assert drafts["code_challenge"] != direct["code_challenge"]


def test_neither_state_nor_verifier_nor_session_can_be_read_from_the_row(acme, microsoft):
    state = parse_qs(urlsplit(begin()).query)["state"][0]

    row = MailboxSignIn.objects.get()

    assert state not in json.dumps([str(each) for each in row.__dict__.values()])
    assert OLGA.session not in str(row.__dict__)
    assert len(bytes(row.verifier)) > 100  # sealed


def test_without_a_mailbox_named_the_address_that_signs_in_is_added(acme, microsoft):
    microsoft.signs_in = "new@us.example"

    found = finish(sign_in(begin()))

    assert (found.address, found.state) == ("new@us.example", "READY")


def test_a_mailbox_that_is_added_begins_with_the_tenants_provider_settings(acme, microsoft):
    microsoft.signs_in = "new@us.example"
    TenantSettings.objects.filter(pk="acme").update(
        email_provider={"transport": "smtp", "fromName": "Us at Kaya", "replyTo": "desk@us.example"}
    )

    found = finish(sign_in(begin()))

    assert (found.display_name, found.reply_to) == ("Us at Kaya", "desk@us.example")
    assert found.transport == "GRAPH_DRAFT"  # by which it has signed in


def test_who_may_not_add_mailboxes_connects_only_known_ones(acme, microsoft):
    microsoft.signs_in = "new@us.example"
    modest = oauth.Caller(7, "olga", session="session-of-olga")

    with pytest.raises(oauth.SignInError, match="may not add"):
        finish(sign_in(begin(caller=modest)), caller=modest)

    assert not Mailbox.objects.exists()


def test_another_address_than_the_mailboxes_is_refused_by_name(acme, microsoft):
    mailbox = new_mailbox()
    microsoft.signs_in = "somebody@else.example"

    with pytest.raises(oauth.SignInError, match=r"somebody@else.example signed in, but"):
        finish(sign_in(begin(mailbox)))

    mailbox.refresh_from_db()
    assert (mailbox.state, mailbox.secret) == (Mailbox.State.NEW, None)


def test_a_named_account_may_sign_in_for_a_mailbox_of_another_address(acme, microsoft):
    mailbox = new_mailbox(options={"account": "Boss@us.example"})

    assert finish(sign_in(begin(mailbox))).findings["signed_in"]["as"] == "boss@us.example"


def test_a_state_works_once(acme, microsoft):
    mailbox = new_mailbox()
    back = sign_in(begin(mailbox))
    finish(back)
    before = tokens.access_token(mailbox.pk)

    with pytest.raises(oauth.SignInError, match="used already"):
        finish(back)

    assert tokens.access_token(mailbox.pk) == before


def test_a_state_is_spent_even_if_the_code_is_refused(acme, microsoft):
    back = sign_in(begin(new_mailbox()))

    with pytest.raises(oauth.SignInError, match="Begin again"):
        finish({**back, "code": "0.invented"})
    with pytest.raises(oauth.SignInError, match="used already"):
        finish(back)


@pytest.mark.parametrize(
    "stranger",
    [
        oauth.Caller(8, "mallory", session="session-of-olga"),  # another account
        oauth.Caller(7, "olga", session="another-session"),
        oauth.Caller(7, "olga"),  # a program of the same account
    ],
)
def test_a_foreign_state_is_refused_and_stays_good_for_its_owner(acme, microsoft, stranger):
    mailbox = new_mailbox()
    back = sign_in(begin(mailbox))

    with pytest.raises(oauth.SignInError, match="not begun here by you"):
        finish(back, caller=stranger)

    assert finish(back).state == Mailbox.State.READY


def test_a_state_of_another_tenant_is_unknown(acme, beta, microsoft):
    back = sign_in(begin(new_mailbox()))

    with in_tenant("beta"), pytest.raises(oauth.SignInError, match="not begun here"):
        finish(back)
    with in_tenant("beta"):
        assert not Mailbox.objects.exists()


def test_a_state_of_ten_minutes_ago_is_refused(acme, microsoft):
    now = timezone.now()
    back = sign_in(begin(new_mailbox(), now=now))

    with pytest.raises(oauth.SignInError, match="older than ten minutes"):
        finish(back, now=now + timedelta(minutes=10, seconds=1))


@pytest.mark.parametrize("state", ["", "invented", "x" * 5000])
def test_an_invented_state_is_refused_without_asking_anybody(acme, microsoft, state):
    with pytest.raises(oauth.SignInError):
        finish({"state": state, "code": "0.stolen"})

    assert microsoft.calls == []


def test_a_code_of_another_sign_in_does_not_fit_the_verifier(acme, microsoft):
    first, second = sign_in(begin(new_mailbox())), sign_in(begin())

    with pytest.raises(oauth.SignInError, match="not started here"):
        finish({"state": first["state"], "code": second["code"]})


def test_old_sign_ins_are_cleared_away(acme, microsoft):
    begin(now=timezone.now() - timedelta(days=2))

    begin()

    assert MailboxSignIn.objects.count() == 1


def test_rights_that_were_not_granted_are_named(acme, microsoft, monkeypatch):
    back = sign_in(begin(new_mailbox()))
    code = microsoft.desk._codes[back["code"]]
    code.asked = type(code.asked)(code.asked.redirect_uri, code.asked.challenge,
                                  "offline_access User.Read Mail.Send", True)  # fmt: skip

    with pytest.raises(oauth.SignInError, match=r"did not grant Mail\.ReadWrite"):
        finish(back)


def test_a_paused_mailbox_stays_paused(acme, microsoft):
    mailbox = make_mailbox(state="PAUSED", state_reason="holiday", address="olga@us.example")

    assert finish(sign_in(begin(mailbox))).state == Mailbox.State.PAUSED


def test_without_an_application_the_setting_is_named(acme, settings):
    settings.MICROSOFT_CLIENT_ID = ""

    with pytest.raises(oauth.SignInError, match="MICROSOFT_CLIENT_ID"):
        begin()


def test_no_token_code_or_secret_reaches_the_log(acme, microsoft, caplog):
    caplog.set_level(logging.DEBUG)
    mailbox = new_mailbox()
    back = sign_in(begin(mailbox))
    caplog.clear()  # what the test's own browser wrote
    finish(back)

    for secret in (back["code"], back["state"], tokens.access_token(mailbox.pk),
                   microsoft.desk.client_secret):  # fmt: skip
        assert secret not in caplog.text
