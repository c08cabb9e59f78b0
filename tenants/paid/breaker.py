"""Stop asking a vendor that does not answer: a circuit breaker per account, for all processes.

Five failures in a row open it for half a minute; then one caller at a time tries. Each further
failure doubles the pause up to ten minutes; an answer closes it. A vendor that says when to come
again (429) is not asked before, by anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tenants.context import connection

FAILURES_TO_OPEN = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
LONGEST_HOLD = timedelta(hours=1)  # whatever a vendor says
TRIAL = timedelta(seconds=90)  # above the longest time-out of a client

_LOOK = """
SELECT failures, last_error, open_until - clock_timestamp(), not_before - clock_timestamp()
FROM tenants_circuitbreaker WHERE lane = %(lane)s
"""
_TRY = """
UPDATE tenants_circuitbreaker SET open_until = clock_timestamp() + %(trial)s
WHERE lane = %(lane)s AND failures >= %(most)s AND open_until <= clock_timestamp()
"""
_FAIL = """
INSERT INTO tenants_circuitbreaker AS b (lane, failures, open_until, last_error, changed_at)
VALUES (%(lane)s, 1, NULL, %(error)s, clock_timestamp())
ON CONFLICT (lane) DO UPDATE SET
  failures = b.failures + 1, last_error = excluded.last_error, changed_at = clock_timestamp(),
  open_until = CASE WHEN b.failures + 1 >= %(most)s THEN clock_timestamp()
    + least(%(first)s * power(2, least(b.failures + 1 - %(most)s, 20)), %(longest)s) END
"""
_HOLD = """
INSERT INTO tenants_circuitbreaker AS b (lane, failures, last_error, not_before, changed_at)
VALUES (%(lane)s, 0, %(error)s, clock_timestamp() + %(pause)s, clock_timestamp())
ON CONFLICT (lane) DO UPDATE SET
  not_before = greatest(b.not_before, excluded.not_before), last_error = excluded.last_error,
  failures = 0, open_until = NULL, changed_at = clock_timestamp()
"""
_CLOSE = """
UPDATE tenants_circuitbreaker
SET failures = 0, open_until = NULL, last_error = '', changed_at = clock_timestamp()
WHERE lane = %(lane)s AND failures > 0
"""


@dataclass(frozen=True, slots=True)
class State:
    """Of a vendor's account, as far as failures go."""

    failures: int = 0
    error: str = ""  # the last
    shut_for: timedelta = timedelta(0)  # until the next trial; 0: may be asked
    held_for: timedelta = timedelta(0)  # as the vendor wished

    @property
    def is_tripped(self) -> bool:
        """Nobody asks without taking the trial."""
        return self.failures >= FAILURES_TO_OPEN


def look(account: str) -> State:
    """The account's state; changes nothing. As the platform."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, {"lane": account})
        found = cursor.fetchone()
    if found is None:
        return State()
    failures, error, shut_for, held_for = found
    nothing = timedelta(0)
    tripped = failures >= FAILURES_TO_OPEN
    return State(
        failures,
        error,
        max(shut_for or nothing, nothing) if tripped else nothing,
        max(held_for or nothing, nothing),
    )


def take_trial(account: str, *, wait: timedelta) -> bool:
    """Whether the caller has the one trial call, which begins after ``wait``.

    Inside the transaction that reserves the call, so that one that is refused takes no trial.
    """
    values = {"lane": account, "most": FAILURES_TO_OPEN, "trial": TRIAL + wait}
    with connection.cursor() as cursor:
        cursor.execute(_TRY, values)
        return cursor.rowcount == 1


def failed(account: str, *, error: str) -> None:
    """Count a failure that speaks of the vendor, not of the one request."""
    with connection.cursor() as cursor:
        cursor.execute(_FAIL, {"lane": account, "error": error[:300], "most": FAILURES_TO_OPEN,
                               "first": FIRST_PAUSE, "longest": LONGEST_PAUSE})  # fmt: skip


def hold(account: str, *, seconds: float, error: str) -> None:
    """The vendor answered that it wants to be left alone for ``seconds``."""
    pause = min(timedelta(seconds=seconds), LONGEST_HOLD)
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"lane": account, "error": error[:300], "pause": pause})


def answered(account: str) -> None:
    """The vendor answered: close the breaker, if it was counting."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, {"lane": account})
