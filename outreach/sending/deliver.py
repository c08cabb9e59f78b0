"""Work the mail of one mailbox, a turn at a time, each turn calling the next for when it is due.

A task is a hint to look: it may come twice, late or never. A mailbox has one on its way, marked by
``Mailbox.called_for``; one that got lost is called again by ``call_all``, every minute.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from datetime import datetime, timedelta

from django.db import transaction

from outreach.mailboxes.stop_mailbox import stop_mailbox
from outreach.models import Mailbox
from outreach.sending.claim import claim
from outreach.sending.reconcile import reconcile
from outreach.sending.send import send
from outreach.sending.waiting import CAN_BE_ASKED, next_moment_at
from outreach.transports.interface import Transport
from outreach.transports.open import NoTransportError, open_transport
from tenants import restored
from tenants.clock import database_now
from tenants.outage import outlast
from tenants.stopping import is_stopping
from tenants.tasks import enqueue

logger = logging.getLogger(__name__)

TASK, QUEUE = "outreach.tasks.deliver_mail", "mail"
TURN_SECONDS = 30.0  # with one send (90 s at most) below the queue's limit for a task
WAITED_FOR = timedelta(seconds=2)  # a gap this short is slept through, a longer one queued
LOST_AFTER = timedelta(seconds=90)  # a task this late will not come


def deliver(mailbox_id: int, *, called_for: str = "", seconds: float = TURN_SECONDS) -> int:
    """One turn: ask after mails in doubt, then send what is due; returns how many were sent on.

    ``called_for``: as the task was called. Any number of processes may do this at once: one of
    them has the mailbox in hand at a time.
    """
    _answer_call(mailbox_id, called_for)
    if why := outlast(restored.why_older):
        logger.error("%s Nothing is sent until the tick has seen to it.", why)
        return 0
    mailbox = Mailbox.objects.filter(pk=mailbox_id, state__in=CAN_BE_ASKED).first()
    if mailbox is None:
        return 0
    try:
        opened = open_transport(mailbox)
    except NoTransportError as exc:
        stop_mailbox(mailbox.pk, Mailbox.State.STOPPED, str(exc))
        return 0
    with closing(opened) as transport:
        count = _work(mailbox, transport, last_call=time.monotonic() + seconds)
    outlast(lambda: call(mailbox_id))
    return count


def call(mailbox_id: int) -> None:
    """Queue a task for the mailbox's next moment, unless one comes by then anyway."""
    with transaction.atomic():
        # Whoever has it locked is at work there, and calls when he is done.
        free = Mailbox.objects.select_for_update(skip_locked=True, of=("self",))
        mailbox = free.filter(pk=mailbox_id).first()
        now = database_now()
        moment = next_moment_at(mailbox, now=now) if mailbox else None
        if mailbox is None or moment is None:
            return
        moment = max(moment, now)
        if mailbox.called_for and now - LOST_AFTER < mailbox.called_for <= moment:
            return
        Mailbox.objects.filter(pk=mailbox_id).update(called_for=moment)
        enqueue(TASK, queue=QUEUE, delay=moment - now, mailbox_id=mailbox_id,
                called_for=moment.isoformat())  # fmt: skip


def call_all() -> int:
    """``call`` for every mailbox of the tenant that can be asked; returns how many there are."""
    mailboxes = Mailbox.objects.filter(state__in=CAN_BE_ASKED).values_list("pk", flat=True)
    for mailbox_id in mailboxes:
        call(mailbox_id)
    return len(mailboxes)


def _answer_call(mailbox_id: int, called_for: str) -> None:
    """The next call is free, unless this task is one that was called before the newest."""
    if called_for:
        moment = datetime.fromisoformat(called_for)
        mine = Mailbox.objects.filter(pk=mailbox_id, called_for=moment)
        outlast(lambda: mine.update(called_for=None))


def _work(mailbox: Mailbox, transport: Transport, *, last_call: float) -> int:
    """Looks that are due come first, and again whenever there is nothing to send just now."""
    count = 0
    wants_looks = True
    while time.monotonic() < last_call and not is_stopping():
        if wants_looks:
            wants_looks = reconcile(mailbox, transport=transport, most=1) > 0
        elif message := outlast(lambda: claim(mailbox.pk)):
            send(message, transport=transport)
            count += 1
        else:
            gap = outlast(lambda: _gap(mailbox.pk))
            if gap is None or gap > WAITED_FOR:
                break
            time.sleep(max(gap.total_seconds(), 0.05))
            wants_looks = True
    return count


def _gap(mailbox_id: int) -> timedelta | None:
    """How long until the mailbox may send something; None when nothing waits there."""
    mailbox = Mailbox.objects.filter(pk=mailbox_id, state=Mailbox.State.READY).first()
    now = database_now()
    moment = next_moment_at(mailbox, now=now) if mailbox else None
    return moment - now if moment else None
