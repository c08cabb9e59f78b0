"""Ask a listing site for a page as every crawl does: guard, robots.txt, one at a time, with a gap.

Redirects are followed within the host only. A wall is for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from http import HTTPStatus
from typing import Final

from django.utils import timezone

from enrichment.harvest.list_shelf import Version
from enrichment.harvest.pace import Pace
from enrichment.harvest.reading import GoneError, NotNowError, SourceError, WalledError
from enrichment.site.in_flight import crawl_policy
from enrichment.web.ask import Asker
from enrichment.web.fetch import A_PAGE, Fetcher, How
from enrichment.web.pages import RETRYABLE, CrawlPolicy, FetchedPage, NotFetchedError, Reason
from enrichment.web.parse import Document, parse
from enrichment.web.redirects import location, retry_after, take_cookies
from enrichment.web.robots import RobotsCache, page_rules
from enrichment.web.walls import find_wall
from enrichment.web.web_address import Target, parse_url

LONGEST_NAME: Final = 300  # of a version
LARGEST_PICTURE: Final = 4 * 1024 * 1024
_A_PICTURE: Final = How(pages_only=False, max_bytes=LARGEST_PICTURE)
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
        return self._document(self._follow(url))

    def page_if_changed(self, url: str, known: Version) -> tuple[Document | None, Version]:
        """The page at ``url`` and its version; None while it is still the one of ``known``.

        As ``page`` otherwise.
        """
        answer = self._follow(url, how=How(headers=known.headers))
        if answer.status == HTTPStatus.NOT_MODIFIED and known.headers:
            return None, known
        return self._document(answer), _version_of(answer)

    def picture(self, url: str) -> bytes:
        """The bytes at ``url``, whole; whether they are a picture is not looked at.

        Asked for as pages are; a host of its own has its own robots.txt and its own turn. Raises as
        ``page``; ``GoneError`` for what has more than ``LARGEST_PICTURE`` bytes.
        """
        answer = self._follow(url, how=_A_PICTURE)
        self._refuse(answer)
        if answer.is_cut:
            raise GoneError(
                f"{answer.final_url} is cut off, or has more than {LARGEST_PICTURE:,} bytes.",
                code="too_large",
            )
        return answer.body

    def _document(self, answer: FetchedPage) -> Document:
        document = self._refuse(answer)
        if document.root is None:
            raise GoneError(f"{answer.final_url} is empty.", code="no_page")
        return document

    def _follow(self, url: str, *, how: How = A_PAGE) -> FetchedPage:
        try:
            return self._ask(parse_url(url), how=how)
        except NotFetchedError as exc:
            raise _as_ours(exc) from exc

    def _ask(self, target: Target, *, how: How) -> FetchedPage:
        asker = Asker(policy=self._policy, fetcher=self._fetcher, gate=self.pace.gate,
                      now=timezone.now, robots=_robots())  # fmt: skip
        host, cookies, spent = target.host, dict[str, str](), 0
        try:
            for _ in range(self._policy.max_redirects + 1):
                self.pace.spend()
                spent += 1
                answer = asker.ask(target, cookies=cookies, how=how)
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

    def _refuse(self, answer: FetchedPage) -> Document:
        """The answer, parsed, unless it is not for us. Walls first: they come with error codes."""
        document = parse(answer.body, answer.content_type, answer.final_url)
        wall = find_wall(document, status=answer.status, headers=answer.headers)
        url = answer.final_url
        if wall is not None:
            raise walled(url, make=wall.make)
        if answer.status in (404, 410):
            raise GoneError(f"{url} answered {answer.status}.", code="dead_link")
        if answer.status == 429 or answer.status >= 500:
            said = retry_after(answer, now=timezone.now())
            raise SourceError(
                f"{url} answered {answer.status}.", retry_after=max(said or AGAIN_SECONDS, 1.0)
            )
        if answer.status >= 300:
            raise GoneError(f"{url} answered {answer.status}.", code="refused")
        rules = page_rules(answer.headers, document.meta, agent=self._policy.product_token)
        if rules.noindex:
            raise GoneError(f"{url} asks not to be kept (noindex).", code="noindex")
        return document


def _version_of(answer: FetchedPage) -> Version:
    """What the server calls this version; names that cannot be sent back as they are, are none."""
    etag, modified = (answer.headers.get(name, "") for name in ("etag", "last-modified"))
    return Version(
        etag if etag.isascii() and etag.isprintable() and len(etag) <= LONGEST_NAME else "",
        modified if modified.isascii() and modified.isprintable() and len(modified) < 100 else "",
    )


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
