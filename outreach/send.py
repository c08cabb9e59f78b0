"""Send one claimed message: draft, store, fence, ask once, write down what came of it.

The order of writes is what keeps a mail from going out twice (PROMISES, section 3). Each step is
committed before the next, and each says again whose the message is: a process that slept past its
lease finds the number changed and stops. What ends unclear stays SENDING for ``reconcile``.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from django.db import transaction

from outreach import gate, way_out
from outreach.claim import put_aside
from outreach.compose import compose
from outreach.dead_address import give_up_address, is_refused_for_good
from outreach.facts import envelope_of, suppressed_because
from outreach.models import Mailbox, Message, MessageEvent
from outreach.render import Rendered
from outreach.settle import LOOKS, change, in_hand, look_later, settle_doubt, settle_sent
from outreach.transports.interface import (
    Fault,
    Outcome,
    Result,
    Transport,
    TransportError,
)
from tenants.clock import database_now
from tenants.outage import outlast

logger = logging.getLogger(__name__)

Status, Kind = Message.Status, MessageEvent.Kind
LONGEST_PAUSE = timedelta(hours=1)  # a provider that asks for more gets this, and a held queue


def send(message: Message, *, transport: Transport) -> str:
    """Send ``message``, which this process has claimed; returns the status it ends in.

    SENT, ERROR_API_FAILURE, HELD, REFUSED (the recipient opted out meanwhile), IN_DOUBT (a
    transport that cannot be asked), or SENDING, which ``reconcile`` takes up. No transaction is
    open while the provider is asked.
    """
    mail = mail_of(message)
    draft_id = message.draft_id
    if transport.capabilities.drafts and not draft_id:
        try:
            draft_id = transport.draft(mail, key=str(message.key))
        except TransportError as exc:
            no_draft = exc.outcome
            return outlast(lambda: _no_draft(message, no_draft))
        if not outlast(lambda: change(message, event=Kind.DRAFTED, draft_id=draft_id)):
            return _lost(message)
    if not outlast(lambda: _may_ask(message)):
        message.refresh_from_db()
        return message.status
    outcome = transport.send(mail, draft_id=draft_id)
    return outlast(lambda: _record(message, outcome, transport=transport))


def mail_of(message: Message) -> EmailMessage:
    """The mail of a claimed message, in the words its row holds, as its transport gets it."""
    mailbox = message.mailbox
    assert mailbox is not None  # noqa: S101 -- a claimed message has one; the database says so
    written = Rendered(message.subject, message.body_html, message.body_text)
    return compose(written, envelope_of(message, mailbox=mailbox, now=database_now()))


def _may_ask(message: Message) -> bool:
    """The fence before the one request that sends: still ours, and nobody has said no meanwhile.

    From here on the mail counts as perhaps sent, whatever happens to this process.
    """
    with transaction.atomic():
        mine = in_hand(message).select_related("lead")
        locked = mine.select_for_update(of=("self",)).first()
        if locked is None:
            return False
        if objection := gate.suppressed(suppressed_because(locked)):
            put_aside(locked, objection)
            return False
        now = database_now()
        Message.objects.filter(pk=locked.pk).update(asked_at=now, look_at=now + LOOKS[0])
        MessageEvent.objects.create(message=locked, kind=Kind.ASKED, at=now, actor=locked.held_by)
        way_out.remember(locked)
    return True


def _record(message: Message, outcome: Outcome, *, transport: Transport) -> str:
    """Write down how the attempt ended. Whoever has taken the message over meanwhile decides."""
    now = database_now()
    _slow_down(message, outcome, now=now)
    match outcome.result:
        case Result.ACCEPTED:
            return settle_sent(message, now=now, reference=outcome.reference)
        case Result.REFUSED:
            return _refused(message, outcome, now=now)
    if transport.capabilities.can_be_asked:
        return look_later(message, outcome, now=now)
    return settle_doubt(message, outcome.sentence)


def _no_draft(message: Message, outcome: Outcome) -> str:
    """No draft was made, or nobody knows: nothing was sent, and a look comes before another."""
    now = database_now()
    _slow_down(message, outcome, now=now)
    if outcome.result is Result.REFUSED:
        return _refused(message, outcome, now=now)
    return look_later(message, outcome, now=now)


def _refused(message: Message, outcome: Outcome, *, now: datetime) -> str:
    """Certainly not sent: for good, or to be tried again once its mailbox or the provider can."""
    status, changes = Status.QUEUED, {"not_before": now}
    match outcome.fault:
        case Fault.MESSAGE:
            status = Status.ERROR_API_FAILURE
        case Fault.MAILBOX:
            _stop_mailbox(message, outcome, now=now)
        case Fault.PASSING:
            changes["not_before"] = now + _pause(outcome)
    words: dict[str, Any] = {"code": outcome.code[:40] or "refused",
                             "sentence": outcome.sentence[:500]}  # fmt: skip
    kept = change(
        message, event=Kind.STOPPED, detail=outcome.sentence, status=status, held_until=None,
        look_at=None, asked_at=None, **words, **changes,
    )  # fmt: skip
    if not kept:
        return _lost(message)
    if status is Status.ERROR_API_FAILURE and is_refused_for_good(outcome.code, outcome.sentence):
        reference = f"refused {message.lease}"
        give_up_address(message, words=outcome.sentence, reference=reference, now=now)
    return str(status)


def _slow_down(message: Message, outcome: Outcome, *, now: datetime) -> None:
    """``Retry-After`` speaks to the whole mailbox, not to one message."""
    if outcome.retry_after is None or message.mailbox_id is None:
        return
    until = now + _pause(outcome)
    Mailbox.objects.filter(pk=message.mailbox_id, not_before__lt=until).update(not_before=until)


def _pause(outcome: Outcome) -> timedelta:
    wanted = LOOKS[0] if outcome.retry_after is None else timedelta(seconds=outcome.retry_after)
    return min(max(wanted, timedelta(seconds=1)), LONGEST_PAUSE)


def _stop_mailbox(message: Message, outcome: Outcome, *, now: datetime) -> None:
    mine = Mailbox.objects.filter(messages=message, state=Mailbox.State.READY)
    changed = mine.update(
        state=Mailbox.State.RECONNECT, state_reason=outcome.sentence[:300], state_since=now
    )
    if changed:
        logger.error("mailbox %s does not send: %s", message.mailbox_id, outcome.sentence)


def _lost(message: Message) -> str:
    """Somebody else has it: this process slept past its lease."""
    logger.warning("message %s was taken over while it was in hand here", message.pk)
    message.refresh_from_db()
    return message.status
