"""Microsoft 365 through Graph: draft then send, which can be asked afterwards, or send only.

A draft's immutable id is that of the copy in Sent Items later, so after any doubt the provider is
asked about the very mail. What counts as a certain refusal: 400, 401, 403, 404 and 413, and a
connection that never came about. All else, 429 and 5xx included, has been seen with the mail
delivered (Microsoft Q&A 2286986, 5629476).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, TypeGuard
from uuid import UUID

from outreach.clients.ask import Answer, Deadline, NoAnswerError
from outreach.clients.microsoft import HEADERS, JSON, MIME, SELECTED, GraphClient
from outreach.clients.token_trouble import TokenTroubleError
from outreach.transports.interface import (
    Capabilities,
    Fault,
    OldDraft,
    Outcome,
    Result,
    Trace,
    TransportError,
)
from outreach.transports.no_answer import without_answer
from outreach.transports.retry_after import seconds_of
from outreach.wording.compose import KEY_HEADER

logger = logging.getLogger(__name__)

SOURCE = (
    "Exchange Online limits: 30 messages a minute, 10,000 recipients in 24 hours a mailbox"
    " (learn.microsoft.com, Exchange Online limits)"
)
DRAFT = Capabilities(
    drafts=True, can_be_asked=True, one_click="when shown", keeps_message_id=True,
    per_minute=30, per_day=10_000, source=SOURCE,
)  # fmt: skip
DIRECT = replace(DRAFT, drafts=False, can_be_asked=False, keeps_message_id=False)
LONGEST_ID = 300
KEY_LENGTH = 36
CERTAIN = {400, 401, 403, 404, 413}
OF_THE_MAILBOX = {401, 403}
NO_MAILBOX = {"MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI"}


def capabilities(*, drafts: bool, form: str = MIME) -> Capabilities:
    """JSON cannot carry ``List-Unsubscribe-Post``; whether MIME's arrives, a self-test shows."""
    found = DRAFT if drafts else DIRECT
    return replace(found, one_click="no") if form == JSON else found


@dataclass(frozen=True, slots=True)
class GraphTransport:
    """One mailbox. ``form``: how a mail is handed over, as MIME or JSON."""

    client: GraphClient
    capabilities: Capabilities
    form: str = MIME

    def draft(self, mail: EmailMessage, *, key: str) -> str:
        """As the interface says. In MIME two requests: the second makes the key searchable."""
        deadline = Deadline()
        try:
            answer = self.client.create_draft(mail, key=key, form=self.form, deadline=deadline)
        except (NoAnswerError, TokenTroubleError) as exc:
            raise TransportError(without_answer(exc)) from None
        found = answer.json.get("id")
        if answer.status != 201 or not _is_id(found):
            raise TransportError(_outcome(answer, done=201))
        if self.form == MIME:
            self._mark(found, mail, key=key, kept=answer.json.get("internetMessageId"),
                       deadline=deadline)  # fmt: skip
        return found

    def find_draft(self, *, key: str, message_id: str) -> str | None:
        deadline = Deadline()
        try:
            for search in self._searches(key, message_id, folder="drafts", deadline=deadline):
                found = search()
                if found is None:
                    raise TransportError(_unreadable())
                if found:
                    return str(found[0]["id"])
        except (NoAnswerError, TokenTroubleError) as exc:
            raise TransportError(without_answer(exc)) from None
        return None

    def send(self, mail: EmailMessage, *, draft_id: str) -> Outcome:
        deadline = Deadline()
        try:
            if self.capabilities.drafts:
                answer = self.client.send_draft(draft_id, deadline=deadline)
            else:
                key = str(mail["X-Leadgen-Key"] or "")
                answer = self.client.send_mail(mail, key=key, form=self.form, deadline=deadline)
        except (NoAnswerError, TokenTroubleError) as exc:
            return without_answer(exc)
        return _outcome(answer, done=202)

    def look(self, *, key: str, draft_id: str, message_id: str) -> Trace:
        if not self.capabilities.can_be_asked:
            return Trace.UNKNOWN
        deadline = Deadline()
        try:
            if draft_id:
                answer = self.client.message(draft_id, deadline=deadline)
                if answer.status != 404:
                    trace = _trace_of(answer)
                    if trace is not Trace.SENT:
                        return trace
                    # Sent for certain. Are there two of it?
                    again = self._search(key, message_id, deadline=deadline)
                    return again if again is Trace.TWICE else trace
            return self._search(key, message_id, deadline=deadline)
        except (NoAnswerError, TokenTroubleError):
            return Trace.UNKNOWN

    def arrived(self, message_id: str) -> list[tuple[str, str]] | None:
        """The headers of a mail in the inbox or among junk; see ``outreach.self_test``."""
        deadline = Deadline()
        try:
            for folder in ("inbox", "junkemail"):
                answer = self.client.with_message_id(
                    message_id, folder=folder, deadline=deadline, select=f"{SELECTED},{HEADERS}"
                )
                rows = _rows(answer)
                if rows is None:
                    raise TransportError(_outcome(answer, done=200))
                if rows:
                    return _headers_of(rows[0])
        except (NoAnswerError, TokenTroubleError) as exc:
            raise TransportError(without_answer(exc)) from None
        return None

    def old_drafts(self, *, since: datetime, before: datetime) -> list[OldDraft]:
        try:
            answer = self.client.drafts(since=since, before=before, deadline=Deadline())
        except (NoAnswerError, TokenTroubleError) as exc:
            raise TransportError(without_answer(exc)) from None
        rows = _rows(answer)
        if rows is None:
            raise TransportError(_outcome(answer, done=200))
        return [_old_draft(row) for row in rows if row.get("isDraft") is True]

    def delete_draft(self, draft_id: str) -> bool:
        try:
            answer = self.client.delete(draft_id, deadline=Deadline())
        except (NoAnswerError, TokenTroubleError) as exc:
            raise TransportError(without_answer(exc)) from None
        return answer.status in {204, 404}

    def close(self) -> None:
        self.client.close()

    def _search(self, key: str, message_id: str, *, deadline: Deadline) -> Trace:
        """What the whole mailbox knows by key and Message-ID: ids may have changed on sending."""
        draft_seen = False
        for search in self._searches(key, message_id, folder="", deadline=deadline):
            found = search()
            if found is None:
                return Trace.UNKNOWN
            if sent := [each for each in found if each.get("isDraft") is False]:
                return Trace.TWICE if len(sent) > 1 else Trace.SENT
            draft_seen = draft_seen or bool(found)
        return Trace.DRAFT if draft_seen else Trace.NOTHING

    def _searches(
        self, key: str, message_id: str, *, folder: str, deadline: Deadline
    ) -> list[Callable[[], list[dict[str, Any]] | None]]:
        by_key = lambda: _rows(self.client.with_key(key, folder=folder, deadline=deadline))  # noqa: E731 -- two of a kind
        by_message_id = lambda: _rows(  # noqa: E731 -- as above
            self.client.with_message_id(message_id, folder=folder, deadline=deadline)
        )
        return [by_key, by_message_id] if message_id else [by_key]

    def _mark(
        self, draft_id: str, mail: EmailMessage, *, key: str, kept: Any, deadline: Deadline
    ) -> None:
        """Best effort: the id is in hand, and key and Message-ID are nets beneath it."""
        message_id = str(mail["Message-ID"] or "")
        try:
            answer = self.client.mark_draft(
                draft_id, key=key, message_id="" if kept == message_id else message_id,
                deadline=deadline,
            )  # fmt: skip
        except (NoAnswerError, TokenTroubleError) as exc:
            logger.warning("a draft was not marked with its key: %s", exc)
            return
        if answer.status != 200:
            logger.warning("a draft was not marked with its key: %s", _code(answer))


def _is_id(value: Any) -> TypeGuard[str]:
    """Whether it can be an id: Exchange's have about 150 characters."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def _rows(answer: Answer) -> list[dict[str, Any]] | None:
    """The rows of a list; None when there is none."""
    rows = answer.json.get("value")
    if answer.status != 200 or not isinstance(rows, list):
        return None
    return [row for row in rows if isinstance(row, dict) and _is_id(row.get("id"))]


def _headers_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    given = row.get(HEADERS)
    return [(str(each.get("name")), str(each.get("value")))
            for each in (given if isinstance(given, list) else ())
            if isinstance(each, dict)]  # fmt: skip


def _old_draft(row: dict[str, Any]) -> OldDraft:
    """Ours say so in a header; where Exchange dropped that, the Message-ID is made of the key."""
    names = {name.lower(): value for name, value in _headers_of(row)}
    marked = names.get(KEY_HEADER.lower(), "")
    guessed = str(row.get("internetMessageId", "")).strip("<>").partition("@")[0]
    return OldDraft(str(row["id"]), _key(marked) or _key(guessed), is_marked=bool(_key(marked)))


def _key(text: str) -> str:
    """A message's key, as it is written in the database; empty for anything else."""
    try:
        return str(UUID(text)) if len(text) == KEY_LENGTH else ""
    except ValueError:
        return ""


def _trace_of(answer: Answer) -> Trace:
    match answer.status, answer.json.get("isDraft"):
        case 200, False:
            return Trace.SENT
        case 200, True:
            return Trace.DRAFT
    return Trace.UNKNOWN


def _outcome(answer: Answer, *, done: int) -> Outcome:
    """How an attempt ended that got an answer."""
    wait = seconds_of(answer.headers.get("Retry-After"), now=datetime.now(UTC))
    reference = answer.headers.get("request-id", "")[:100]
    if answer.status == done == 202:  # Retry-After or not: it is taken (msgraph-sdk-java#1487)
        return Outcome(Result.ACCEPTED, retry_after=wait, reference=reference)
    code = _code(answer)
    if answer.status not in CERTAIN:
        return Outcome(
            Result.UNCLEAR, code, f"Microsoft answered {answer.status} ({code}), which does not"
            " say whether it took the mail.", retry_after=wait, reference=reference,
        )  # fmt: skip
    of_mailbox = answer.status in OF_THE_MAILBOX or code in NO_MAILBOX
    return Outcome(
        Result.REFUSED, code, _sentence(answer.status, code),
        Fault.MAILBOX if of_mailbox else Fault.MESSAGE, retry_after=wait, reference=reference,
    )  # fmt: skip


def _sentence(status: int, code: str) -> str:
    match status, code:
        case 401, _:
            return "Microsoft no longer accepts this mailbox's sign-in. Sign in again."
        case 403, "ErrorSendAsDenied":
            return "Microsoft does not let this sign-in send from this address."
        case 403, _:
            return f"Microsoft does not let this mailbox send ({code}). Sign in again and consent."
        case 404, "MailboxNotEnabledForRESTAPI" | "MailboxNotSupportedForRESTAPI":
            return "This account has no mailbox at Exchange Online."
        case 404, _:
            return "Microsoft knows of no such draft: somebody deleted it before it was sent."
        case 413, _:
            return "The mail is too large for Microsoft."
        case _, "ErrorInvalidRecipients":
            return "Microsoft says the recipient's address is not valid."
    return f"Microsoft refused the mail ({status} {code})."


def _code(answer: Answer) -> str:
    error = answer.json.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    is_word = isinstance(code, str) and code.isascii() and code.replace("-", "").isalnum()
    return str(code)[:40] if is_word else str(answer.status)


def _unreadable() -> Outcome:
    return Outcome(Result.UNCLEAR, "unreadable", "Microsoft's list of drafts could not be read.")
