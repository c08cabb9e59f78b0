"""Read what came back to a mailbox: one process at a time, each mail once, no trace left.

Each mail's effects and the step of the cursor are one transaction, fenced by the number of the
lease: a reader that was taken over writes nothing. A mail read twice adds nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q, QuerySet

from outreach.answer_models import InboxState
from outreach.answers.replies import Taken, take
from outreach.inbox.interface import Arrival, Inbox, InboxError
from outreach.inbox.open import open_inbox
from outreach.models import Mailbox
from tenants.clock import database_now
from tenants.outage import outlast
from tenants.process_name import process_name
from tenants.secrets import SecretUnreadableError

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)  # above one reading (90 s) and the longest mail; renewed by each mail
EVERY = timedelta(minutes=3)
LONGEST_WAIT = timedelta(hours=1)
MOST = 500  # mails of one reading
# Mail may go out before its mailbox was first read; nothing older than that can be an answer.
BEFORE_FIRST = timedelta(days=1)
# A cursor that a provider knows no more: so far back before the end that was last reached.
AGAIN = timedelta(days=3)
STATES = (Mailbox.State.READY, Mailbox.State.PAUSED, Mailbox.State.STOPPED)


@dataclass(slots=True)
class Reading:
    """What one reading found: mails by what they were to us."""

    taken: Counter[str] = field(default_factory=Counter)
    trouble: str = ""


def due(*, now: datetime) -> list[int]:
    """Mailboxes whose inbox is to be read now: those connected, also while they do not send."""
    free = Q(inbox=None) | (
        Q(inbox__next_at__lte=now) & (Q(inbox__held_until=None) | Q(inbox__held_until__lte=now))
    )
    mailboxes = Mailbox.objects.filter(free, state__in=STATES).order_by("pk")
    return list(mailboxes.values_list("pk", flat=True))


def read_answers(
    mailbox_id: int, *, open_it: Callable[[Mailbox], Inbox | None] = open_inbox
) -> Reading | None:
    """Read the mailbox's inbox to its end; None when another reads it or it is not due.

    Never raises for what a provider or a mail does: trouble is a sentence on the mailbox, and the
    next try comes later and later, up to an hour.
    """
    state = outlast(lambda: _claim(mailbox_id))
    if state is None:
        return None
    reading = Reading()
    try:
        inbox = open_it(state.mailbox)
        if inbox is not None:
            _read(inbox, state, reading)
    except InboxError as exc:
        reading.trouble = exc.sentence
        wait = LONGEST_WAIT if exc.lasts else timedelta(seconds=exc.seconds)
        outlast(lambda: _failed(state, reading.trouble, at_least=wait))
    except SecretUnreadableError as exc:
        reading.trouble = str(exc)
        outlast(lambda: _failed(state, reading.trouble, at_least=LONGEST_WAIT))
    else:
        outlast(lambda: _finished(state, reading))
    return reading


def _read(inbox: Inbox, state: InboxState, reading: Reading) -> None:
    since = state.mailbox.created_at - BEFORE_FIRST
    if state.read_at is not None:
        since = max(since, state.read_at - AGAIN)
    for arrival in inbox.arrivals(state.cursor, since=since):
        taken = outlast(partial(_take, arrival, state))
        if taken is None:
            return
        reading.taken[taken] += 1
        if reading.taken.total() >= MOST:
            return


def _claim(mailbox_id: int) -> InboxState | None:
    with transaction.atomic():
        now = database_now()
        if not Mailbox.objects.filter(pk=mailbox_id, state__in=STATES).exists():
            return None
        InboxState.objects.get_or_create(mailbox_id=mailbox_id, defaults={"next_at": now})
        free = Q(held_until=None) | Q(held_until__lte=now)
        mine = InboxState.objects.filter(free, mailbox_id=mailbox_id, next_at__lte=now)
        state = mine.select_for_update(skip_locked=True, of=("self",)).first()
        if state is None:
            return None
        InboxState.objects.filter(pk=state.pk).update(
            lease=F("lease") + 1, held_until=now + LEASE, held_by=process_name(), called_at=None
        )
    return InboxState.objects.select_related("mailbox").get(pk=state.pk)


def _take(arrival: Arrival, state: InboxState) -> Taken | None:
    """Take one mail in and step on; None when the mailbox is another reader's by now."""
    with transaction.atomic():
        now = database_now()
        if not _mine(state).update(cursor=arrival.cursor, held_until=now + LEASE):
            logger.warning("mailbox %s is read by another process", state.mailbox_id)
            return None
        return take(arrival.raw, mailbox=state.mailbox, now=now, size=arrival.size)


def _finished(state: InboxState, reading: Reading) -> None:
    """The end is certain when there was nothing; after a full measure it goes on at once."""
    now = database_now()
    is_full = reading.taken.total() >= MOST
    _mine(state).update(
        held_until=None, held_by="", trouble="", failures=0,
        next_at=now if is_full else now + EVERY,
        **({} if reading.taken else {"read_at": now}),
    )  # fmt: skip
    _tell(state.mailbox_id, "", now=now)


def _failed(state: InboxState, sentence: str, *, at_least: timedelta) -> None:
    now = database_now()
    wait = min(max(EVERY * 2 ** min(state.failures, 8), at_least), LONGEST_WAIT)
    _mine(state).update(
        held_until=None, held_by="", next_at=now + wait, trouble=sentence[:300],
        failures=F("failures") + 1,
    )  # fmt: skip
    _tell(state.mailbox_id, sentence, now=now)
    logger.warning("inbox of mailbox %s cannot be read: %s", state.mailbox_id, sentence)


def _mine(state: InboxState) -> QuerySet[InboxState]:
    return InboxState.objects.filter(pk=state.pk, lease=state.lease)


def _tell(mailbox_id: int, sentence: str, *, now: datetime) -> None:
    """Leave it on the mailbox's findings, where its page shows what is known of it."""
    with transaction.atomic():
        mailbox = Mailbox.objects.select_for_update(of=("self",)).get(pk=mailbox_id)
        mailbox.findings = {
            **mailbox.findings, "answers": {"at": now.isoformat(), "trouble": sentence[:300]}
        }  # fmt: skip
        mailbox.save(update_fields=["findings"])
