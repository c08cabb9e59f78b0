"""One crawl's turn at a host, kept from its first request there to its last.

Nobody else could ask the host in the gaps between anyway, but giving a turn back and taking it
again costs two round trips a page: at 6 pages a site a fifth of all work. A crawl holds one turn at
a time, so that two crawls never wait for each other.
"""

from __future__ import annotations

import time
from typing import Final

from enrichment.web.gate import HostGate, host_busy

#: A turn this old is renewed before the next request. With the longest exchange (20 s) it stays
#: below the lease of a turn (45 s).
RENEW_AFTER_SECONDS: Final = 20.0


class Turn:
    """The turn one crawl has. Not shared between threads."""

    def __init__(self, gate: HostGate) -> None:
        self._gate = gate
        self._host = ""
        self._renew_at = self._not_before = 0.0

    def take(self, host: str, *, wait_seconds: float) -> None:
        """Wait until ``host`` may be asked; HOST_BUSY if that is not within ``wait_seconds``."""
        if host == self._host:
            self._wait(host, wait_seconds=wait_seconds)
            if time.monotonic() < self._renew_at or self._gate.renew(host):
                self._begin(host)
                return
        self.give_back()
        self._gate.acquire(host, wait_seconds=wait_seconds)
        self._begin(host)

    def pause(self, *, gap_seconds: float) -> None:
        """The request is over: the next one to this host begins ``gap_seconds`` from now."""
        self._not_before = time.monotonic() + gap_seconds

    def give_back(self) -> None:
        """Let others ask, once the gap has passed. Does nothing without a turn."""
        if self._host:
            host, self._host = self._host, ""
            self._gate.release(host, gap_seconds=max(self._not_before - time.monotonic(), 0.0))

    def _begin(self, host: str) -> None:
        now = time.monotonic()
        if host != self._host or now >= self._renew_at:
            self._renew_at = now + RENEW_AFTER_SECONDS
        self._host = host

    def _wait(self, host: str, *, wait_seconds: float) -> None:
        wait = self._not_before - time.monotonic()
        if wait >= wait_seconds:
            raise host_busy(host, seconds=wait)
        if wait > 0:
            time.sleep(wait)
