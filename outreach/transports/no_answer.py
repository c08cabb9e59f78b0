"""An attempt that got no answer at all: what that says of the mail."""

from __future__ import annotations

from outreach.clients.ask import NoAnswerError
from outreach.clients.token_trouble import TokenTroubleError
from outreach.transports.interface import Fault, Outcome, Result


def without_answer(exc: NoAnswerError | TokenTroubleError) -> Outcome:
    """No token, or a connection that never came about, means not sent; all else is unclear."""
    if isinstance(exc, TokenTroubleError):
        fault = Fault.MAILBOX if exc.needs_sign_in else Fault.PASSING
        return Outcome(Result.REFUSED, exc.code, str(exc), fault, retry_after=exc.retry_after)
    if exc.never_left:
        return Outcome(Result.REFUSED, "unreachable", str(exc), Fault.PASSING)
    return Outcome(Result.UNCLEAR, "no_answer", str(exc))
