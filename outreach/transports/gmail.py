"""Google Workspace through the Gmail API: one call sends, and a search tells afterwards.

Without drafts, which would take the right to change the mailbox. So an unclear answer is never
followed by a second send: the mailbox is searched for the Message-ID, and what it does not know
ends with a person. Certain refusals: 400, 401, 403, 404, 413, but for a 403 that speaks of rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from outreach.clients.ask import Answer, Deadline, NoAnswerError
from outreach.clients.google import GmailClient
from outreach.clients.token_trouble import TokenTroubleError
from outreach.transports.interface import (
    Capabilities,
    Fault,
    Outcome,
    Result,
    Trace,
    TransportError,
)
from outreach.transports.no_answer import without_answer
from outreach.transports.retry_after import seconds_of

GMAIL = Capabilities(
    drafts=False, can_be_asked=True, one_click="yes", keeps_message_id=True,
    per_minute=60, per_day=2_000,
    source="Gmail API: a send costs 100 of 15,000 units a minute; 2,000 mails a day a Workspace"
    " user (developers.google.com, Gmail API quota). What is over the day's limit bounces minutes"
    " after it was taken.",
)  # fmt: skip
CERTAIN = {400, 401, 403, 404, 413}
OF_RATES = {"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded"}


@dataclass(frozen=True, slots=True)
class GmailTransport:
    """One mailbox."""

    client: GmailClient
    capabilities: Capabilities = GMAIL

    def draft(self, mail: EmailMessage, *, key: str) -> str:
        raise TransportError(Outcome(Result.REFUSED, "no_drafts", "Gmail is sent to directly."))

    def find_draft(self, *, key: str, message_id: str) -> str | None:
        return None

    def send(self, mail: EmailMessage, *, draft_id: str) -> Outcome:
        try:
            return _outcome(self.client.send(mail, deadline=Deadline()))
        except (NoAnswerError, TokenTroubleError) as exc:
            return without_answer(exc)

    def look(self, *, key: str, draft_id: str, message_id: str) -> Trace:
        """SENT or NOTHING by Message-ID; NOTHING may also mean that the index is behind."""
        try:
            found = self._ids(message_id, label="SENT", deadline=Deadline())
        except (NoAnswerError, TokenTroubleError):
            return Trace.UNKNOWN
        if found is None:
            return Trace.UNKNOWN
        return Trace.SENT if found else Trace.NOTHING

    def arrived(self, message_id: str) -> list[tuple[str, str]] | None:
        """The headers of a mail in the inbox or among spam; see ``outreach.self_test``."""
        deadline = Deadline()
        try:
            for label in ("INBOX", "SPAM"):
                found = self._ids(message_id, label=label, deadline=deadline)
                if found is None:
                    raise TransportError(Outcome(Result.REFUSED, "unreadable",
                                                 "The mailbox cannot be read."))  # fmt: skip
                if found:
                    return _headers(self.client.headers_of(found[0], deadline=deadline))
        except (NoAnswerError, TokenTroubleError) as exc:
            raise TransportError(without_answer(exc)) from None
        return None

    def close(self) -> None:
        self.client.close()

    def _ids(self, message_id: str, *, label: str, deadline: Deadline) -> list[str] | None:
        answer = self.client.with_message_id(message_id, label=label, deadline=deadline)
        rows = answer.json.get("messages", [])  # missing where nothing is found
        if answer.status != 200 or not isinstance(rows, list) or not answer.json:
            return None
        return [str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")]


def _headers(answer: Answer) -> list[tuple[str, str]] | None:
    payload = answer.json.get("payload")
    given = payload.get("headers") if isinstance(payload, dict) else None
    if answer.status != 200 or not isinstance(given, list):
        return None
    return [(str(each.get("name")), str(each.get("value"))) for each in given
            if isinstance(each, dict)]  # fmt: skip


def _outcome(answer: Answer) -> Outcome:
    wait = seconds_of(answer.headers.get("Retry-After"), now=datetime.now(UTC))
    if answer.status == 200:
        return Outcome(Result.ACCEPTED, retry_after=wait,
                       reference=str(answer.json.get("id", ""))[:100])  # fmt: skip
    reason = _reason(answer)
    if answer.status not in CERTAIN or reason in OF_RATES:
        return Outcome(
            Result.UNCLEAR, reason, f"Google answered {answer.status} ({reason}), which does not"
            " say whether it took the mail.", retry_after=wait,
        )  # fmt: skip
    fault = Fault.MAILBOX if answer.status in {401, 403} else Fault.MESSAGE
    return Outcome(Result.REFUSED, reason, _sentence(answer.status, reason), fault, wait)


def _sentence(status: int, reason: str) -> str:
    match status:
        case 401:
            return "Google no longer accepts this mailbox's sign-in. Sign in again."
        case 403:
            return f"Google does not let this mailbox send ({reason}). Sign in again and consent."
        case 413:
            return "The mail is too large for Google."
    return f"Google refused the mail ({status} {reason})."


def _reason(answer: Answer) -> str:
    error: Any = answer.json.get("error")
    errors = error.get("errors") if isinstance(error, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    reason = first.get("reason") if isinstance(first, dict) else None
    is_word = isinstance(reason, str) and reason.isascii() and reason.isalnum()
    return str(reason)[:40] if is_word else str(answer.status)
