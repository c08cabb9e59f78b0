"""Which telephone numbers may be called, by what the Do Not Call registers said of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.phone_models import DncResult

# PDPA s43 and its regulations: a look at the register holds for 21 days. As read in November 2026.
VALID_FOR = timedelta(days=21)
Register, Result = DncResult.Register, DncResult.Result


class Standing(StrEnum):
    """What is known of a number; only the first two may be called."""

    CLEAR = "not registered"
    BUSINESS = "a business's own line"
    LISTED = "registered: do not call"
    EXPIRED = "the look at the register is too old"
    UNCHECKED = "never looked up"


MAY_BE_CALLED = frozenset({Standing.CLEAR, Standing.BUSINESS})
_STANDINGS = {
    Result.CLEAR: Standing.CLEAR,
    Result.BUSINESS: Standing.BUSINESS,
    Result.LISTED: Standing.LISTED,
}


def standings(
    numbers: Iterable[str], *, now: datetime, register: DncResult.Register = Register.VOICE
) -> dict[str, Standing]:
    """What the newest result says of each of ``numbers`` (E.164). One statement.

    A result that has expired says nothing, whatever it was.
    """
    wanted = set(numbers)
    rows = DncResult.objects.filter(number__in=wanted, register=register, checked_at__lte=now)
    newest = rows.order_by("number", "-checked_at", "-pk").distinct("number")
    found = dict.fromkeys(wanted, Standing.UNCHECKED)
    for row in newest:
        is_old = row.expires_at is not None and row.expires_at <= now
        found[row.number] = Standing.EXPIRED if is_old else _STANDINGS[Result(row.result)]
    return found
