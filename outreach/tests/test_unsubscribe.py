"""PROMISES B13: the way out of a mail acts at once, for its recipient alone, from anywhere."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from icp import suppressions
from icp.models import Suppression
from icp.suppressions import hash_of, is_suppressed
from icp.tests.factories import lift_by_two
from leadgen_project.logs import LineFormatter
from outreach.models import Message, MessageEvent, UnsubscribeLink
from outreach.opt_out_page import MOST_GUESSES
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import (
    make_campaign,
    make_link,
    make_mailbox,
    make_message,
    make_policy,
)
from outreach.tests.post_office import PostOffice
from outreach.unsubscribe import Door, by_mail, masked, unsubscribe
from outreach.wording import way_out
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent, Tenant

ONE_CLICK = {
    "data": "List-Unsubscribe=One-Click",
    "content_type": "application/x-www-form-urlencoded",
}


@pytest.fixture
def message(acme) -> Message:
    cache.clear()
    message = make_message()
    make_link(message)
    return message


@pytest.fixture
def provider() -> Client:
    """A provider's program: no cookies, and what a browser's form would need is missing."""
    return Client(enforce_csrf_checks=True)


def url_of(message: Message) -> str:
    return f"/u/acme/{way_out.token_of(message)}"


def ask(client: Client, method: str, url: str, **sent):
    """As a stranger from outside, who is in no tenant."""
    with in_public():
        return getattr(client, method)(url, **sent)


def test_one_click_acts_once_without_cookie_redirect_or_form_token(message, provider):
    first = ask(provider, "post", url_of(message), **ONE_CLICK)
    again = ask(provider, "post", url_of(message), **ONE_CLICK)

    assert (first.status_code, again.status_code) == (200, 200)
    assert not first.cookies
    assert is_suppressed(email=message.recipient)
    [suppression] = Suppression.objects.all()
    assert (suppression.source, suppression.created_by) == ("unsubscribe", "recipient")
    assert f"message {message.pk}" in suppression.reason
    assert message.events.filter(kind="UNSUBSCRIBED").count() == 1
    assert UnsubscribeLink.objects.get().used_by == "one-click"


@pytest.mark.parametrize("body", ["", "List-Unsubscribe=One-Click", "x" * 100_000, "\0", "a=%00"])
def test_whatever_the_body_of_a_post_it_acts(message, provider, body):
    sent = {"data": body, "content_type": "application/x-www-form-urlencoded"}

    assert ask(provider, "post", url_of(message), **sent).status_code == 200
    assert is_suppressed(email=message.recipient)


def test_a_body_in_parts_acts_as_well(message, provider):
    assert ask(provider, "post", url_of(message), data={"List-Unsubscribe": "One-Click"})
    assert is_suppressed(email=message.recipient)


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_never_unsubscribes(message, provider, method):
    for _ in range(3):
        assert ask(provider, method, url_of(message)).status_code == 200

    assert not is_suppressed(email=message.recipient)
    assert UnsubscribeLink.objects.get().used_at is None


def test_the_page_has_one_button_and_needs_no_script(message, provider):
    page = ask(provider, "get", url_of(message)).content.decode()

    assert page.count("<button") == page.count("<form") == 1
    assert "<script" not in page
    assert 'action="?page"' in page
    done = ask(provider, "post", f"{url_of(message)}?page").content.decode()
    assert "You are unsubscribed" in done
    assert UnsubscribeLink.objects.get().used_by == "page"
    assert "You are unsubscribed" in ask(provider, "get", url_of(message)).content.decode()


def test_neither_page_nor_headers_nor_token_show_the_address(message, provider):
    for method in ("get", "post"):
        response = ask(provider, method, url_of(message))
        assert message.recipient not in response.content.decode()
        assert masked(message.recipient) in response.content.decode()
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response.headers["Cache-Control"]
        assert response.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_the_log_holds_neither_token_nor_address(message, provider, caplog):
    caplog.set_level(logging.DEBUG)
    foreign = f"/u/beta/{way_out.token_of(message)}"

    for url in (url_of(message), foreign):
        for method in ("get", "post", "delete"):
            ask(provider, method, url)

    written = "\n".join(LineFormatter().format(record) for record in caplog.records)
    assert "Not Found" in written
    assert way_out.token_of(message) not in written
    assert message.recipient not in written


def test_another_address_and_another_tenant_are_not_affected(message, provider):
    other = make_message()
    make_link(other)

    ask(provider, "post", url_of(message), **ONE_CLICK)

    assert not is_suppressed(email=other.recipient)
    with in_tenant("beta"):
        assert not is_suppressed(email=message.recipient)


@pytest.mark.parametrize("change", ["forged", "foreign", "cut", "of_no_tenant", "not_sent"])
def test_a_link_of_nobody_does_nothing(message, provider, change):
    token = way_out.token_of(message)
    url = {
        "forged": f"/u/acme/{'A' * 32}",
        "foreign": f"/u/beta/{token}",
        "cut": f"/u/acme/{token[:-1]}",
        "of_no_tenant": f"/u/nobody/{token}",
        "not_sent": f"/u/acme/{way_out.token_of(make_message())}",
    }[change]

    for method in ("get", "post"):
        assert ask(provider, method, url).status_code == 404
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    "path", ["/u/acme/%00", "/u/%00/x", "/u/acme/x'--", "/u/acme/", "/u/a/b/c"]
)
def test_an_odd_address_is_no_page(message, provider, path):
    assert ask(provider, "post", path).status_code == 404


def test_who_guesses_is_slowed_down_and_a_good_link_works_all_the_same(message, provider):
    bad = f"/u/acme/{'A' * 32}"
    answers = [ask(provider, "post", bad).status_code for _ in range(MOST_GUESSES + 1)]

    assert answers == [404] * MOST_GUESSES + [429]
    assert ask(provider, "post", url_of(message), **ONE_CLICK).status_code == 200
    assert is_suppressed(email=message.recipient)


@pytest.mark.parametrize("days", [31, 400, 4000])
def test_an_old_link_still_works(message, provider, days):
    UnsubscribeLink.objects.update(created_at=timezone.now() - timedelta(days=days))

    assert ask(provider, "post", url_of(message), **ONE_CLICK).status_code == 200
    assert is_suppressed(email=message.recipient)


def test_it_works_while_tenant_and_sending_are_off(message, provider):
    make_policy(sending_off="Audit.")
    with in_public():
        Tenant.objects.filter(pk="acme").update(is_active=False)

    assert ask(provider, "post", url_of(message), **ONE_CLICK).status_code == 200
    assert is_suppressed(email=message.recipient)


def test_a_session_or_token_of_somebody_changes_nothing(message):
    client = Client(headers={"Authorization": "Bearer nonsense", "X-Tenant-ID": "beta"})

    assert ask(client, "post", url_of(message), **ONE_CLICK).status_code == 200
    assert is_suppressed(email=message.recipient)


@pytest.mark.parametrize("erased", ["recipient", "row"])
def test_a_link_outlives_the_message_and_the_person(message, provider, erased):
    address, url = message.recipient, url_of(message)
    if erased == "row":
        message.events.all().delete()
        message.delete()
    else:
        Message.objects.update(recipient="")

    assert ask(provider, "post", url, **ONE_CLICK).status_code == 200
    assert is_suppressed(email=address)
    assert Suppression.objects.get().value == ""


def test_after_a_suppression_was_lifted_the_link_brings_it_back(message):
    token = way_out.token_of(message)
    unsubscribe(token, door=Door.PAGE, now=timezone.now())
    lift_by_two(Suppression.objects.get())

    unsubscribe(token, door=Door.ONE_CLICK, now=timezone.now())

    assert is_suppressed(email=message.recipient)
    assert Suppression.objects.count() == 2


@pytest.mark.parametrize(
    "subject",
    ["unsubscribe {}", "Unsubscribe {}", "Re: unsubscribe {}", "Fwd: unsubscribe: {} thanks"],
)
def test_a_mail_with_the_token_in_its_subject_opts_out(message, subject):
    found = by_mail(subject.format(way_out.token_of(message)), now=timezone.now())

    assert found is not None
    assert is_suppressed(email=message.recipient)
    assert UnsubscribeLink.objects.get().used_by == "mailto"


@pytest.mark.parametrize(
    "subject", ["unsubscribe", "{}", "unsubscribe {}x", "unsubscribe x{}", "/u/acme/{}", ""]
)
def test_a_mail_without_a_whole_token_does_nothing(message, subject):
    assert by_mail(subject.format(way_out.token_of(message)), now=timezone.now()) is None
    assert not Suppression.objects.exists()


def test_the_audit_says_who_opted_out_where_and_holds_no_address(message):
    unsubscribe(way_out.token_of(message), door=Door.ONE_CLICK, now=timezone.now())

    event = AuditEvent.objects.get(action="icp.suppression.add")
    assert event.actor == "recipient"
    assert "one click" in event.reason
    assert message.recipient not in str(AuditEvent.objects.values())


# --- at the last moment --------------------------------------------------------------------------
@pytest.fixture
def mailbox(acme):
    make_policy()
    return make_mailbox()


def test_waiting_mail_to_the_address_is_cancelled_and_other_mail_is_not(message, mailbox):
    first = make_message(make_campaign(mailbox), contact=message.contact)
    held = make_message(
        make_campaign(mailbox), contact=message.contact, status="HELD", code="x", sentence="X."
    )
    other = make_message(make_campaign(mailbox))

    unsubscribe(way_out.token_of(message), door=Door.PAGE, now=timezone.now())

    for one in (first, held):
        one.refresh_from_db()
        assert (one.status, one.code) == ("CANCELLED", "suppressed")
        assert one.events.get(kind="STOPPED").reference.startswith("suppression ")
    other.refresh_from_db()
    assert other.status == "QUEUED"


@pytest.mark.parametrize("drafts_first", [True, False])
def test_a_message_in_a_senders_hands_does_not_go_out(mailbox, drafts_first):
    message = make_message(make_campaign(mailbox))
    make_link(message)
    claimed = claim(mailbox.pk)
    assert claimed is not None

    unsubscribe(way_out.token_of(message), door=Door.ONE_CLICK, now=timezone.now())
    office = PostOffice(drafts_first=drafts_first)

    assert send(claimed, transport=office) == "REFUSED"
    assert office.sent == []
    assert not MessageEvent.objects.filter(message=message, kind="ASKED").exists()


@pytest.mark.parametrize(
    ("kind", "value"), [("DOMAIN", "kaya.example"), ("UEN", "lead"), ("EMAIL", "recipient")]
)
def test_whatever_is_suppressed_takes_waiting_mail_out_of_the_queue(mailbox, kind, value):
    message = make_message(make_campaign(mailbox))
    message.lead.uen = "201512345K"
    message.lead.save()
    values = {"lead": message.lead.uen, "recipient": message.recipient}

    suppressions.add(kind, values.get(value, value), reason="asked", actor="olga")

    message.refresh_from_db()
    assert (message.status, message.sentence) == ("CANCELLED", "Suppressed: asked.")


def test_a_mask_keeps_two_letters():
    assert masked("jo.tan@acme.com.sg") == "j***@a***"
    assert masked("") == masked("nobody") == ""
    assert hash_of("EMAIL", "jo@acme.sg") not in masked("jo@acme.sg")
