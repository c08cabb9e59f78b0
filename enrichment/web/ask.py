"""Ask a host for a page as it wants to be asked: robots.txt before, one at a time, with a gap."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

from enrichment.web.fetch import A_PAGE, Fetcher, How
from enrichment.web.gate import HostGate
from enrichment.web.pages import (
    MAX_ROBOTS_BYTES,
    UNREACHED,
    CrawlPolicy,
    FetchedPage,
    NotFetchedError,
    Reason,
)
from enrichment.web.redirects import location, retry_after
from enrichment.web.robots import ALLOW_ALL, RobotsCache, RobotsRules, deny_all, rules_for_status
from enrichment.web.turns import Turn
from enrichment.web.web_address import Target

_RULES: Final = How(pages_only=False, max_bytes=MAX_ROBOTS_BYTES)


class Asker:
    """All requests of one crawl. Counts them, and ends when the site's time is used up."""

    def __init__(
        self,
        *,
        policy: CrawlPolicy,
        fetcher: Fetcher,
        gate: HostGate,
        now: Callable[[], datetime],
        robots: RobotsCache,
    ) -> None:
        self._policy = policy
        self._fetcher = fetcher
        self._host_turn = Turn(gate)
        self._now = now
        self._robots = robots
        self._started = time.monotonic()
        self._refused: dict[str, RobotsRules] = {}  # origin -> rules that could not be had
        self._delays: dict[str, float] = {}  # host -> its Crawl-delay
        self._asked: Counter[str] = Counter()  # host -> requests, robots.txt not counted
        self.requests = 0
        self.retry_after: float | None = None  # as the site last said, in seconds

    def ask(
        self, target: Target, *, cookies: Mapping[str, str], how: How = A_PAGE
    ) -> FetchedPage:  # fmt: skip
        """Send one request for a page, after vetting, robots.txt, the page cap and the host's turn.

        Raises ``NotFetchedError``; SITE_TIME and HOST_BUSY mean that further asking is useless.
        """
        self._fetcher.vet(target)
        rules = self._rules(target)
        if rules.refusal is not None:
            raise NotFetchedError(rules.refusal, rules.sentence)
        if not rules.allows(target):
            raise NotFetchedError(Reason.ROBOTS, f"robots.txt forbids {target.url}")
        if not self.may_ask(target.host):
            raise NotFetchedError(
                Reason.PAGE_CAP,
                f"{target.host} was asked for {self._policy.max_pages} pages, the most allowed",
            )
        with self._turn(target.host):
            self._asked[target.host] += 1
            page = self._fetcher.fetch(
                target, now=self._now(), seconds=self._seconds_left(), cookies=cookies, how=how
            )
            self._note_retry_after(page)
        return page

    def may_ask(self, host: str) -> bool:
        """Is there a request left under this host's page cap?"""
        return self._asked[host] < self._policy.max_pages

    def close(self) -> None:
        """The crawl is over: others may ask its host."""
        self._host_turn.give_back()

    def excuse(self, seconds: float) -> None:
        """Time that passed by no fault of the site does not count."""
        self._started += seconds

    @property
    def seconds(self) -> float:
        """Since the crawl began."""
        return time.monotonic() - self._started

    def _rules(self, target: Target) -> RobotsRules:
        """The rules of an origin, fetched once; raises if nothing was reached at all."""
        origin = target.origin
        rules = self._refused.get(origin) or self._robots.get(origin, now=self._now())
        if rules is None:
            rules = self._fetch_rules(target)
            self._robots.put(origin, rules, now=self._now())
            if rules.refusal is not None:
                self._refused[origin] = rules
        self._delays[target.host] = max(self._delays.get(target.host, 0.0), rules.crawl_delay)
        return rules

    def _fetch_rules(self, origin: Target) -> RobotsRules:
        """robots.txt with its redirects; more than five count as no file (RFC 9309 2.3.1.2).

        The rules count for the origin first asked, and for the one that answered if it did so
        under its own /robots.txt.
        """
        target = replace(origin, path="/robots.txt")
        for hop in range(self._policy.max_redirects + 1):
            try:
                rules, following = self._ask_rules(target)
            except NotFetchedError as exc:
                is_first = hop == 0 and exc.reason in UNREACHED  # another way in may be tried
                if is_first or exc.reason in (Reason.SITE_TIME, Reason.HOST_BUSY):
                    raise
                return deny_all(f"robots.txt could not be read, so nothing is fetched: {exc}")
            if rules is not None:
                if hop and target.path == "/robots.txt":
                    self._robots.put(target.origin, rules, now=self._now())
                return rules
            assert following is not None  # noqa: S101 -- one of the two is always there
            target = following
        return ALLOW_ALL

    def _ask_rules(self, target: Target) -> tuple[RobotsRules | None, Target | None]:
        """One request: the rules it brought, or where it was redirected to."""
        with self._turn(target.host):
            page = self._fetcher.fetch(
                target,
                now=self._now(),
                how=_RULES,
                seconds=self._seconds_left(),
            )
            self._note_retry_after(page)
            following = location(page, base=target)
            if following is not None:
                return None, following
            rules = rules_for_status(
                page.status, page.body, host=target.host, agent=self._policy.product_token
            )
            # Before the turn ends: the gap after this very request is the site's own already.
            self._delays[target.host] = rules.crawl_delay
            return rules, None

    @contextmanager
    def _turn(self, host: str) -> Iterator[None]:
        """The host's turn. A try that reached nobody is no request and leaves no gap behind."""
        try:
            self._host_turn.take(host, wait_seconds=self._seconds_left())
        except NotFetchedError as exc:
            if self.requests and exc.reason is Reason.HOST_BUSY:
                raise self._out_of_time() from exc
            raise
        was_reached = True
        try:
            yield
        except NotFetchedError as exc:
            was_reached = exc.reason not in UNREACHED
            raise
        finally:
            self.requests += was_reached
            self._host_turn.pause(gap_seconds=self._gap(host) if was_reached else 0.0)

    def _gap(self, host: str) -> float:
        return max(self._policy.delay_seconds, self._delays.get(host, 0.0), self.retry_after or 0.0)

    def _note_retry_after(self, page: FetchedPage) -> None:
        if page.status in (429, 503):
            self.retry_after = retry_after(page, now=self._now())

    def _seconds_left(self) -> float:
        left = self._policy.site_seconds - self.seconds
        if left <= 0:
            raise self._out_of_time()
        return left

    def _out_of_time(self) -> NotFetchedError:
        return NotFetchedError(
            Reason.SITE_TIME,
            f"The {self._policy.site_seconds:.0f} s one site may take are used up",
        )
