"""Write down what became of a message, and only while it is this process's.

A claim has a number. Every write of a sender asks for it again, so that a process which slept past
its lease, while another took the message over, changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from outreach.models import Message, MessageEvent
from outreach.transports.interface import Outcome
from tenants.clock import database_now
from tenants.prepared import prepared_cursor

Status, Kind = Message.Status, MessageEvent.Kind
# After the provider was asked. Looking too early finds a draft that is on its way out (26 of 120
# doubled in a rig with a look after 0.1 s, none after 3 s).
LOOKS = (timedelta(seconds=60), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))

_SENT = """
WITH sent AS (
    UPDATE outreach_message
    SET status = 'SENT', sent_at = clock_timestamp(), held_until = NULL, look_at = NULL, code = '',
        sentence = '', provider_reference = %(reference)s
    WHERE id = %(id)s AND status IN ('SENDING', 'IN_DOUBT')
    RETURNING id, sent_at
)
INSERT INTO outreach_messageevent (message_id, kind, at, actor, detail, reference)
SELECT id, %(kind)s, sent_at, '', %(reference)s, '' FROM sent
"""


def change(
    message: Message, *, event: MessageEvent.Kind, detail: str = "", at: datetime | None = None,
    **changes: Any,
) -> bool:  # fmt: skip
    """Change a message in hand and note the event: both, or none and False if it is another's.

    ``message`` itself stays as it was claimed.
    """
    with transaction.atomic():
        mine = in_hand(message)
        if not (mine.update(**changes) if changes else mine.exists()):
            return False
        MessageEvent.objects.create(
            message=message, kind=event, at=at or database_now(), actor=message.held_by,
            detail=detail[:500],
        )  # fmt: skip
    return True


def in_hand(message: Message) -> QuerySet[Message]:
    """The row of ``message``, if it is still held as this process claimed it."""
    held = Q(pk=message.pk, lease=message.lease, status=Status.SENDING)
    return Message.objects.filter(held)


def look_later(message: Message, outcome: Outcome, *, now: datetime) -> str:
    """Nobody knows what the provider did: let the message go, to be asked after."""
    in_hand(message).update(
        look_at=now + LOOKS[0], held_until=now, code=outcome.code[:40],
        sentence=outcome.sentence[:500],
    )  # fmt: skip
    return Status.SENDING


def settle_sent(message: Message, *, reference: str = "") -> str:
    """The provider has it. Sets SENT whatever the claim: what was accepted is a fact."""
    values: dict[str, Any] = {
        "id": message.pk,
        "kind": Kind.ACCEPTED.value,
        "reference": reference[:200],
    }
    with prepared_cursor() as cursor:
        cursor.execute(_SENT, values)
    return Status.SENT


def settle_doubt(message: Message, sentence: str) -> str:
    """Nobody can tell whether it went out: a person decides; never a second mail by itself."""
    change(
        message, event=Kind.DOUBTED, detail=sentence, status=Status.IN_DOUBT, held_until=None,
        look_at=None, code="unclear",
        sentence=sentence[:500] or "The provider did not say whether it took the mail.",
    )  # fmt: skip
    return Status.IN_DOUBT
