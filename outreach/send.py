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
from django.db.models import Q

from icp.suppressions import find_suppression
from outreach import way_out
from outreach.claim import FIRST_LOOK, put_aside
from outreach.compose import compose
from outreach.facts import draft_of
from outreach.gate import Say, Verdict
from outreach.models import Mailbox, MailPolicy, Message, MessageEvent
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
        if not outlast(lambda: _write(message, Kind.DRAFTED, draft_id=draft_id)):
            return _lost(message)
    if not outlast(lambda: _may_ask(message)):
        message.refresh_from_db()
        return message.status
    outcome = transport.send(mail, draft_id=draft_id)
    return outlast(lambda: _record(message, outcome, transport=transport))


def mail_of(message: Message) -> EmailMessage:
    """The mail of a claimed message, as its transport gets it."""
    mailbox = message.mailbox
    assert mailbox is not None  # noqa: S101 -- a claimed message has one; the database says so
    policy = MailPolicy.objects.filter(pk=1).first() or MailPolicy(pk=1)
    draft = draft_of(message, mailbox=mailbox, policy=policy, now=database_now())
    return compose(draft.rendered, draft.envelope)


def _mine(message: Message) -> Q:
    """The message as this process claimed it."""
    return Q(pk=message.pk, lease=message.lease, status=Status.SENDING)


def _write(message: Message, kind: MessageEvent.Kind, *, detail: str = "", **changes: Any) -> bool:
    """Change the message and note the event, if it is still this process's; both or none."""
    with transaction.atomic():
        if not Message.objects.filter(_mine(message)).update(**changes):
            return False
        MessageEvent.objects.create(
            message=message,
            kind=kind,
            at=database_now(),
            actor=message.held_by,
            detail=detail[:500],
        )
    for name, value in changes.items():
        setattr(message, name, value)
    return True


def _may_ask(message: Message) -> bool:
    """The fence before the one request that sends: still ours, and nobody has said no meanwhile.

    From here on the mail counts as perhaps sent, whatever happens to this process.
    """
    with transaction.atomic():
        locked = Message.objects.select_for_update(of=("self",)).filter(_mine(message)).first()
        if locked is None:
            return False
        suppression = find_suppression(
            email=locked.recipient, uen=locked.lead.uen if locked.lead else ""
        )
        if suppression is not None:
            because = f"Suppressed: {suppression.reason.rstrip('.')}."
            put_aside(locked, Verdict("suppression", Say.REFUSE, "suppressed", because))
            return False
        now = database_now()
        changes = {"asked_at": now, "look_at": now + FIRST_LOOK}
        Message.objects.filter(pk=locked.pk).update(**changes)
        MessageEvent.objects.create(message=locked, kind=Kind.ASKED, at=now, actor=locked.held_by)
        way_out.remember(locked)
    message.asked_at = now
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
        Message.objects.filter(_mine(message)).update(
            look_at=now + FIRST_LOOK, held_until=now, code=outcome.code[:40],
            sentence=outcome.sentence[:500],
        )  # fmt: skip
        return Status.SENDING
    return settle_doubt(message, outcome.sentence, now=now)


def settle_sent(message: Message, *, now: datetime, reference: str = "") -> str:
    """The provider has it. Sets SENT whatever the claim: what was accepted is a fact."""
    with transaction.atomic():
        changed = Message.objects.filter(
            pk=message.pk, status__in=[Status.SENDING, Status.IN_DOUBT]
        ).update(status=Status.SENT, sent_at=now, held_until=None, look_at=None, code="",
                 sentence="", provider_reference=reference[:200])  # fmt: skip
        if changed:
            MessageEvent.objects.create(message=message, kind=Kind.ACCEPTED, at=now,
                                        detail=reference[:500])  # fmt: skip
    return Status.SENT


def settle_doubt(message: Message, sentence: str, *, now: datetime) -> str:
    """Nobody can tell whether it went out: a person decides; never a second mail by itself."""
    with transaction.atomic():
        changed = Message.objects.filter(_mine(message)).update(
            status=Status.IN_DOUBT, held_until=None, look_at=None, code="unclear",
            sentence=sentence[:500] or "The provider did not say whether it took the mail.",
        )  # fmt: skip
        if changed:
            MessageEvent.objects.create(message=message, kind=Kind.DOUBTED, at=now,
                                        detail=sentence[:500])  # fmt: skip
    return Status.IN_DOUBT


def _refused(message: Message, outcome: Outcome, *, now: datetime) -> str:
    """Certainly not sent: for good, or to be tried again once its mailbox or the provider can."""
    changes: dict[str, Any] = {
        "code": outcome.code[:40] or "refused", "sentence": outcome.sentence[:500],
        "held_until": None, "look_at": None, "asked_at": None,
    }  # fmt: skip
    match outcome.fault:
        case Fault.MESSAGE:
            changes["status"] = Status.ERROR_API_FAILURE
        case Fault.MAILBOX:
            changes["status"] = Status.QUEUED
            _stop_mailbox(message, outcome, now=now)
        case Fault.PASSING:
            changes["status"] = Status.QUEUED
            changes["not_before"] = now + _pause(outcome)
    with transaction.atomic():
        if not Message.objects.filter(_mine(message)).update(**changes):
            return _lost(message)
        MessageEvent.objects.create(message=message, kind=Kind.STOPPED, at=now,
                                    detail=outcome.sentence[:500])  # fmt: skip
    return str(changes["status"])


def _no_draft(message: Message, outcome: Outcome) -> str:
    """No draft was made, or nobody knows: nothing was sent, and a look comes before another."""
    now = database_now()
    _slow_down(message, outcome, now=now)
    if outcome.result is Result.REFUSED:
        return _refused(message, outcome, now=now)
    Message.objects.filter(_mine(message)).update(
        look_at=now + FIRST_LOOK, held_until=now, code=outcome.code[:40],
        sentence=outcome.sentence[:500],
    )  # fmt: skip
    return Status.SENDING


def _slow_down(message: Message, outcome: Outcome, *, now: datetime) -> None:
    """``Retry-After`` speaks to the whole mailbox, not to one message."""
    if outcome.retry_after is None or message.mailbox_id is None:
        return
    until = now + _pause(outcome)
    Mailbox.objects.filter(pk=message.mailbox_id, not_before__lt=until).update(not_before=until)


def _pause(outcome: Outcome) -> timedelta:
    wanted = outcome.retry_after if outcome.retry_after is not None else FIRST_LOOK.total_seconds()
    return min(max(timedelta(seconds=wanted), timedelta(seconds=1)), LONGEST_PAUSE)


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
