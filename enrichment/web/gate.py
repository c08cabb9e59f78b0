"""One request at a time per host, with a gap: the politeness every crawl passes through.

The gate for one process. The one shared by all processes through the database is
``enrichment.web.politeness``; both keep the same promise.
"""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from enrichment.web.pages import NotFetchedError, Reason

SWEEP_ABOVE_HOSTS: Final = 10_000


class HostGate(Protocol):
    """Lets one caller at a time ask a host, and not before its gap has passed."""

    def acquire(self, host: str, *, wait_seconds: float) -> None:
        """Wait for the turn; raise ``NotFetchedError`` (HOST_BUSY) if it cannot come in time.

        Every successful call is followed by exactly one ``release``.
        """

    def renew(self, host: str) -> bool:
        """Keep a turn that was taken a while ago; whether it is still the caller's."""

    def release(self, host: str, *, gap_seconds: float) -> None:
        """Give the turn back; the next one begins at the earliest ``gap_seconds`` from now."""


class InProcessGate:
    """The gate for the threads of one process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._not_before: dict[str, float] = {}

    def acquire(self, host: str, *, wait_seconds: float) -> None:
        give_up_at = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                now = time.monotonic()
                wait = self._not_before.get(host, now) - now
                if host not in self._busy and wait <= 0:
                    self._busy.add(host)
                    return
                if now + max(wait, 0) >= give_up_at:
                    raise host_busy(host, seconds=max(wait, 0))
                self._changed.wait(wait if wait > 0 else give_up_at - now)

    def renew(self, host: str) -> bool:
        return True  # nothing takes it away

    def release(self, host: str, *, gap_seconds: float) -> None:
        now = time.monotonic()
        with self._changed:
            self._busy.discard(host)
            self._not_before[host] = now + gap_seconds
            if len(self._not_before) > SWEEP_ABOVE_HOSTS:
                self._not_before = {h: at for h, at in self._not_before.items() if at > now}
            self._changed.notify_all()


def host_busy(host: str, *, seconds: float) -> NotFetchedError:
    """The error both gates raise: the host's turn comes too late for this crawl."""
    return NotFetchedError(
        Reason.HOST_BUSY,
        f"{host} may be asked again in {seconds:.0f} s at the earliest, too late for this crawl",
    )
