"""Whose turn it is at a vendor: at most so many calls in any window, over all processes.

A sliding log of the turns given, kept in the lane's row: exact, where counters per minute let twice
the limit through at the turn of the minute. A limit changed meanwhile holds for the next turn.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tenants.context import connection
from tenants.paid.credentials import VendorKey
from tenants.permits import Vendor

# A call arrives a little after its turn, one more so than another. Without a margin two windows'
# worth could reach the vendor less than a window apart.
MARGIN = timedelta(milliseconds=500)
NEVER = timedelta(days=365)  # a limit of 0
LEAST_SHARE = 20  # of a short window: the margin is at most a twentieth of it

_MAKE = """
INSERT INTO tenants_ratelimit (lane, calls, seconds, recent) VALUES (%s, %s, %s, '{}')
ON CONFLICT (lane) DO NOTHING
"""
_LOCK = "SELECT calls, seconds, recent FROM tenants_ratelimit WHERE lane = %s FOR UPDATE"
_KEEP = "UPDATE tenants_ratelimit SET recent = %s WHERE lane = %s"


def account_of(vendor: Vendor, key: VendorKey) -> str:
    """What failures, readings and refusals belong to: the vendor's account behind a key."""
    return f"{vendor.value}/{key.fingerprint}"


def lane_of(vendor: Vendor, key: VendorKey, name: str = "") -> str:
    """What a rate limit belongs to: an account, but the language model's is everybody's."""
    lane = vendor.value if vendor is Vendor.LLM else account_of(vendor, key)
    return f"{lane}/{name}" if name else lane


def take_turn(
    lane: str,
    *,
    calls: int,
    seconds: int,
    patience: timedelta,
    after: timedelta = timedelta(0),
) -> tuple[timedelta, bool]:
    """How long to wait until the call may go, and whether the turn was taken.

    Takes none when it would come later than ``patience`` from now, and none before ``after``.
    ``calls`` in ``seconds`` hold for a lane nobody asked before; after that its row does. Times are
    the database's. Called as the platform, inside a transaction, which must be short: the lane is
    locked until its end.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [lane])
        found = cursor.fetchone()
        if found is None:
            cursor.execute(_MAKE, [lane, calls, seconds])
            cursor.execute(_LOCK, [lane])
            found = cursor.fetchone()
        limit, seconds, recent = found
        cursor.execute("SELECT clock_timestamp()")  # only now, with the lane locked
        (now,) = cursor.fetchone()
        window = timedelta(seconds=seconds)
        window += min(MARGIN, window / LEAST_SHARE)
        due = max(_next(recent, limit=limit, window=window, now=now), now + after)
        wait = due - now
        if wait > patience:
            return wait, False
        kept = [at for at in recent if at > now - window]
        cursor.execute(_KEEP, [sorted([*kept, due]), lane])
    return wait, True


def _next(recent: list[datetime], *, limit: int, window: timedelta, now: datetime) -> datetime:
    """The first moment at which fewer than ``limit`` turns lie within the ``window`` before it."""
    if limit == 0:
        return now + NEVER
    if len(recent) < limit:
        return now
    return max(now, sorted(recent)[-limit] + window)
