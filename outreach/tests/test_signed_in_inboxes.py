"""Reading through Microsoft Graph and Gmail: each mail once, unread, past every trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadgen_project.sandbox.vendors.google import GoogleStandIn
from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.answer_models import InboxState, Reply
from outreach.answers.read_answers import read_answers
from outreach.inbox.open import open_inbox
from outreach.models import Mailbox
from outreach.tests.factories import make_mailbox, make_policy
from outreach.tests.incoming import bounce_of, reply_to
from outreach.tests.signed_in import make_signed_in, use_google, use_microsoft
from outreach.tests.test_replies import make_sent
from tenants.clock import database_now

ADDRESS = "olga@us.example"


@pytest.fixture(params=["GRAPH_DRAFT", "GMAIL"])
def provider(request, settings):
    settings.MAIL_READ_SECONDS = 10
    is_microsoft = request.param == "GRAPH_DRAFT"
    with MicrosoftStandIn() if is_microsoft else GoogleStandIn() as stand_in:
        (use_microsoft if is_microsoft else use_google)(settings, stand_in)
        yield request.param, stand_in


@pytest.fixture
def box(acme, provider) -> Mailbox:
    make_policy()
    return make_signed_in(provider[1], transport=provider[0], address=ADDRESS)


def read_again(box: Mailbox):
    InboxState.objects.update(next_at=database_now() - timedelta(seconds=1))
    return read_answers(box.pk)


def test_each_answer_is_taken_in_once_and_stays_unread(box, provider):
    message, other = make_sent(box), make_sent(box)
    stand_in = provider[1]
    stand_in.deliver(ADDRESS, b"From: x@other.example\nSubject: Hi\n\nBuy")
    stand_in.deliver(ADDRESS, reply_to(message, "Yes, call me"))

    first = read_answers(box.pk)
    stand_in.deliver(ADDRESS, bounce_of(other))
    second, third = read_again(box), read_again(box)

    assert (first.trouble, first.taken) == ("", {"NOT_OURS": 1, "REPLIED": 1})
    assert second.taken["BOUNCED"] == 1
    assert third.trouble == ""
    assert Reply.objects.get().excerpt == "Yes, call me"
    assert message.events.count() == 1
    if provider[0] == "GMAIL":
        assert all("UNREAD" in each.labels for each in stand_in.open(ADDRESS))
    else:
        assert not any(each.is_read for each in stand_in.open(ADDRESS).items)


def test_more_than_a_page_comes_in_order_and_goes_on_where_it_stopped(box, provider, monkeypatch):
    monkeypatch.setattr("outreach.answers.read_answers.MOST", 40)
    message = make_sent(box)
    for number in range(60):
        provider[1].deliver(ADDRESS, reply_to(message, f"Word {number:02}"))

    first, second = read_answers(box.pk), read_again(box)

    assert first.taken.total() == 40
    assert second.taken.total() >= 20
    said = list(Reply.objects.order_by("pk").values_list("excerpt", flat=True))
    assert said == [f"Word {number:02}" for number in range(60)]


@pytest.mark.parametrize("fault", [MailFault.RATE_LIMITED, MailFault.UNAVAILABLE_BEFORE,
                                   MailFault.RESET_BEFORE])  # fmt: skip
def test_trouble_is_said_and_nothing_is_lost(box, provider, fault):
    provider[1].deliver(ADDRESS, reply_to(make_sent(box), "Yes"))
    provider[1].fail_next(fault)

    first, second = read_answers(box.pk), read_again(box)

    assert first.trouble or first.taken
    assert second.trouble == ""
    assert Reply.objects.count() == 1


def test_a_mailbox_that_may_only_send_is_not_read(acme):
    assert open_inbox(make_mailbox(transport="GRAPH_DIRECT")) is None


def test_a_cursor_that_is_too_old_starts_anew_and_brings_nothing_twice(box, provider):
    name, stand_in = provider
    message = make_sent(box)
    stand_in.deliver(ADDRESS, reply_to(message, "Yes"))
    read_answers(box.pk)
    if name == "GMAIL":
        stand_in.oldest_history = 10**6
        InboxState.objects.update(cursor={"history": "1", "left": []})
    else:
        InboxState.objects.update(cursor={"link": "/v1.0/me/mailFolders/gone/x", "done": []})

    assert read_again(box).taken.total() <= 1
    assert Reply.objects.count() == 1
