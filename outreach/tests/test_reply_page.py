"""The page of answers: who sees what, what a decision does, and that replies are plain words."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from icp.suppressions import is_suppressed
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from outreach.answer_models import InboxState, Reply
from outreach.tests.factories import make_mailbox
from outreach.tests.incoming import reply_to
from outreach.tests.test_replies import make_sent, read
from tenants.context import in_tenant
from tenants.models import AuditEvent

LIST = "/admin/outreach/reply/"


@pytest.fixture
def people(db):
    return make_people()


@pytest.fixture
def reply(people) -> Reply:
    with in_tenant("acme"):
        mailbox = make_mailbox(address="olga@us.example", transport="SMTP")
        message = make_sent(mailbox)
        words = "<script>alert(1)</script> Yes & send {{ price }}"
        read(reply_to(message, words), mailbox)
        return Reply.objects.select_related("message").get()


def decide(client, reply: Reply, state: str):
    return client.post(f"{LIST}{reply.pk}/decide/", {"state": state}, follow=True)


def test_replies_are_shown_as_plain_words(people, reply):
    page = sign_in("owner").get(LIST).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt; Yes &amp; send {{ price }}" in page
    assert reply.message.recipient in page


@pytest.mark.parametrize(
    ("state", "suppressed"), [("INTERESTED", False), ("DONE", False), ("NOT_INTERESTED", True)]
)
def test_a_decision_is_taken_once_and_written_down(people, reply, state, suppressed):
    client = sign_in("reviewer")

    first, second = decide(client, reply, state), decide(client, reply, "DONE")

    assert "Somebody else was faster" in second.content.decode()
    assert first.status_code == 200
    with in_tenant("acme"):
        reply.refresh_from_db()
        assert (reply.state, bool(reply.decided_by)) == (state, True)
        assert is_suppressed(email=reply.message.recipient) is suppressed
        assert AuditEvent.objects.filter(action="outreach.reply.decide").count() == 1


def test_who_may_only_look_sees_no_buttons_and_decides_nothing(people, reply):
    client = sign_in("auditor")

    assert "Not interested, write no more" not in client.get(LIST).content.decode()
    assert decide(client, reply, "DONE").status_code == 403
    assert client.get(f"{LIST}{reply.pk}/decide/").status_code == 405
    with in_tenant("acme"):
        assert Reply.objects.get().state == "WAITING"


def test_what_is_no_decision_is_refused(people, reply):
    client = sign_in("owner")

    assert decide(client, reply, "WAITING").status_code == 404
    assert client.post(f"{LIST}999999/decide/", {"state": "DONE"}).status_code == 404


def test_an_empty_page_says_what_will_stand_there(people):
    assert "Nobody has answered yet" in sign_in("owner").get(LIST).content.decode()


def test_a_mailbox_that_cannot_be_read_is_named(people, reply):
    with in_tenant("acme"):
        InboxState.objects.create(mailbox=reply.mailbox, trouble="It refused the password.")

    page = sign_in("owner").get(LIST).content.decode()

    assert "It refused the password." in page


def test_the_list_asks_the_same_for_one_reply_and_for_three(people, reply):
    client = sign_in("owner")
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    with in_tenant("acme"):
        for words in ("Two", "Three"):
            read(reply_to(reply.message, words), reply.mailbox)
    with CaptureQueriesContext(connection) as three:
        client.get(LIST)

    assert len(three) <= len(one)


def test_the_address_of_one_reply_leads_to_its_place_in_the_list(people, reply):
    client = sign_in("owner")
    answer = client.get(reverse("admin:outreach_reply_change", args=[reply.pk]))

    assert answer.url == f"{LIST}?state=WAITING#reply-{reply.pk}"
