"""How much one process carries at once: so much of one person, and never all of it of one tenant.

Who fills a server with runs or streams, from one account or from many, finds the last places kept
for tenants that hold few; see PROMISES E8.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

KEPT = 6  # one place in so many is kept
FEW = 2  # of the kept places, one in so many is what a tenant may hold and still take one


class CrowdedError(Exception):
    """This process carries as much as it may. The text is for the person."""

    retry_after_seconds = 2


class Places:
    """Of ``what``, such as streams: ``each`` for one person, ``every`` for all together."""

    def __init__(self, what: str, *, each: int, every: Callable[[], int]) -> None:
        self.what, self.each, self.every = what, each, every
        self._lock = threading.Lock()
        self._of_person: Counter[int] = Counter()
        self._of_tenant: Counter[str] = Counter()

    def take(self, person: int, tenant: str) -> None:
        """Raises ``CrowdedError``."""
        most = self.every()
        kept = most // KEPT
        with self._lock:
            total, theirs = self._of_tenant.total(), self._of_tenant[tenant]
            if self._of_person[person] >= self.each:
                raise CrowdedError(
                    f"You have {self.each} {self.what} open. Close one, or wait for one to end."
                )
            if total >= most:
                raise CrowdedError(
                    f"The server has as many {self.what} as it may. Try again in a moment."
                )
            if total >= most - kept and theirs >= kept // FEW:
                raise CrowdedError(
                    f"Your organisation has {theirs} {self.what} open, and the server's last places"
                    " are kept for others. Close one, or try again in a moment."
                )
            self._of_person[person] += 1
            self._of_tenant[tenant] += 1

    def held(self) -> int:
        """How many are taken, by all."""
        with self._lock:
            return self._of_tenant.total()

    def leave(self, person: int, tenant: str) -> None:
        with self._lock:
            self._of_person[person] -= 1
            self._of_tenant[tenant] -= 1

    def hold(self, person: int, tenant: str) -> Callable[[], None]:
        """As ``take``; returns what gives the place back, once however often it is called."""
        self.take(person, tenant)
        given_back = threading.Lock()

        def give_back() -> None:
            if given_back.acquire(blocking=False):  # which succeeds once
                self.leave(person, tenant)

        return give_back


class Stream:
    """The body of a streamed answer. Closing it, also unread, gives back what it holds."""

    def __init__(self, parts: Iterator[Any], *, closing: Callable[[], None]) -> None:
        self._parts = parts
        self._closing = closing

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._parts)

    def close(self) -> None:
        try:
            self._parts.close()  # type: ignore[attr-defined]  # a generator
        finally:
            self._closing()
