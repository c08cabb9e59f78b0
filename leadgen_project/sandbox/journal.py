"""What the made-up web was asked, and how politely."""

import time
from collections import Counter
from dataclasses import dataclass
from threading import Lock

TUNNEL = "CONNECT"


@dataclass(slots=True)
class Visit:
    """One request. Times are ``time.monotonic()``.

    ``gap`` is the pause since the answer before to the same host (``None`` for the first),
    ``in_flight`` how many requests the host was answering, this one included; both leave out
    refused CONNECTs, which reach no host. ``inward`` marks an attempt to reach an address
    inside: loopback, private, link-local or no name at all.
    """

    host: str
    path: str
    method: str
    agent: str
    started_at: float
    gap: float | None
    in_flight: int
    inward: bool = False
    status: int = 0
    ended_at: float | None = None


class Journal:
    """All visits in the order they began. Safe to read while the server runs."""

    def __init__(self) -> None:
        self._visits: list[Visit] = []
        self._last_end: dict[str, float] = {}
        self._in_flight: Counter[str] = Counter()
        self._lock = Lock()

    def begin(self, host: str, path: str, *, method: str, agent: str, inward: bool) -> Visit:
        with self._lock:
            now = time.monotonic()
            if method == TUNNEL:
                visit = Visit(host, path, method, agent, now, None, 0, inward)
            else:
                last = self._last_end.get(host)
                gap = None if last is None else now - last
                self._in_flight[host] += 1
                visit = Visit(host, path, method, agent, now, gap, self._in_flight[host], inward)
            self._visits.append(visit)
            return visit

    def end(self, visit: Visit, *, status: int) -> None:
        with self._lock:
            visit.status, visit.ended_at = status, time.monotonic()
            if visit.method == TUNNEL:
                return
            self._in_flight[visit.host] -= 1
            self._last_end[visit.host] = visit.ended_at

    def visits(self, host: str | None = None) -> list[Visit]:
        """Return the visits, all or those of one host (``www.`` counts as another host)."""
        return [visit for visit in tuple(self._visits) if host is None or visit.host == host]

    def paths(self, host: str) -> list[str]:
        """Return the paths asked of a host, in order."""
        return [visit.path for visit in self.visits(host) if visit.method != TUNNEL]

    def hosts(self) -> Counter[str]:
        """Return how many requests each host had."""
        return Counter(visit.host for visit in tuple(self._visits))

    def smallest_gap(self, host: str) -> float | None:
        """Return the shortest pause between two requests to a host, in seconds."""
        gaps = [visit.gap for visit in self.visits(host) if visit.gap is not None]
        return min(gaps, default=None)

    def most_in_flight(self, host: str) -> int:
        """Return how many requests a host had at once at most; polite is 1."""
        return max((visit.in_flight for visit in self.visits(host)), default=0)

    def inward(self) -> list[Visit]:
        """Return the attempts to be led inside; must be empty."""
        return [visit for visit in tuple(self._visits) if visit.inward]

    def clear(self) -> None:
        """Forget the visits; pauses are measured anew."""
        with self._lock:
            self._visits.clear()
            self._last_end.clear()
