"""What becomes of a message by the gate's answer: its status, reason and moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from outreach.gate import Say, Verdict, decide
from outreach.models import Message

Status = Message.Status
PUT_OFF = "put_off"  # held because a server put it off too often; no rule of the gate
# Who sends changes by the minute; a message that waits for it is simply queued.
OF_THE_SENDER = frozenset({"kill switch", "campaign", "mailbox", "transport duties"})


def how_it_waits(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that decides how a message begins to wait: all but those about the sender."""
    return decide([each for each in verdicts if each.rule not in OF_THE_SENDER])


def place(message: Message, verdicts: list[Verdict], *, now: datetime) -> None:
    """Set how ``message`` waits, or why it does not, by what the gate says; saves nothing.

    What only the clock holds is queued for the moment when it may go.
    """
    verdict = how_it_waits(verdicts)
    message.gate = [each.as_json for each in verdicts]
    if verdict.say is Say.ALLOW or (verdict.say is Say.HOLD and verdict.until):
        message.status, message.code, message.sentence = Status.QUEUED, "", ""
        message.not_before = verdict.until or now
    else:
        _object(message, verdict)


def put_aside(message: Message, verdict: Verdict) -> None:
    """Hold or refuse a message, with the gate's reason. The caller holds its row."""
    _object(message, verdict)
    message.held_until = message.look_at = None
    message.save(update_fields=["status", "code", "sentence", "not_before", "gate", "held_until",
                                "look_at", "draft_id"])  # fmt: skip


def _object(message: Message, verdict: Verdict) -> None:
    message.status = Status.HELD if verdict.say is Say.HOLD else Status.REFUSED
    if verdict.code == "no_address":
        message.status = Status.ERROR_NO_EMAIL
    message.code, message.sentence = verdict.code, verdict.sentence[:500]
    message.not_before = verdict.until
