"""What a mailbox has to be able to do before a campaign may start from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outreach.models import Mailbox
from outreach.transports.open import has_one_click


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing asked of one mailbox. An unmet one blocks when ``blocks``."""

    mailbox: Mailbox
    name: str
    is_met: bool
    sentence: str
    blocks: bool = True


def duties_of(mailbox: Mailbox, *, needs_one_click: bool) -> list[Duty]:
    """Everything asked of ``mailbox``, met or not, in the order to see to it."""
    return [_is_connected(mailbox), _carries_one_click(mailbox, is_needed=needs_one_click)]


def unmet_duties(mailboxes: Sequence[Mailbox], *, needs_one_click: bool) -> list[str]:
    """Sentences about all that blocks."""
    return [
        duty.sentence
        for mailbox in mailboxes
        for duty in duties_of(mailbox, needs_one_click=needs_one_click)
        if duty.blocks and not duty.is_met
    ]


def _is_connected(mailbox: Mailbox) -> Duty:
    is_met = mailbox.state == Mailbox.State.READY
    why = mailbox.state_reason or "it is not connected yet"
    sentence = "It is connected." if is_met else f"{mailbox} does not send: {why.rstrip('.')}."
    return Duty(mailbox, "connected", is_met, sentence)


def _carries_one_click(mailbox: Mailbox, *, is_needed: bool) -> Duty:
    if has_one_click(mailbox):
        return Duty(mailbox, "carries one-click", True, "One-click unsubscribe (RFC 8058) arrives.")
    sentence = (
        f"{mailbox} has not been shown to carry one-click unsubscribe (RFC 8058); run its"
        " self-test, or let the campaign do without."
    )
    return Duty(mailbox, "carries one-click", False, sentence, blocks=is_needed)
