"""The only door to paid vendors: reserve, wait for the turn, call, settle.

What a call may cost at most is booked and committed before it is made, so a worker killed in the
middle has paid, not lost, its units: the entry stays charged until ``reconcile`` learns
better. The door works as the platform, because a tenant's role can only read its ledger.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TypeVar

from tenants.context import current_schema, in_public
from tenants.outage import outlast
from tenants.paid.balances import local_day
from tenants.paid.credentials import VendorKey
from tenants.paid.reserve import Wish, check_open, reserve
from tenants.paid.settle import settle_call
from tenants.permits import NoPermitError, Permit, Purpose, RateLimitError, Vendor, VendorError
from tenants.stopping import is_stopping

__all__ = ["Purpose", "ask", "is_ready", "listen", "local_day", "permit", "ready"]

logger = logging.getLogger(__name__)
T = TypeVar("T")

PATIENCE = timedelta(seconds=75)  # a window of a minute, and the queue before it
PAUSES_SECONDS = (1.0, 4.0)  # before the second and the third try of one question
LONGEST_PAUSE_SECONDS = 60.0  # a vendor that asks for more is left for later
SLICE_SECONDS = 0.5  # how soon a waiting worker notices that it shall end
LOOK_AGAIN = timedelta(seconds=1)  # after a longer wait the vendor may have been switched off


@contextmanager
def permit(
    vendor: Vendor,
    *,
    units: int,
    purpose: Purpose,
    micros: int | None = None,
    lane: str = "",
    patience: timedelta = PATIENCE,
) -> Iterator[Permit]:
    """Reserve ``units`` for one call of the current tenant; settle when the block ends.

    ``units`` is the most the call can cost, in the vendor's own units; ``micros`` its price when it
    is not ``units`` times the unit's price. ``lane`` names a second rate limit of the vendor, e.g.
    its batch calls. Raises a ``NoPermitError`` before anything is asked: switched off or no key,
    vendor down, budget used up, turn too far off, worker to end. May sleep up to ``patience``.

    Must not stand inside a transaction. Costs two short ones. A ``VendorError`` that says the call
    was not charged refunds it; any other end without ``settle`` leaves it charged.
    """
    wish = Wish(current_schema(), vendor, units, micros, purpose, lane, patience)
    reserved = reserve(wish)
    began = time.monotonic()
    error: VendorError | None = None
    is_whole = False
    try:
        if reserved.wait:
            _wait_out(reserved.wait, wish)
            began = time.monotonic()
        yield reserved.permit
        is_whole = True
    except VendorError as exc:
        error = exc
        raise
    finally:
        reserved.permit.is_open = False
        took = round((time.monotonic() - began) * 1000)
        outlast(lambda: settle_call(reserved, error=error, is_whole=is_whole, milliseconds=took))


def ask(
    vendor: Vendor,
    question: Callable[[Permit], T],
    *,
    units: int,
    purpose: Purpose,
    micros: int | None = None,
    lane: str = "",
    tries: int = 3,
    patience: timedelta = PATIENCE,
) -> T:
    """``question``'s answer; passing errors are tried again, each time on a permit of its own.

    Raises the last ``VendorError``, or a ``NoPermitError`` as ``permit`` does.
    """
    for left in reversed(range(tries)):
        try:
            with permit(vendor, units=units, purpose=purpose, micros=micros, lane=lane,
                        patience=patience) as granted:  # fmt: skip
                return question(granted)
        except VendorError as exc:
            if not _wait_to_ask_again(exc, vendor=vendor, left=left, tries_made=tries - left):
                raise
    raise AssertionError("tries must be at least 1")


def listen(
    vendor: Vendor,
    question: Callable[[Permit], Generator[str, None, T]],
    *,
    units: int,
    purpose: Purpose,
    micros: int | None = None,
    lane: str = "",
    tries: int = 3,
    patience: timedelta = PATIENCE,
) -> Generator[str, None, T]:
    """As ``ask``, for an answer that comes in pieces: it is asked again only while none came.

    An empty piece says only that the vendor is silent. Who stops listening leaves the call charged
    as reserved, unless ``question`` settles it as it is closed.
    """
    for left in reversed(range(tries)):
        has_come = False
        try:
            with (
                permit(vendor, units=units, purpose=purpose, micros=micros, lane=lane,
                       patience=patience) as granted,
                closing(question(granted)) as pieces,
            ):  # fmt: skip
                while True:
                    try:
                        piece = next(pieces)
                    except StopIteration as end:
                        whole: T = end.value
                        return whole
                    has_come = has_come or bool(piece)
                    yield piece
        except VendorError as exc:
            if has_come or not _wait_to_ask_again(
                exc, vendor=vendor, left=left, tries_made=tries - left
            ):
                raise
    raise AssertionError("tries must be at least 1")


def ready(vendor: Vendor) -> VendorKey:
    """The key to ask ``vendor`` with, or why it cannot be asked at all now.

    Raises ``VendorOffError`` (switched off, stopped, no key) or ``VendorDownError``. Reserves
    nothing; three statements.
    """
    tenant = current_schema()
    with in_public():
        return check_open(tenant, vendor)


def is_ready(vendor: Vendor) -> bool:
    """Whether ``vendor`` could be asked now, budgets left aside."""
    try:
        ready(vendor)
    except NoPermitError:
        return False
    return True


def words_of(error: NoPermitError) -> str:
    """Why not, for people of the current tenant: logs have to name it, pages need not."""
    return str(error).removeprefix(f"{current_schema()}: ")


def sentence_of(error: NoPermitError) -> str:
    """The same as a sentence that stands by itself."""
    words = words_of(error)
    return words[0].upper() + words[1:]


def _wait_out(wait: timedelta, wish: Wish) -> None:
    """Sleep until the turn; raises a ``NoPermitError`` when the call may no longer be made then."""
    due = time.monotonic() + wait.total_seconds()
    while (left := due - time.monotonic()) > 0:
        if is_stopping():
            raise RateLimitError(
                f"{wish.tenant}: the worker ends before its turn at {wish.vendor.label}."
                f" {wish.purpose.name} is tried again later."
            )
        time.sleep(min(left, SLICE_SECONDS))
    if wait > LOOK_AGAIN:
        ready(wish.vendor)


def _wait_to_ask_again(error: VendorError, *, vendor: Vendor, left: int, tries_made: int) -> bool:
    """Wait as long as is wise after ``error``; False when it is not asked again."""
    pause = _pause(error, tries_made)
    if not left or not error.retryable or pause > LONGEST_PAUSE_SECONDS or is_stopping():
        return False
    logger.info("%s is asked again in %.0f s: %s", vendor.label, pause, error)
    time.sleep(pause)
    return True


def _pause(error: VendorError, tries_made: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return PAUSES_SECONDS[min(tries_made, len(PAUSES_SECONDS)) - 1]
