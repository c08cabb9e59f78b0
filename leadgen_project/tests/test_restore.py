"""A restored database sends nothing until a person has found out what had been sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from icp import suppressions
from icp.platform_suppressions import forbid
from leadgen_project import schedule
from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.mailboxes.tokens import keep
from outreach.models import Mailbox, MailPolicy, Message
from outreach.sending import deliver
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.sending.settle import LOOKS
from outreach.tests.factories import make_campaign, make_mailbox, make_message, make_policy
from outreach.transports.open import open_transport
from tenants import restored
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent, Installation


@pytest.fixture(autouse=True)
def data_dir(tmp_path):
    with override_settings(DATA_DIR=tmp_path):
        yield tmp_path


def change_installation(**values: object) -> None:
    with in_public():
        Installation.objects.update(**values)


def test_an_installation_that_goes_on_is_never_taken_for_an_older_one(db):
    for _ in range(3):
        schedule.heed_restore()

    assert restored.why_older() == ""
    with in_tenant("acme"):
        assert not MailPolicy.objects.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [({"server": "123 on timeline 1"}, "another server"), ({"mark": 1}, "an earlier moment")],
)
def test_an_older_database_is_noticed_and_sends_for_no_tenant(db, change, says):
    for _ in range(3):
        schedule.heed_restore()
    change_installation(**change)
    assert says in restored.why_older()

    schedule.heed_restore()

    for key in ("acme", "beta"):
        with in_tenant(key):
            assert says in MailPolicy.objects.get().sending_off
            assert AuditEvent.objects.filter(tenant_id=key, actor="restore").count() == 1
    assert restored.why_older() == "", "it is said once"


def test_a_file_of_another_installation_says_nothing(db, data_dir):
    schedule.heed_restore()
    other = {"installation": "another", "number": 10**6}
    (data_dir / restored.FILE).write_text(json.dumps(other))

    assert restored.why_older() == ""


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"installation": 1}', "\0"])
def test_a_file_that_is_none_says_nothing(db, data_dir, content):
    schedule.heed_restore()
    (data_dir / restored.FILE).write_text(content)

    assert restored.why_older() == ""


@pytest.fixture
def microsoft():
    with (
        MicrosoftStandIn() as stand_in,
        override_settings(GRAPH_BASE_URL=stand_in.url, MICROSOFT_LOGIN_BASE_URL=stand_in.url),
    ):
        yield stand_in


@pytest.fixture
def mailbox(acme, microsoft) -> Mailbox:
    make_policy()
    mailbox = make_mailbox()
    keep(mailbox, microsoft.tokens(mailbox.address))
    return mailbox


def test_a_task_of_the_old_queue_sends_nothing_before_the_tick_has_come(mailbox, microsoft):
    make_message(make_campaign(mailbox))
    restored.why_older()  # the first to ask makes the row
    change_installation(server="123 on timeline 1")

    assert deliver.deliver(mailbox.pk) == 0

    assert microsoft.mails == []


def test_what_had_been_sent_is_found_at_the_provider_and_not_sent_again(mailbox, microsoft, capsys):
    step = make_campaign(mailbox)
    sent, unsent = make_message(step), make_message(step)
    backup = Message.objects.filter(pk=sent.pk).values().get()
    assert claim(mailbox.pk).pk == sent.pk
    send(Message.objects.get(pk=sent.pk), transport=open_transport(mailbox))
    Message.objects.filter(pk=sent.pk).update(**backup)  # restored

    call_command("after_restore")

    assert "acme: 2 looked for, 1 had been sent, 0 without an answer" in capsys.readouterr().out
    assert set(Message.objects.values_list("pk", "status")) == {
        (sent.pk, "SENT"), (unsent.pk, "QUEUED")
    }  # fmt: skip
    Mailbox.objects.update(not_before=timezone.now())
    Message.objects.update(asked_at=None)
    deliver.deliver(mailbox.pk)
    assert sorted(microsoft.keys.values()) == [1, 1]


def test_what_the_provider_itself_had_doubled_is_not_sent_a_third_time(mailbox, microsoft, capsys):
    message = make_message(make_campaign(mailbox))
    backup = Message.objects.filter(pk=message.pk).values().get()
    microsoft.fail_next(MailFault.TWICE)
    send(claim(mailbox.pk), transport=open_transport(mailbox))
    Message.objects.filter(pk=message.pk).update(**backup)  # restored

    call_command("after_restore")

    assert "acme: 1 looked for, 1 had been sent" in capsys.readouterr().out
    assert message.events.filter(detail__contains="delivered twice by the provider").exists()
    assert set(Message.objects.values_list("status", flat=True)) == {"SENT"}


def test_a_draft_of_before_the_backup_stays_one_while_sending_is_off(mailbox, microsoft):
    """What was in a sender's hands when the backup was made is asked after, and not sent again."""
    message = make_message(make_campaign(mailbox))
    microsoft.fail_next(MailFault.GATEWAY_BEFORE)
    send(claim(mailbox.pk), transport=open_transport(mailbox))
    restored.why_older()  # the first to ask makes the row
    change_installation(server="123 on timeline 1")

    schedule.heed_restore()
    for _ in LOOKS:
        Message.objects.update(held_until=None, look_at=timezone.now())
        deliver.deliver(mailbox.pk)

    message.refresh_from_db()
    assert len(microsoft.asked("look")) >= len(LOOKS)
    assert (message.status, microsoft.mails) == ("IN_DOUBT", [])


def test_it_says_how_new_the_suppressions_are_that_came_back(acme, capsys):
    at = datetime(2031, 3, 4, 5, 6, tzinfo=UTC)
    suppressions.add("EMAIL", "jo@kaya.example", reason="Asked us", actor="olga", now=at)
    with in_public():
        forbid([("DOMAIN", "kaya.example")], reason="A court order", actor="root",
               now=at + timedelta(days=1))  # fmt: skip

    call_command("after_restore")

    said = capsys.readouterr().out
    assert "0 not askable; newest suppression of 2031-03-04 05:06 UTC" in said
    assert "Nobody may mail: newest suppression of 2031-03-05 05:06 UTC" in said
    assert "add them again" in said


def test_a_mailbox_that_cannot_be_asked_is_counted(acme, capsys):
    make_policy()
    make_message(make_campaign(make_mailbox(transport="GRAPH_DIRECT")))

    call_command("after_restore")

    assert "acme: 0 looked for, 0 had been sent, 0 without an answer, 1 not" in (
        capsys.readouterr().out
    )
