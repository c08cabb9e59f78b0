"""What a person decides: let a held mail go, drop it, or say what became of one in doubt.

Each decision is an event of the message and one of the audit. None of them sends: what is let go is
asked of the gate again when a mailbox takes it up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from outreach.models import Adoption, Message, MessageEvent
from outreach.wording.render import one_line
from tenants import audit

Status, Kind = Message.Status, MessageEvent.Kind
# The holds a person may overrule; all others end with their cause.
RELEASABLE = ("origin_asks", "moved_in")
MOST = 5000


class DecisionError(Exception):
    """It cannot be decided so; the sentence says why."""


@transaction.atomic
def release(ids: Sequence[int], *, actor: str, reason: str, now: datetime) -> int:
    """Let held messages go that wait for somebody's word; returns how many that were.

    Those are mails whose address's origin asks, and mails moved in from the former program.
    Messages held for anything else are passed by: releasing cannot verify an address.
    """
    reason = _said(reason)
    held = _lock(ids, Status.HELD, codes=RELEASABLE)
    Message.objects.filter(pk__in=held).update(
        status=Status.QUEUED, is_released=True, code="", sentence="", not_before=now
    )
    _note(held, "Released", "outreach.message.release", actor=actor, reason=reason, now=now)
    return len(held)


@transaction.atomic
def drop(ids: Sequence[int], *, actor: str, reason: str, now: datetime) -> int:
    """Cancel messages that wait or are held; returns how many that were."""
    reason = _said(reason)
    waiting = _lock(ids, *Message.WAITING)
    Message.objects.filter(pk__in=waiting).update(
        status=Status.CANCELLED, code="dropped", sentence=f"Dropped by {actor}: {reason}"[:500],
        not_before=None,
    )  # fmt: skip
    _note(waiting, "Dropped", "outreach.message.drop", actor=actor, reason=reason, now=now)
    return len(waiting)


@transaction.atomic
def it_was_sent(message: Message, *, actor: str, reason: str, now: datetime) -> None:
    """Somebody saw it in the mailbox's Sent folder or heard of it: it counts as sent."""
    pk, reason = _doubted(message), _said(reason)
    sent_at = Message.objects.values_list("asked_at", flat=True).get(pk=pk) or now
    Message.objects.filter(pk=pk).update(
        status=Status.SENT, sent_at=sent_at, code="", sentence="", look_at=None, held_until=None
    )
    _note([pk], "It was sent", "outreach.message.was_sent", actor=actor, reason=reason, now=now)


@transaction.atomic
def send_again(message: Message, *, actor: str, reason: str, now: datetime) -> None:
    """Somebody made sure that it did not go out: back into the queue, as a new attempt.

    The old draft is forgotten, and with it every look at it; the message keeps its key, so that a
    receiver that did get it can tell the double.
    """
    pk, reason = _doubted(message), _said(reason)
    Message.objects.filter(pk=pk).update(
        status=Status.QUEUED, code="", sentence="", draft_id="", asked_at=None, look_at=None,
        looks=0, resends=0, not_before=now, held_until=None, lease=F("lease") + 1,
    )  # fmt: skip
    _note([pk], "Send again", "outreach.message.send_again", actor=actor, reason=reason, now=now)


@transaction.atomic
def drop_doubtful(message: Message, *, actor: str, reason: str, now: datetime) -> None:
    """Leave it at that: it counts as cancelled, whether or not it arrived."""
    pk, reason = _doubted(message), _said(reason)
    Message.objects.filter(pk=pk).update(
        status=Status.CANCELLED, code="dropped", look_at=None, held_until=None,
        sentence=f"In doubt, dropped by {actor}: {reason}"[:500],
    )  # fmt: skip
    _note([pk], "Dropped", "outreach.message.drop", actor=actor, reason=reason, now=now)


@transaction.atomic
def adopt(
    message: Message,
    *,
    url: str,
    page_sha256: str = "",
    was_seen: bool = True,
    actor: str,
    now: datetime,
) -> Adoption:
    """Take over the message's address on sight of ``url``, the page it stands on; recorded.

    All messages to it are then asked again by the caller. Raises ``DecisionError`` without a
    contact, an address, or a page.
    """
    contact = message.contact
    if contact is None or not message.recipient:
        raise DecisionError("There is no contact whose address could be adopted.")
    if not url.startswith(("http://", "https://")):
        raise DecisionError("Name the page on which you saw the address.")
    if not was_seen:
        raise DecisionError("Open the page, look at the address, and tick that you saw it.")
    adoption, _ = Adoption.objects.update_or_create(
        contact=contact,
        defaults={"email": message.recipient, "url": url[:2000], "page_sha256": page_sha256[:64],
                  "at": now, "by": actor},
    )  # fmt: skip
    audit.record("outreach.contact.adopt", actor=actor, subject=f"contact {contact.pk}",
                 after={"url": url[:2000]})  # fmt: skip
    return adoption


def _said(reason: str) -> str:
    reason = one_line(reason)
    if not reason:
        raise DecisionError("Say why: the reason stays with the message.")
    return reason[:300]


def _lock(ids: Sequence[int], *statuses: str, codes: Sequence[str] = ()) -> list[int]:
    rows = Message.objects.filter(pk__in=list(ids)[:MOST], status__in=statuses)
    if codes:
        rows = rows.filter(code__in=codes)
    return list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))


def _doubted(message: Message) -> int:
    found = _lock([message.pk], Status.IN_DOUBT)
    if not found:
        raise DecisionError("It is not in doubt any more; look at it again.")
    return found[0]


def _note(
    ids: Sequence[int], verb: str, action: str, *, actor: str, reason: str, now: datetime
) -> None:
    MessageEvent.objects.bulk_create(
        MessageEvent(message_id=pk, kind=Kind.DECIDED, at=now, actor=actor,
                     detail=f"{verb}: {reason}"[:500])
        for pk in ids
    )  # fmt: skip
    decided = [(f"message {pk}", None, {"decision": verb}) for pk in ids]
    audit.record_many(action, actor=actor, changes=decided, reason=reason)
