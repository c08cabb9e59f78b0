"""A person decides on a reply: interested, not interested, or seen to."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from icp import suppressions
from icp.models import Suppression
from outreach.answer_models import Reply
from tenants import audit

State = Reply.State
DECISIONS = (State.INTERESTED, State.NOT_INTERESTED, State.DONE)


@transaction.atomic
def decide_reply(reply: Reply, state: str, *, actor: str, now: datetime) -> bool:
    """Decide a reply that waits; False when somebody has already. Ends no suppression, ever.

    NOT_INTERESTED suppresses whom the message went to: no campaign writes there again.
    Raises ``ValueError`` for what is no decision.
    """
    if state not in DECISIONS:
        raise ValueError(f"{state!r} is no decision on a reply.")
    waiting = Reply.objects.filter(pk=reply.pk, state=State.WAITING)
    if not waiting.update(state=state, decided_at=now, decided_by=actor):
        return False
    if state == State.NOT_INTERESTED:
        _suppress(reply, actor=actor, now=now)
    audit.record("outreach.reply.decide", actor=actor, subject=f"reply {reply.pk}",
                 after={"state": state, "message": reply.message_id})  # fmt: skip
    return True


def _suppress(reply: Reply, *, actor: str, now: datetime) -> None:
    message, kind = reply.message, Suppression.Kind.EMAIL
    reason = f"Not interested, by a reply to message {message.pk}."
    if message.recipient:
        suppressions.add(
            kind, message.recipient, reason=reason, actor=actor, source="reply", now=now
        )
    elif message.recipient_hash:
        suppressions.add_hash(
            kind, message.recipient_hash, reason=reason, actor=actor, source="reply", now=now
        )
