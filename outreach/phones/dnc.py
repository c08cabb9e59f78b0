"""Which telephone numbers may be called, by what the Do Not Call registers said of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q

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
    WITHDRAWN = "the result was taken back"
    UNCHECKED = "never looked up"


MAY_BE_CALLED = frozenset({Standing.CLEAR, Standing.BUSINESS})
TO_LOOK_UP = frozenset({Standing.EXPIRED, Standing.WITHDRAWN, Standing.UNCHECKED})
_STANDINGS = {
    Result.CLEAR: Standing.CLEAR,
    Result.BUSINESS: Standing.BUSINESS,
    Result.LISTED: Standing.LISTED,
}


def standings(
    numbers: Iterable[str], *, now: datetime, register: DncResult.Register = Register.VOICE
) -> dict[str, Standing]:
    """What the newest result says of each of ``numbers`` (E.164). One statement.

    A result that has expired says nothing, whatever it was. One that was withdrawn opens no number,
    and a withdrawn "registered" does not open it again on the strength of an older look: an undone
    import may have been right about it.
    """
    wanted = set(numbers)
    rows = DncResult.objects.filter(number__in=wanted, register=register, checked_at__lte=now)
    rows = rows.alias(opened=Q(withdrawn_at__isnull=False) & ~Q(result=Result.LISTED))
    newest = rows.order_by("number", "opened", "-checked_at", "-pk").distinct("number")
    found = dict.fromkeys(wanted, Standing.UNCHECKED)
    for row in newest:
        found[row.number] = _standing(row, now=now)
    return found


def _standing(row: DncResult, *, now: datetime) -> Standing:
    if row.withdrawn_at is not None:
        return Standing.WITHDRAWN
    if row.expires_at is not None and row.expires_at <= now:
        return Standing.EXPIRED
    return _STANDINGS[Result(row.result)]
