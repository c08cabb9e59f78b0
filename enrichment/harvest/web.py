"""Ask a listing site for a page as every crawl does: guard, robots.txt, one at a time, with a gap.

Redirects are followed within the host only. A wall is for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from django.utils import timezone

from enrichment.ask import Asker
from enrichment.fetch import Fetcher
from enrichment.harvest.pace import Pace
from enrichment.harvest.reading import GoneError, NotNowError, SourceError, WalledError
from enrichment.in_flight import crawl_policy
from enrichment.pages import RETRYABLE, CrawlPolicy, FetchedPage, NotFetchedError, Reason
from enrichment.parse import Document, parse
from enrichment.redirects import location, take_cookies
from enrichment.robots import RobotsCache, page_rules
from enrichment.walls import find_wall
from enrichment.web_address import Target, parse_url

AGAIN_SECONDS: Final = 300.0
BUSY_SECONDS: Final = 30.0
_CODES: Final = {
    Reason.ROBOTS: "robots", Reason.NOINDEX: "noindex", Reason.OTHER_SITE: "other_host",
    Reason.NOT_A_PAGE: "no_page", Reason.REDIRECT_LOOP: "redirect_loop",
}  # fmt: skip


@cache
def _robots() -> RobotsCache:
    """Rules for a day, for all sources of this process."""
    return RobotsCache()


@dataclass(slots=True)
class Web:
    """Fetches for one source, at its pace. Connections are kept for as long as this lives."""

    pace: Pace
    _policy: CrawlPolicy = field(init=False)
    _fetcher: Fetcher = field(init=False)

    def __post_init__(self) -> None:
        gap = max(self.pace.source.min_interval_s, 0.0)
        self._policy = replace(crawl_policy(), delay_seconds=gap, max_pages=20)
        self._fetcher = Fetcher(self._policy)

    def page(self, url: str) -> Document:
        """The page at ``url``, parsed. Costs one request, and one for robots.txt a day.

        Raises ``GoneError`` (not there, or not for us), ``WalledError``, ``NotNowError``, or
        ``SourceError`` for trouble that may pass.
        """
        try:
            answer = self._follow(parse_url(url))
        except NotFetchedError as exc:
            raise _as_ours(exc) from exc
        document = parse(answer.body, answer.content_type, answer.final_url)
        self._refuse(answer, document)
        return document

    def _follow(self, target: Target) -> FetchedPage:
        asker = Asker(policy=self._policy, fetcher=self._fetcher, gate=self.pace.gate,
                      now=timezone.now, robots=_robots())  # fmt: skip
        host, cookies, spent = target.host, dict[str, str](), 0
        try:
            for _ in range(self._policy.max_redirects + 1):
                self.pace.spend()
                spent += 1
                answer = asker.ask(target, cookies=cookies)
                following = location(answer, base=target)
                if following is None:
                    return answer
                if following.host != host:
                    raise NotFetchedError(
                        Reason.OTHER_SITE, f"{target.url} leads to another host, {following.host}"
                    )
                take_cookies(answer, cookies)
                target = following
        finally:
            asker.close()
            self.pace.note(asker.requests - spent)
        raise NotFetchedError(Reason.REDIRECT_LOOP, f"{target.url} redirects without an end")

    def _refuse(self, answer: FetchedPage, document: Document) -> None:
        """Walls first, because they come with error codes."""
        wall = find_wall(document, status=answer.status, headers=answer.headers)
        url = answer.final_url
        if wall is not None:
            raise walled(url, make=wall.make)
        if answer.status in (404, 410):
            raise GoneError(f"{url} answered {answer.status}.", code="dead_link")
        if answer.status == 429 or answer.status >= 500:
            raise SourceError(f"{url} answered {answer.status}.", retry_after=AGAIN_SECONDS)
        if answer.status >= 300:
            raise GoneError(f"{url} answered {answer.status}.", code="refused")
        rules = page_rules(answer.headers, document.meta, agent=self._policy.product_token)
        if rules.noindex:
            raise GoneError(f"{url} asks not to be kept (noindex).", code="noindex")
        if document.root is None:
            raise GoneError(f"{url} is empty.", code="no_page")


def walled(url: str, *, make: str) -> WalledError:
    """The error for a page that asks for a person."""
    host = parse_url(url).host
    return WalledError(f"{url} asks for a person ({make}).", url=url, make=make, host=host)


def _as_ours(exc: NotFetchedError) -> SourceError:
    if exc.reason in (Reason.HOST_BUSY, Reason.SITE_TIME):
        return NotNowError(f"{exc.sentence}.", retry_after=BUSY_SECONDS)
    if exc.reason in RETRYABLE or exc.reason is Reason.BAD_RESPONSE:
        return SourceError(f"{exc.sentence}.", retry_after=AGAIN_SECONDS)
    return GoneError(f"{exc.sentence}.", code=_CODES.get(exc.reason, "not_fetched"))
