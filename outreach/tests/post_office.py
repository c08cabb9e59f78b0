"""A provider in memory that keeps drafts and mails, and fails or dies at whatever step is wanted.

Of the transports it shares the interface and nothing else: the order of writes is tested here, what
each provider really answers is tested against its stand-in over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum

from outreach.transports.interface import (
    Capabilities,
    Fault,
    Outcome,
    Result,
    Trace,
    TransportError,
)


class Trouble(StrEnum):
    NONE = "none"
    REFUSE = "refuse"
    REFUSE_FOR_NOW = "refuse for now"
    UNCLEAR_BEFORE = "unclear, nothing done"
    UNCLEAR_AFTER = "unclear, done"
    DIE_BEFORE = "die before"
    DIE_AFTER = "die after"


class Died(BaseException):
    """The process was killed here."""


@dataclass
class PostOffice:
    """``troubles`` are taken one a call, drafts and sends alike; then all goes well."""

    troubles: list[Trouble] = field(default_factory=list)
    drafts_first: bool = True
    askable: bool = True
    drafts: dict[str, str] = field(default_factory=dict)  # id -> key
    sent: list[str] = field(default_factory=list)  # keys, in order
    mails: list[EmailMessage] = field(default_factory=list)
    is_closed: bool = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self.drafts_first, self.askable, "no", True, 30, 10_000, "made up")

    def draft(self, mail: EmailMessage, *, key: str) -> str:
        trouble = self._next()
        if trouble in {Trouble.NONE, Trouble.UNCLEAR_AFTER, Trouble.DIE_AFTER}:
            number = f"draft-{len(self.drafts) + 1}"
            self.drafts[number] = key
        outcome = self._end(trouble)
        if outcome.result is not Result.ACCEPTED:
            raise TransportError(outcome)
        return number

    def find_draft(self, *, key: str, message_id: str) -> str | None:
        return next((number for number, its in self.drafts.items() if its == key), None)

    def send(self, mail: EmailMessage, *, draft_id: str) -> Outcome:
        trouble = self._next()
        key = str(mail["X-Leadgen-Key"])
        if self.drafts_first and draft_id not in self.drafts:
            return Outcome(Result.REFUSED, "404", "There is no such draft.")
        if trouble in {Trouble.NONE, Trouble.UNCLEAR_AFTER, Trouble.DIE_AFTER}:
            self.drafts.pop(draft_id, None)
            self.sent.append(key)
            self.mails.append(mail)
        return self._end(trouble)

    def look(self, *, key: str, draft_id: str, message_id: str) -> Trace:
        if key in self.sent:
            return Trace.SENT
        return Trace.DRAFT if draft_id in self.drafts else Trace.NOTHING

    def close(self) -> None:
        self.is_closed = True

    def _next(self) -> Trouble:
        trouble = self.troubles.pop(0) if self.troubles else Trouble.NONE
        if trouble is Trouble.DIE_BEFORE:
            raise Died
        return trouble

    def _end(self, trouble: Trouble) -> Outcome:
        match trouble:
            case Trouble.DIE_AFTER:
                raise Died
            case Trouble.REFUSE:
                return Outcome(Result.REFUSED, "400", "It is refused.")
            case Trouble.REFUSE_FOR_NOW:
                return Outcome(Result.REFUSED, "busy", "Later.", Fault.PASSING, retry_after=1)
            case Trouble.UNCLEAR_BEFORE | Trouble.UNCLEAR_AFTER:
                return Outcome(Result.UNCLEAR, "cut", "The answer was cut.")
        return Outcome(Result.ACCEPTED, reference="ok")
