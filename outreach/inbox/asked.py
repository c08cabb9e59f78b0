"""What readers over HTTP share: one question within a deadline, and what refusals mean."""

from __future__ import annotations

from collections.abc import Callable

from outreach.clients.ask import Answer, NoAnswerError
from outreach.clients.token_trouble import TokenTroubleError
from outreach.inbox.interface import InboxError
from outreach.transports.retry_after import seconds_of
from tenants.clock import database_now

GONE = {404, 410}
BUSY = {429, 500, 502, 503, 504}
# A mail whose text could not be had (too big, or cut) counts as bigger than what is read of one.
TOO_BIG = 8 * 1024 * 1024 + 1


def ask(question: Callable[[], Answer], *, name: str) -> Answer | None:
    """The answer of ``name``; None when what was asked for is gone. Raises ``InboxError``."""
    try:
        answer = question()
    except TokenTroubleError as exc:
        raise InboxError(str(exc), lasts=exc.needs_sign_in, seconds=exc.retry_after or 0) from None
    except NoAnswerError as exc:
        raise InboxError(f"{name} did not answer while the inbox was read: {exc}") from None
    if answer.status == 200:
        return answer
    if answer.status in GONE:
        return None
    if answer.status in BUSY:
        wait = seconds_of(answer.headers.get("Retry-After"), now=database_now())
        raise InboxError(f"{name} is busy ({answer.status}).", seconds=wait or 0)
    if answer.status in {401, 403}:
        raise InboxError(
            f"{name} does not let this mailbox be read ({answer.status}). Sign in again and agree"
            " to reading.", lasts=True,
        )  # fmt: skip
    raise InboxError(f"{name} answered {answer.status} while the inbox was read.")


def or_none(question: Callable[[], Answer | None]) -> Answer | None:
    """As the question's answer, but None for a mail that is too big or whose answer is cut."""
    try:
        return question()
    except InboxError as exc:
        if exc.lasts or exc.seconds:
            raise
        return None


def head_of(headers: object, words: object) -> bytes:
    """A mail rebuilt from its headers and first words, where its text could not be had."""
    lines = [
        f"{each['name']}: {' '.join(str(each.get('value', '')).split())}"
        for each in (headers if isinstance(headers, list) else [])
        if isinstance(each, dict) and str(each.get("name", "")).replace("-", "").isalnum()
        and str(each["name"]).lower() not in {"content-type", "content-transfer-encoding"}
    ]  # fmt: skip
    said = words if isinstance(words, str) else ""
    return "\r\n".join([*lines, "Content-Type: text/plain; charset=utf-8", "", said]).encode()
