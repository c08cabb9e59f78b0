"""What every way of reading a mailbox offers: mails since a cursor, and no trace of having read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

MOST_FETCHED = 512 * 1024  # bytes of a mail that are fetched where the provider lets one choose
SECONDS = 90.0  # of one reading, all told

Cursor = dict[str, Any]  # JSON; {} stands for "never read"


class InboxError(Exception):
    """The mailbox cannot be read now. ``lasts``: until somebody changes something."""

    def __init__(self, sentence: str, *, lasts: bool = False, seconds: float = 0) -> None:
        super().__init__(sentence)
        self.sentence, self.lasts, self.seconds = sentence, lasts, seconds


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that came in. ``cursor`` is where to go on once this one is taken in.

    ``size``: of the whole mail in bytes, where ``raw`` is but its beginning.
    """

    raw: bytes
    cursor: Cursor
    size: int | None = None


class Inbox(Protocol):
    """One mailbox, ready to be read by one process."""

    def arrivals(self, cursor: Cursor, *, since: datetime) -> Iterator[Arrival]:
        """Mails after ``cursor``, oldest first; from ``since`` on where the cursor says nothing.

        Nothing is marked as read, moved or deleted. Some may come a second time. Raises
        ``InboxError``, also between two mails. Ends by itself after ``SECONDS``.
        """
