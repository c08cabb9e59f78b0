"""How much memory the pages in hand may take together, so that the worst sites take turns.

A parsed page weighs several times its bytes, and a crawl holds all its pages until they are read.
Eight sites of pages at every limit took 280 MB at once before, 140 since (``bench.memory``).
Ordinary pages are not counted, so ordinary sites never wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

LIMIT_BYTES: Final = 56 * 1024**2
ORDINARY_BYTES: Final = 2 * 1024**2  # a page of 250 kB with 5,000 tags
# Body, source and text of a page; element, text node and block of a tag. Measured.
PER_BYTE: Final = 4
PER_TAG: Final = 220


def weight(body: bytes, *, tags: int) -> int:
    """About how many bytes the page will take once it is parsed and read."""
    return PER_BYTE * len(body) + PER_TAG * tags


class Room:
    """Memory shared by the looks of one process. Threads may share it."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._changed = threading.Condition()
        self._held: dict[int, int] = {}  # number of a look -> bytes; the first came first
        self._numbers = count()
        self._here = threading.local()

    @contextmanager
    def look(self) -> Iterator[None]:
        """What the block takes in this thread is given back at its end."""
        self._here.number = number = next(self._numbers)
        try:
            yield
        finally:
            del self._here.number
            with self._changed:
                self._held.pop(number, None)
                self._changed.notify_all()

    def take(self, size: int) -> float:
        """Wait until ``size`` more bytes fit; seconds waited. Outside a look nothing is counted.

        The look that has held something for longest never waits: so it comes to its end, and all
        others after it.
        """
        number = getattr(self._here, "number", None)
        if number is None or size < ORDINARY_BYTES:
            return 0.0
        began = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(number, size))
            self._held[number] = self._held.get(number, 0) + size
        return time.monotonic() - began

    def _has_room(self, number: int, size: int) -> bool:
        is_first = not self._held or next(iter(self._held)) == number
        return is_first or sum(self._held.values()) + size <= self._limit_bytes


ROOM: Final = Room()
