"""Each mailbox has a task on its way for its next moment: one, not late, and never for nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from outreach.models import Mailbox
from outreach.sending import deliver
from outreach.sending.waiting import next_moment_at
from outreach.tests.factories import make_campaign, make_mailbox, make_message, make_policy
from tenants.context import in_public

HOUR = timedelta(hours=1)


@pytest.fixture
def mailbox(acme) -> Mailbox:
    make_policy()
    return make_mailbox()


def waits() -> list[float]:
    """Seconds until each task of the mail queue may be taken, rounded."""
    with in_public():
        due = list(OrmQ.objects.filter(key="mail").order_by("lock").values_list("lock", flat=True))
    return [abs(round((moment - timezone.now()).total_seconds(), -1)) for moment in due]


def refreshed(mailbox: Mailbox) -> Mailbox:
    mailbox.refresh_from_db()
    return mailbox


def test_nothing_is_called_for_a_mailbox_with_nothing_to_do(mailbox):
    deliver.call_all()

    assert waits() == []


def test_one_task_is_called_however_often_one_asks(mailbox):
    make_message(make_campaign(mailbox))

    for _ in range(3):
        deliver.call_all()

    assert waits() == [0]


def test_a_task_comes_when_its_mail_is_due(mailbox):
    make_message(make_campaign(mailbox), not_before=timezone.now() + HOUR)

    deliver.call_all()

    assert waits() == [3600]


def test_an_earlier_mail_brings_an_earlier_task(mailbox):
    step = make_campaign(mailbox)
    make_message(step, not_before=timezone.now() + HOUR)
    deliver.call_all()
    make_message(step)

    deliver.call_all()
    deliver.call_all()

    assert waits() == [0, 3600]


def test_a_task_that_was_overtaken_leaves_the_newer_one_alone(mailbox):
    make_message(make_campaign(mailbox), not_before=timezone.now() + HOUR)
    deliver.call_all()
    newest = refreshed(mailbox).called_for

    deliver.deliver(mailbox.pk, called_for=(newest + HOUR).isoformat())

    assert refreshed(mailbox).called_for == newest
    assert waits() == [3600]


def test_a_task_that_came_calls_the_next(mailbox):
    make_message(make_campaign(mailbox), not_before=timezone.now() + HOUR)
    deliver.call_all()
    mine = refreshed(mailbox).called_for.isoformat()
    with in_public():
        OrmQ.objects.all().delete()  # it is taken

    deliver.deliver(mailbox.pk, called_for=mine)

    assert waits() == [3600]


def test_a_task_that_got_lost_is_called_again(mailbox):
    make_message(make_campaign(mailbox))
    lost = timezone.now() - 2 * deliver.LOST_AFTER
    Mailbox.objects.update(called_for=lost)

    deliver.call_all()

    assert waits() == [0]


@pytest.mark.parametrize("state", ["NEW", "RECONNECT", "PAUSED", "STOPPED"])
def test_a_mailbox_that_does_not_send_gets_no_task_for_waiting_mail(mailbox, state):
    make_message(make_campaign(mailbox))
    Mailbox.objects.update(state=state, state_reason="because")

    deliver.call_all()

    assert waits() == []


def test_a_paused_mailbox_is_still_asked_what_it_sent(mailbox):
    look_at = timezone.now() + HOUR
    make_message(make_campaign(mailbox), status="SENDING", mailbox=mailbox, look_at=look_at)
    Mailbox.objects.update(state="PAUSED", state_reason="holiday")

    deliver.call_all()

    assert waits() == [3600]


def test_while_a_sender_has_the_mailbox_in_hand_nobody_is_sent_after_it(mailbox):
    step, until = make_campaign(mailbox), timezone.now() + HOUR
    make_message(step, status="SENDING", mailbox=mailbox, held_until=until, look_at=until)
    make_message(step)

    assert next_moment_at(mailbox, now=timezone.now()) == until


def test_mail_of_a_paused_campaign_brings_no_task(mailbox):
    make_message(make_campaign(mailbox, status="PAUSED"))

    deliver.call_all()

    assert waits() == []
