"""Whose turn it is at a vendor: at most so many calls in any window, over all processes.

A sliding log of the turns given, kept in the lane's row: exact, where counters per minute let twice
the limit through at the turn of the minute. A limit changed meanwhile holds for the next turn.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tenants.context import connection

_MAKE = """
INSERT INTO tenants_ratelimit (lane, calls, seconds, recent) VALUES (%s, %s, %s, '{}')
ON CONFLICT (lane) DO NOTHING
"""
_LOCK = "SELECT calls, seconds, recent, clock_timestamp() FROM tenants_ratelimit WHERE lane = %s"
_KEEP = "UPDATE tenants_ratelimit SET recent = %s WHERE lane = %s"


def take_turn(
    lane: str, *, calls: int, seconds: int, patience: timedelta
) -> tuple[timedelta, bool]:
    """How long to wait until the call may go, and whether the turn was taken.

    Takes none when it would come later than ``patience`` from now. ``calls`` in ``seconds`` hold
    for a lane nobody asked before; after that its row does. Times are the database's. Called as
    the platform, inside a transaction, which must be short: the lane is locked until its end.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, [lane, calls, seconds])
        cursor.execute(f"{_LOCK} FOR UPDATE", [lane])
        limit, window, recent, now = cursor.fetchone()
        due = _next(recent, limit=limit, window=timedelta(seconds=window), now=now)
        wait = due - now
        if wait > patience:
            return wait, False
        kept = [at for at in recent if at > now - timedelta(seconds=window)]
        cursor.execute(_KEEP, [[*kept, due], lane])
    return wait, True


def _next(recent: list[datetime], *, limit: int, window: timedelta, now: datetime) -> datetime:
    """The first moment at which fewer than ``limit`` turns lie within the ``window`` before it."""
    if limit == 0:
        return now + timedelta(days=365)
    if len(recent) < limit:
        return now
    return max(now, sorted(recent)[-limit] + window)
