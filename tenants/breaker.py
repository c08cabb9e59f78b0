"""Stop asking a vendor that does not answer: a circuit breaker per lane, shared by all processes.

Five failures in a row open it for half a minute; then one caller at a time tries. Each further
failure doubles the pause up to ten minutes; a success closes it.
"""

from __future__ import annotations

from datetime import timedelta

from tenants.context import connection

FAILURES_TO_OPEN = 5
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
TRIAL = timedelta(seconds=90)  # above the longest time-out of a client

_TRY = """
UPDATE tenants_circuitbreaker SET open_until = clock_timestamp() + %(trial)s
WHERE lane = %(lane)s AND failures >= %(most)s AND open_until <= clock_timestamp()
RETURNING 1
"""
_LOOK = """
SELECT extract(epoch FROM open_until - clock_timestamp()), last_error FROM tenants_circuitbreaker
WHERE lane = %(lane)s AND failures >= %(most)s
"""
_FAIL = """
INSERT INTO tenants_circuitbreaker AS b (lane, failures, open_until, last_error, changed_at)
VALUES (%(lane)s, 1, NULL, %(error)s, clock_timestamp())
ON CONFLICT (lane) DO UPDATE SET
  failures = b.failures + 1, last_error = excluded.last_error, changed_at = clock_timestamp(),
  open_until = CASE WHEN b.failures + 1 >= %(most)s THEN clock_timestamp()
    + least(%(first)s * power(2, least(b.failures + 1 - %(most)s, 20)), %(longest)s) END
"""
_CLOSE = """
UPDATE tenants_circuitbreaker
SET failures = 0, open_until = NULL, last_error = '', changed_at = clock_timestamp()
WHERE lane = %(lane)s AND failures > 0
"""


def may_ask(lane: str) -> tuple[timedelta, str]:
    """How long the lane stays closed to callers (0: ask), and the last error.

    When the pause is over, the first to ask gets the trial call and the others go on waiting. As
    the platform.
    """
    values = {"lane": lane, "most": FAILURES_TO_OPEN, "trial": TRIAL}
    with connection.cursor() as cursor:
        cursor.execute(_TRY, values)
        if cursor.fetchone():
            return timedelta(0), ""
        cursor.execute(_LOOK, values)
        found = cursor.fetchone()
    if found is None or found[0] is None:
        return timedelta(0), ""
    return timedelta(seconds=max(float(found[0]), 0.1)), found[1]


def failed(lane: str, *, error: str) -> None:
    """Count a failure that speaks of the vendor, not of the one request."""
    with connection.cursor() as cursor:
        cursor.execute(_FAIL, {"lane": lane, "error": error[:300], "most": FAILURES_TO_OPEN,
                               "first": FIRST_PAUSE, "longest": LONGEST_PAUSE})  # fmt: skip


def answered(lane: str) -> None:
    """The vendor answered: close the breaker, if it was counting."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, {"lane": lane})
