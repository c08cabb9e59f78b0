"""What every way of sending offers, and how it says what became of a mail.

The one question that matters after trouble is whether the mail went out. So an attempt has three
ends, not two: accepted, certainly refused, and unclear. Only certainty may lead to a second try.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from enum import StrEnum
from typing import Protocol


class Result(StrEnum):
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"  # certainly not sent
    UNCLEAR = "UNCLEAR"  # cut, timed out, or an answer that is known to lie


class Trace(StrEnum):
    """What a provider says of a mail when asked later."""

    SENT = "SENT"
    TWICE = "TWICE"  # sent, and there are two of it: the provider's own double
    DRAFT = "DRAFT"  # still there, not sent
    NOTHING = "NOTHING"  # it knows of no such mail
    UNKNOWN = "UNKNOWN"  # it did not answer, or cannot be asked


WENT_OUT = frozenset({Trace.SENT, Trace.TWICE})


class Fault(StrEnum):
    """Whom a refusal speaks of."""

    MESSAGE = "MESSAGE"  # this mail alone: its address, its size
    MAILBOX = "MAILBOX"  # nothing goes out from there until somebody sees to it
    PASSING = "PASSING"  # the same mail may be taken later


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. ``retry_after``: seconds the whole mailbox is to keep still."""

    result: Result
    code: str = ""
    sentence: str = ""
    fault: Fault = Fault.MESSAGE
    retry_after: float | None = None
    reference: str = ""  # the provider's own id of the request or the mail


class TransportError(Exception):
    """A draft could not be made or looked for. ``outcome`` says why; no mail has gone out."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.sentence)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a transport can do and how much it takes, with the source of the figures."""

    drafts: bool  # makes a draft first, so that it can be asked what became of it
    can_be_asked: bool
    one_click: str  # "yes", "no", or "when shown": by a self-test of the very mailbox
    keeps_message_id: bool
    per_minute: int
    per_day: int
    source: str


@dataclass(frozen=True, slots=True)
class OldDraft:
    """A draft that lies in a mailbox. ``is_marked``: it says itself that it is one of ours."""

    id: str
    key: str  # of the message it was made for; empty when nothing tells
    is_marked: bool


class DraftKeeper(Protocol):
    """A transport that can show and clear away what it left among the drafts."""

    def old_drafts(self, *, since: datetime, before: datetime) -> list[OldDraft]:
        """Drafts made between two moments, those of people included; ``TransportError``."""

    def delete_draft(self, draft_id: str) -> bool:
        """Whether it is gone now; raises ``TransportError``."""


class Transport(Protocol):
    """One mailbox, ready to be used by one sender at a time. Every method ends within 90 s."""

    capabilities: Capabilities

    def draft(self, mail: EmailMessage, *, key: str) -> str:
        """Store ``mail`` as a draft that carries ``key``; its id, which sending does not change.

        Raises ``TransportError``; a stray draft is never a mail.
        """

    def find_draft(self, *, key: str, message_id: str) -> str | None:
        """The id of a draft whose making was never answered; raises ``TransportError``."""

    def send(self, mail: EmailMessage, *, draft_id: str) -> Outcome:
        """Send the draft, or ``mail`` itself where there are no drafts. Asked once, never again."""

    def look(self, *, key: str, draft_id: str, message_id: str) -> Trace:
        """What became of a mail that may have been sent."""

    def close(self) -> None:
        """Let go of its connections; a second time nothing happens."""
