"""What a tenant's mail needs every minute, whoever forgot to ask for it."""

from __future__ import annotations

from datetime import datetime

from outreach.answers.call_readers import call_readers
from outreach.campaigns import finish_campaigns, queue_due_follow_ups
from outreach.queue import give_mailboxes
from outreach.sending.deliver import call_all


def tend(*, now: datetime) -> None:
    """Queue follow-ups that are due, end campaigns that are done, have mailboxes send and read.

    A second time, or in two processes at once, it does nothing more. A few statements for a tenant
    that sends nothing.
    """
    queue_due_follow_ups(now=now)
    give_mailboxes(now=now)
    finish_campaigns(now=now)
    call_all()
    call_readers(now=now)
