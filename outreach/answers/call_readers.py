"""Have mailboxes read every few minutes: a task for each that is due, called by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.answer_models import InboxState
from outreach.answers.read_answers import due
from outreach.sending.deliver import QUEUE
from tenants.tasks import enqueue

TASK = "outreach.tasks.read_mailbox"
LOST_AFTER = timedelta(minutes=10)  # a task this late will not come


def call_readers(*, now: datetime) -> int:
    """Queue a reading of every mailbox that is due and has none on its way; returns how many."""
    called = InboxState.objects.filter(called_at__gt=now - LOST_AFTER)
    on_their_way = set(called.values_list("mailbox_id", flat=True))
    mailboxes = [each for each in due(now=now) if each not in on_their_way]
    for mailbox_id in mailboxes:
        InboxState.objects.update_or_create(mailbox_id=mailbox_id, defaults={"called_at": now})
        enqueue(TASK, queue=QUEUE, mailbox_id=mailbox_id)
    return len(mailboxes)
