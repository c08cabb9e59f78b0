"""The console's pages of mailboxes: connect, test, pause, and secrets nobody reads."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

import pytest
import requests
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.console_data import make_people
from outreach.mailboxes import tokens
from outreach.models import Mailbox
from outreach.tests.factories import make_mailbox
from outreach.tests.signed_in import make_signed_in, use_microsoft
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent, TenantSettings, User
from tenants.secrets import decrypt

LIST = "/admin/outreach/mailbox/"


@pytest.fixture
def microsoft(settings):
    with MicrosoftStandIn() as stand_in:
        use_microsoft(settings, stand_in)
        yield stand_in


@pytest.fixture
def people(db):
    return make_people()


def sign_in(name: str, tenant: str = "acme") -> Client:
    client = Client()
    with in_public():
        client.force_login(User.objects.get(username=name))
        session = client.session
        session["tenant"] = tenant
        session.save()
    return client


def in_acme(make, *args, **kwargs) -> Mailbox:
    with in_tenant("acme"):
        return make(*args, **kwargs)


def again(mailbox: Mailbox) -> Mailbox:
    with in_tenant("acme"):
        mailbox.refresh_from_db()
    return mailbox


def page_of(mailbox: Mailbox) -> str:
    return f"{LIST}{mailbox.pk}/change/"


def press(client: Client, mailbox: Mailbox, button: str, **sent: str):
    address = reverse(f"admin:mailbox-{button}", args=[mailbox.pk])
    return client.post(address, sent, follow=True)


def come_back(client: Client, page) -> object:
    """Follow the link to the maker, sign in there, and come back to the console."""
    link = re.search(r'id="continue" href="([^"]+)"', page.content.decode())
    answer = requests.get(unescape(link[1]), allow_redirects=False, timeout=10)
    back = urlsplit(answer.headers["Location"])
    return client.get(f"{back.path}?{back.query}", follow=True)


def text_of(response) -> str:
    return unescape(response.content.decode())


def test_a_mailbox_is_connected_by_its_button(people, microsoft):
    mailbox = in_acme(make_mailbox, state="NEW", address="olga@us.example")
    client = sign_in("operator")

    page = press(client, mailbox, "connect")
    answer = come_back(client, page)

    assert "Sign in at Microsoft as olga@us.example" in text_of(page)
    assert "no-store" in page.headers["Cache-Control"]
    assert "olga@us.example is connected." in text_of(answer)
    assert again(mailbox).state == "READY"


def test_the_way_back_is_the_sessions_that_began_it(people, microsoft):
    mailbox = in_acme(make_mailbox, state="NEW", address="olga@us.example")
    page = press(sign_in("operator"), mailbox, "connect")

    for other in (sign_in("owner"), sign_in("operator")):
        assert "not begun here by you" in text_of(come_back(other, page))
    assert again(mailbox).state == "NEW"


def test_who_says_no_at_the_maker_changes_nothing(people, microsoft):
    mailbox = in_acme(make_mailbox, state="NEW", address="olga@us.example")
    microsoft.consent = "access_denied"
    client = sign_in("operator")

    answer = come_back(client, press(client, mailbox, "connect"))

    assert "or you declined" in text_of(answer)
    assert again(mailbox).state == "NEW"


def test_a_missing_administrators_consent_gives_the_address_for_it(people, microsoft):
    mailbox = in_acme(make_mailbox, state="NEW", address="olga@us.example")
    client = sign_in("operator")
    page = press(client, mailbox, "connect")
    link = unescape(re.search(r'id="continue" href="([^"]+)"', text_of(page))[1])
    state = re.search(r"state=([^&]+)", link)[1]

    back = {"error": "access_denied", "error_description": "AADSTS90094: <b>x</b>", "state": state}
    answer = client.get(reverse("admin:mailbox-signed-in"), back, follow=True)

    assert f"{microsoft.url}/organizations/v2.0/adminconsent?client_id=" in text_of(answer)
    assert b"<b>x</b>" not in answer.content


def test_a_test_shows_the_headers_that_arrived(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft, address="olga@us.example")

    answer = press(sign_in("operator"), mailbox, "test")

    assert "one-click unsubscribe came through" in text_of(answer)
    assert again(mailbox).findings["one_click"] is True
    assert "List-Unsubscribe=One-Click" in text_of(answer)
    assert [mail.recipients for mail in microsoft.mails] == [("olga@us.example",)]


@pytest.mark.parametrize("lost", ["List-Unsubscribe", "List-Unsubscribe-Post"])
def test_a_header_that_is_lost_on_the_way_is_named(people, microsoft, lost):
    mailbox = in_acme(make_signed_in, microsoft, address="olga@us.example")
    microsoft.drops = {lost}

    answer = press(sign_in("operator"), mailbox, "test")

    assert f"It has arrived, but {lost} did not come through" in text_of(answer)
    assert again(mailbox).findings["one_click"] is False


def test_a_test_in_json_shows_that_one_click_is_not_carried(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft, address="o@us.example", options={"format": "json"})

    answer = press(sign_in("operator"), mailbox, "test")

    assert "List-Unsubscribe-Post did not come through" in text_of(answer)


def test_two_tests_in_a_row_are_one(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft, address="olga@us.example")
    client = sign_in("operator")
    press(client, mailbox, "test")

    answer = press(client, mailbox, "test")

    assert "a moment ago" in text_of(answer)
    assert len(microsoft.mails) == 1


def test_pausing_asks_why_and_resuming_tries_the_sign_in(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft, address="olga@us.example")
    client = sign_in("operator")

    assert "Say why" in text_of(press(client, mailbox, "pause", _reason=" "))
    press(client, mailbox, "pause", _reason="Olga is away")
    assert (again(mailbox).state, mailbox.state_reason) == ("PAUSED", "Olga is away")
    assert "Olga is away" in text_of(client.get(LIST))
    press(client, mailbox, "resume")

    assert (again(mailbox).state, mailbox.state_reason) == ("READY", "")
    events = AuditEvent.objects.filter(tenant_id="acme", action__startswith="outreach.mailbox.")
    assert [each.action for each in events.order_by("pk")] == [
        "outreach.mailbox.pause",
        "outreach.mailbox.resume",
    ]


def test_a_mailbox_without_consent_does_not_resume(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft, state="PAUSED", state_reason="x")
    microsoft.desk.revoke(mailbox.address)
    with in_tenant("acme"):
        Mailbox.objects.update(access_until="2026-01-01T00:00:00Z")

    answer = press(sign_in("operator"), mailbox, "resume")

    assert "asks for a new sign-in" in text_of(answer)
    assert again(mailbox).state == "PAUSED"


def test_disconnecting_forgets_the_tokens(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft)

    press(sign_in("owner"), mailbox, "disconnect")

    assert (again(mailbox).state, mailbox.secret) == ("NEW", None)


SMTP = {
    "transport": "SMTP", "address": "Sales@Us.Example", "display_name": "Us", "reply_to": "",
    "timezone": "Asia/Singapore", "gap_seconds": "90", "gap_jitter": "30", "per_minute": "5",
    "per_day": "200", "ramp_from": "", "host": "smtp.us.example", "port": "587",
    "security": "starttls", "user": "sales", "password": "very-secret-word", "format": "mime",
}  # fmt: skip


def test_an_smtp_mailbox_is_added_and_its_password_never_shown(people):
    client = sign_in("owner")

    answer = client.post(f"{LIST}add/", SMTP, follow=True)
    with in_tenant("acme"):
        mailbox = Mailbox.objects.get()
    page = client.get(page_of(mailbox))

    assert mailbox.address == "sales@us.example"
    assert mailbox.options == {"host": "smtp.us.example", "port": 587, "security": "starttls",
                               "user": "sales"}  # fmt: skip
    assert decrypt(bytes(mailbox.secret)) == "very-secret-word"
    assert mailbox.state == "NEW"
    for each in (answer, page, client.get(f"{LIST}{mailbox.pk}/history/")):
        assert "very-secret-word" not in text_of(each)
    events = AuditEvent.objects.filter(tenant_id="acme")
    assert "very-secret-word" not in str(list(events.values_list("after", "before")))


def test_the_form_of_a_new_mailbox_begins_with_the_tenants_provider_settings(people):
    usual = {"transport": "smtp", "fromName": "Us at Kaya", "replyTo": "desk@us.example"}
    TenantSettings.objects.filter(pk="acme").update(email_provider=usual)

    form = text_of(sign_in("owner").get(f"{LIST}add/"))

    assert 'value="Us at Kaya"' in form
    assert 'value="desk@us.example"' in form
    assert '<option value="SMTP" selected>' in form


def test_an_empty_password_keeps_the_one_there_is(people):
    client = sign_in("owner")
    client.post(f"{LIST}add/", SMTP)
    with in_tenant("acme"):
        mailbox = Mailbox.objects.get()

    client.post(page_of(mailbox), {**SMTP, "password": "", "per_day": "50"})

    assert again(mailbox).per_day == 50
    assert decrypt(bytes(mailbox.secret)) == "very-secret-word"


def test_another_way_of_sending_drops_tokens_and_what_was_shown(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft, address="sales@us.example",
                      findings={"one_click": True})  # fmt: skip

    sign_in("owner").post(page_of(mailbox), {**SMTP, "password": ""})

    assert (again(mailbox).state, mailbox.secret, mailbox.transport) == ("NEW", None, "SMTP")
    assert "one_click" not in mailbox.findings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "This way of sending needs it."),
        ({"transport": "ANYMAIL"}, "This way of sending needs it."),
        ({"timezone": "Singapore/Asia"}, "no IANA time zone"),
        ({"address": "sales"}, "valid email"),
        ({"per_day": "0"}, "greater than or equal to 1"),
        ({"per_minute": "31"}, "Its provider takes at most 30 a minute."),
        ({"per_day": "10001"}, "Its provider takes at most 10,000 a day."),
    ],
)
def test_what_a_form_lacks_is_said_at_its_field(people, changes, words):
    answer = sign_in("owner").post(f"{LIST}add/", {**SMTP, **changes})

    assert words in text_of(answer)
    with in_tenant("acme"):
        assert not Mailbox.objects.exists()


def test_rights_of_roles(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft)
    works = ("connect", "pause", "resume", "test", "look", "dns", "disconnect")

    for name in ("reviewer", "auditor"):
        client = sign_in(name)
        assert client.get(page_of(mailbox)).status_code == 200
        for each in works:
            assert press(client, mailbox, each).status_code == 403
    operator = sign_in("operator")
    assert press(operator, mailbox, "disconnect").status_code == 403
    assert operator.get(f"{LIST}add/").status_code == 403
    assert again(mailbox).state == "READY"


def test_buttons_take_no_get_and_foreign_mailboxes_are_nobodys(people, microsoft):
    with in_tenant("beta"):
        theirs = make_mailbox(pk=10**6)
    client = sign_in("owner")

    for each in ("connect", "pause", "resume", "test", "look", "dns", "disconnect"):
        assert client.get(reverse(f"admin:mailbox-{each}", args=[theirs.pk])).status_code == 405
        assert press(client, theirs, each).status_code == 404
    assert theirs.address not in text_of(client.get(LIST))


def test_a_silent_mailbox_stands_in_the_sidebar(people, microsoft):
    mailbox = in_acme(make_signed_in, microsoft)
    microsoft.desk.revoke(mailbox.address)
    with in_tenant("acme"):
        Mailbox.objects.update(access_until="2026-01-01T00:00:00Z")
        with pytest.raises(tokens.TokenTroubleError):
            tokens.access_token(mailbox.pk)

    with in_tenant("acme"):
        cache.delete("sidebar-waiting")  # as after 20 s
    page = text_of(sign_in("operator").get(LIST))

    assert "Sign in again" in page
    assert re.search(r"Mailboxes\s*</span>\s*<span[^>]*>\s*1\s*<", page)


def test_the_list_asks_no_more_for_more_mailboxes(people):
    client = sign_in("owner")
    with in_tenant("acme"):
        make_mailbox()
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    with in_tenant("acme"):
        make_mailbox()
        make_mailbox()
    with CaptureQueriesContext(connection) as three:
        client.get(LIST)

    assert len(three) == len(one)
