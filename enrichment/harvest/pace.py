"""How often a source is asked: its daily cap and its gap, held by all processes together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from django.db.models import F, Q

from enrichment.harvest.reading import NotNowError
from enrichment.harvest_models import HarvestSource
from enrichment.web.gate import HostGate
from enrichment.web.pages import NotFetchedError
from enrichment.web.politeness import DatabaseGate
from tenants.clock import database_now

LEASE = timedelta(seconds=120)  # above the longest exchange with a slow server, which is 95 s
TURN_SECONDS = 30.0


@cache
def _gate_of(_process: int) -> HostGate:
    """The turns at hosts; its connection must not cross a fork."""
    return DatabaseGate(lease=LEASE)


@dataclass(frozen=True, slots=True)
class Pace:
    """The manners of one source: ``min_interval_s`` and ``daily_cap`` of its row."""

    source: HarvestSource

    @property
    def gate(self) -> HostGate:
        """The gate shared with the crawls of all tenants."""
        return _gate_of(os.getpid())

    def spend(self, *, requests: int = 1, now: datetime | None = None) -> None:
        """Count requests that are about to be sent; raises ``NotNowError`` above the daily cap.

        By the database's clock and in one row, so that the cap holds however many ask. The day is
        that of UTC. Two statements.
        """
        now = now or database_now()
        today = now.astimezone(UTC).date()
        mine = HarvestSource.objects.filter(pk=self.source.pk)
        mine.filter(Q(asked_on=None) | Q(asked_on__lt=today)).update(asked_on=today, asked_count=0)
        left = mine.filter(asked_count__lte=F("daily_cap") - requests)
        if not left.update(asked_count=F("asked_count") + requests):
            tomorrow = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
            raise NotNowError(
                f"{self.source.name} was asked {self.source.daily_cap:,} times today, the most"
                " allowed; it goes on at 00:00 UTC.",
                retry_after=(tomorrow - now).total_seconds(),
            )

    def note(self, requests: int) -> None:
        """Count requests that were sent already, such as for robots.txt."""
        if requests > 0:
            mine = HarvestSource.objects.filter(pk=self.source.pk)
            mine.update(asked_count=F("asked_count") + requests)

    @contextmanager
    def turn(self, host: str) -> Iterator[Callable[[float], None]]:
        """One request to ``host`` at a time, for all tenants; the gap begins at its end.

        What it gives makes the gap longer: for a host that asks to be left alone for some seconds.
        """
        try:
            self.gate.acquire(host, wait_seconds=TURN_SECONDS)
        except NotFetchedError as exc:
            raise NotNowError(f"{exc.sentence}.", retry_after=TURN_SECONDS) from exc
        gaps = [self.source.min_interval_s]
        try:
            yield gaps.append
        finally:
            self.gate.release(host, gap_seconds=max(gaps))
