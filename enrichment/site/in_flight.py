"""Leads under way: looked at in threads, several at once, their claims renewed meanwhile."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Self

from django.conf import settings

from enrichment.site.look import FAILED, Crawl, Finding, Task, look_for_site
from enrichment.web.crawl import crawl_site
from enrichment.web.fetch import Fetcher
from enrichment.web.gate import HostGate
from enrichment.web.guard import read_exceptions
from enrichment.web.pages import CrawlPolicy, CrawlResult
from enrichment.web.politeness import DatabaseGate
from enrichment.web.robots import RobotsCache
from icp.models import Lead
from tenants.outage import LOST, outlast

logger = logging.getLogger(__name__)

_robots = RobotsCache()


@dataclass(frozen=True, slots=True)
class Landed:
    """A look that ended. Without ``finding`` nothing is known, and the lead must be looked at anew.

    ``is_suspect``: perhaps by the lead's own fault.
    """

    lead: Lead
    finding: Finding | None
    is_suspect: bool = False


class InFlight:
    """Looks at up to CRAWL_CONCURRENCY leads at once. Leaving the block waits for all of them.

    Threads know no tenant and no row; everything is written by whoever asks for ``landed``.
    """

    def __init__(self, *, crawl: Crawl | None, threshold: int, now: Callable[[], datetime]) -> None:
        self._own = None if crawl else _Crawler(now=now)
        self._crawl: Crawl = crawl or self._own  # type: ignore[assignment]
        self._threshold = threshold
        self._now = now
        self._pool = ThreadPoolExecutor(settings.CRAWL_CONCURRENCY, thread_name_prefix="crawl")
        self._leads: dict[Future[Finding], Lead] = {}
        self._renew_every = settings.LEASE_SECONDS / 3
        self._renew_at = time.monotonic() + self._renew_every

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        if self._own:
            self._own.close()

    def __len__(self) -> int:
        return len(self._leads)

    @property
    def room(self) -> int:
        """How many more can be looked at now."""
        return settings.CRAWL_CONCURRENCY - len(self._leads)

    def start(self, leads: Sequence[Lead], *, tasks: Sequence[Task]) -> None:
        """Begin to look at ``leads``, which this process has claimed."""
        for lead, task in zip(leads, tasks, strict=True):
            future = self._pool.submit(
                look_for_site, task, crawl=self._crawl, threshold=self._threshold
            )
            self._leads[future] = lead

    def landed(self) -> Iterator[Landed]:
        """Wait until a look ends, or a renewal is due; then all that have ended."""
        seconds = max(self._renew_at - time.monotonic(), 0)
        done, _ = wait(self._leads, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in done:
            yield _landed(self._leads.pop(future), future)

    def renew(self) -> bool:
        """Once in a third of a lease, begin the leases of all under way anew; whether it did."""
        if time.monotonic() < self._renew_at:
            return False
        self._renew_at = time.monotonic() + self._renew_every
        mine = Lead.objects.of_claims(self._leads.values())
        outlast(mine.hold_longer)
        return True


def _landed(lead: Lead, future: Future[Finding]) -> Landed:
    error = future.exception()
    if error is None:
        return Landed(lead, future.result())
    if isinstance(error, LOST):  # while it waited for its turn at the host
        return Landed(lead, None)
    logger.error("a look for a site broke off", exc_info=error)
    if isinstance(error, MemoryError):  # of all that are under way, who has eaten it?
        return Landed(lead, None, is_suspect=True)
    finding = Finding(
        FAILED,
        may_pass=True,
        code="INTERNAL",
        sentence=f"Reading it ended in an error of ours ({type(error).__name__}); see the log.",
    )
    return Landed(lead, finding)


def crawl_policy() -> CrawlPolicy:
    """The limits of a crawl as the settings have them."""
    return CrawlPolicy(
        user_agent=settings.CRAWL_USER_AGENT,
        max_pages=settings.CRAWL_MAX_PAGES,
        delay_seconds=float(settings.CRAWL_DELAY_SECONDS),
        proxy=settings.CRAWL_PROXY or None,
        allow_private=read_exceptions(settings.CRAWL_ALLOW_PRIVATE),
    )


@cache
def _gate_of(_process: int) -> HostGate:
    """The turn at each host, shared with all processes; its connection must not cross a fork."""
    return DatabaseGate()


class _Crawler:
    """``crawl_site`` with the settings' policy and connections kept for one batch."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._policy = crawl_policy()
        self._fetcher = Fetcher(self._policy)
        self._gate = _gate_of(os.getpid())
        self._now = now

    def __call__(self, site: str) -> CrawlResult:
        return crawl_site(
            site,
            policy=self._policy,
            fetcher=self._fetcher,
            gate=self._gate,
            now=self._now,
            robots=_robots,
        )

    def close(self) -> None:
        self._fetcher.close()
