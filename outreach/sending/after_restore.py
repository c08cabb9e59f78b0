"""After a restore: send nothing, find out what went out since the backup, then let a person go on.

A restored row says "waiting" of mail that may have been sent. Its key is in the provider's mailbox
if it was, so the provider is asked about every message that waits, before any goes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from outreach.models import Mailbox, MailPolicy, Message, MessageEvent
from outreach.sending.waiting import CAN_BE_ASKED
from outreach.transports.interface import WENT_OUT, Trace, Transport
from outreach.transports.open import NoTransportError, open_transport
from outreach.wording.compose import message_id_of
from tenants import audit

ACTOR = "restore"
NEXT = " Run `manage.py after_restore` to find out what was sent since, then switch sending on."


@dataclass(slots=True)
class LookBack:
    """``asked`` = ``sent`` + ``unanswered`` + those the provider knows nothing of."""

    asked: int = 0
    sent: int = 0
    unanswered: int = 0
    not_askable: int = 0  # messages at mailboxes that cannot be asked, or do not answer for them


def stop_sending(why: str) -> None:
    """Switch the tenant's sending off, unless it is already; audited."""
    with transaction.atomic():
        policy, _ = MailPolicy.objects.select_for_update().get_or_create(pk=1)
        if policy.sending_off:
            return
        policy.sending_off = (why + NEXT)[:300]
        policy.save(update_fields=["sending_off"])
        after = {"sending_off": policy.sending_off}
        audit.record("outreach.policy.stop", actor=ACTOR, subject="mail policy",
                     before={"sending_off": ""}, after=after)  # fmt: skip


def look_back(*, now: datetime, report: Callable[[str], None] = lambda _: None) -> LookBack:
    """Ask each mailbox's provider which of the waiting messages it has sent; write those down.

    One request or two a message, one after the other. A second run asks again about what was not
    found. Nothing is sent. ``report`` gets a line for each mailbox.
    """
    total = LookBack()
    for mailbox in Mailbox.objects.order_by("address"):
        waiting = _of(mailbox)
        count = waiting.count()
        transport = _transport_of(mailbox)
        if transport is None:
            total.not_askable += count
            report(f"{mailbox}: {count} messages wait, and it cannot be asked what it sent")
            continue
        before = total.sent
        for message in waiting.iterator(chunk_size=500):
            _ask(message, mailbox, transport, total, now=now)
        report(f"{mailbox}: {count} messages looked for, {total.sent - before} were sent")
    return total


def _of(mailbox: Mailbox) -> QuerySet[Message]:
    mine = Q(mailbox=mailbox) | Q(mailbox=None, step__campaign__mailboxes=mailbox)
    return Message.objects.filter(mine, status__in=Message.OPEN).order_by("pk")


def _transport_of(mailbox: Mailbox) -> Transport | None:
    if mailbox.state not in CAN_BE_ASKED:
        return None
    try:
        transport = open_transport(mailbox)
    except NoTransportError:
        return None
    return transport if transport.capabilities.can_be_asked else None


def _ask(
    message: Message, mailbox: Mailbox, transport: Transport, total: LookBack, *, now: datetime
) -> None:
    key = str(message.key)
    message_id = message_id_of(key, sender=mailbox.address)
    trace = transport.look(key=key, draft_id=message.draft_id, message_id=message_id)
    total.asked += 1
    if trace in WENT_OUT:
        total.sent += _found(message, mailbox, trace, message_id=message_id, now=now)
    elif trace is Trace.UNKNOWN:
        total.unanswered += 1


@transaction.atomic
def _found(
    message: Message, mailbox: Mailbox, trace: Trace, *, message_id: str, now: datetime
) -> int:
    """It was sent: when, nobody knows any more, so it counts as of now for caps and follow-ups."""
    changed = Message.objects.filter(pk=message.pk, status__in=Message.OPEN).update(
        status=Message.Status.SENT, sent_at=now, asked_at=now, mailbox=mailbox, code="",
        sentence="", message_id=message_id[:300], held_until=None, look_at=None,
    )  # fmt: skip
    if changed:
        MessageEvent.objects.create(
            message=message, kind=MessageEvent.Kind.ACCEPTED, at=now, actor=ACTOR,
            detail=_SAYS[trace],
        )  # fmt: skip
    return changed


_SAYS = {
    Trace.SENT: "The provider had sent it before the database was restored.",
    Trace.TWICE: "The provider had sent it before the database was restored, and shows it twice:"
    " delivered twice by the provider.",
}
