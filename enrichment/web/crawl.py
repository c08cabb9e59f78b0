"""Crawl one company's site: robots.txt first, few pages, one at a time, never in a hurry."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Final

from enrichment.web.ask import Asker
from enrichment.web.choose import HOME, Choice, key
from enrichment.web.fetch import Fetcher
from enrichment.web.gate import HostGate
from enrichment.web.memory import ROOM, weight
from enrichment.web.pages import (
    RETRYABLE,
    UNREACHED,
    CrawledPage,
    CrawlPolicy,
    CrawlResult,
    FetchedPage,
    Hop,
    NotFetchedError,
    Outcome,
    Reason,
    Skipped,
)
from enrichment.web.parse import Document, parse
from enrichment.web.redirects import location, refresh, take_cookies
from enrichment.web.robots import PageRules, RobotsCache, page_rules
from enrichment.web.walls import Wall, find_wall
from enrichment.web.web_address import DEFAULT_PORTS, Target, parse_url, site_of

MAX_SKIPPED: Final = 60
#: Reading a page takes about ten times its length in memory for a moment; long ones take turns.
BIG_PAGE_BYTES: Final = 256 * 1024
_BIG_PAGES: Final = threading.BoundedSemaphore(2)
MAX_ROBOTS_REFUSALS: Final = 25  # links in a row that robots.txt forbids, before we take the hint
#: No wall comes with these, so nobody needs to read the text.
_PLAIN_FAILURES: Final = frozenset({400, 404, 410, 500, 502, 504})
#: A company's "site" that only points there has none of its own.
_PLATFORMS: Final = frozenset(
    (
        "facebook.com", "instagram.com", "linkedin.com", "twitter.com", "x.com", "youtube.com",
        "tiktok.com", "google.com", "carousell.sg", "shopee.sg", "lazada.sg", "linktr.ee",
        "wa.me", "whatsapp.com", "t.me", "telegram.me",
    )
)  # fmt: skip
_OUTCOMES: Final = {
    Reason.WALL: Outcome.WALL,
    Reason.ROBOTS: Outcome.ROBOTS,
    Reason.ROBOTS_UNREACHABLE: Outcome.ROBOTS,
    Reason.RATE_LIMITED: Outcome.RATE_LIMITED,
    Reason.HOST_BUSY: Outcome.RATE_LIMITED,
    **dict.fromkeys(
        (
            Reason.BAD_URL,
            Reason.SCHEME,
            Reason.USER_INFO,
            Reason.PORT,
            Reason.LOCAL_NAME,
            Reason.PRIVATE_ADDRESS,
        ),
        Outcome.REFUSED,
    ),
    **dict.fromkeys(
        (*UNREACHED, Reason.TIMEOUT, Reason.BAD_RESPONSE, Reason.SITE_TIME), Outcome.UNREACHABLE
    ),
}


def crawl_site(
    site: str,
    *,
    policy: CrawlPolicy,
    fetcher: Fetcher,
    gate: HostGate,
    now: Callable[[], datetime],
    robots: RobotsCache | None = None,
) -> CrawlResult:
    """Fetch and parse the pages of ``site`` (a host name or an address) that say most about it.

    https is tried first, then http, then the name with or without "www"; each page records
    whether it came over TLS. At most ``policy.max_pages`` requests go to a host besides robots.txt,
    redirects counted, and at most as many pages are kept; requests to one host keep the gap of
    ``max(delay_seconds, Crawl-delay)``, end to start. The whole takes at most
    ``policy.site_seconds``, waiting included. Never raises for anything a site does: what went
    wrong stands in the result. ``now`` gives the time pages are marked with (aware UTC).
    ``robots`` keeps rules for a day across crawls. A second run asks the site again.
    """
    asker = Asker(
        policy=policy, fetcher=fetcher, gate=gate, now=now, robots=robots or RobotsCache()
    )
    with closing(asker):
        return _Crawl(asker=asker, policy=policy).run(site)


class _StopError(Exception):
    """This host wants no more requests tonight, or the time is used up."""


class _Crawl:
    def __init__(self, *, asker: Asker, policy: CrawlPolicy) -> None:
        self._asker = asker
        self._policy = policy
        self._choice = Choice(site="")
        self._tags = 0
        self._bytes = 0
        self._seen_texts: set[str] = set()
        self._pages: list[CrawledPage] = []
        self._skipped: list[Skipped] = []
        self._walls: list[tuple[str, Wall]] = []

    def run(self, site: str) -> CrawlResult:
        try:
            self._enter(site)
            self._go_on()
        except _StopError:
            pass  # what stopped it is the last line of ``skipped``
        return self._result(site)

    def _enter(self, site: str) -> None:
        """Find the way in and read the home page."""
        try:
            entrances = _entrances(site)
        except NotFetchedError as exc:
            self._skip(site, exc)
            raise _StopError from exc
        nameless: set[str] = set()
        for target in entrances:
            if target.host in nameless:
                continue
            problem = self._visit(target, role=HOME)
            if problem is None or problem not in UNREACHED:
                return
            if problem is Reason.NO_ADDRESS:
                nameless.add(target.host)

    def _go_on(self) -> None:
        forbidden = 0
        while len(self._pages) < self._policy.max_pages and forbidden < MAX_ROBOTS_REFUSALS:
            candidate = self._choice.take()
            if candidate is None or not self._asker.may_ask(candidate.target.host):
                return
            problem = self._visit(candidate.target, role=candidate.role)
            forbidden = forbidden + 1 if problem is Reason.ROBOTS else 0

    def _visit(self, target: Target, *, role: str) -> Reason | None:
        """Fetch, parse and keep one page; the reason when that was not to be."""
        try:
            page, document = self._page(target, is_home=role == HOME and not self._pages)
            self._keep(page, document, role=role)
        except NotFetchedError as exc:
            self._skip(target.url, exc)
            if exc.reason in (Reason.RATE_LIMITED, Reason.SITE_TIME, Reason.HOST_BUSY):
                raise _StopError from exc
            return exc.reason
        return None

    def _page(self, target: Target, *, is_home: bool) -> tuple[FetchedPage, Document]:
        """The page at the end of all redirects, those in its markup included."""
        asked = target
        hops: list[Hop] = []
        cookies: dict[str, str] = {}
        visited: set[tuple[str, int]] = set()
        while True:
            self._refuse_foreign(target, is_home=is_home)
            if (target.url, len(cookies)) in visited or len(hops) > self._policy.max_redirects:
                raise NotFetchedError(
                    Reason.REDIRECT_LOOP, f"{asked.url} redirects {len(hops)} times without an end"
                )
            visited.add((target.url, len(cookies)))
            page = self._asker.ask(target, cookies=cookies)
            following = location(page, base=target)
            if following is None:
                document = self._read(page)
                following = refresh(document, base=target)
                if following is None:
                    return replace(page, url=asked.url, hops=tuple(hops)), document
            hops.append(Hop(target.url, page.status))
            if following.host == target.host:
                take_cookies(page, cookies)
            else:
                cookies.clear()
            target = following

    def _read(self, page: FetchedPage) -> Document:
        """Parse an answer, once; refuse it if it is a wall, an error, or too much to parse."""
        if page.status in _PLAIN_FAILURES:
            raise NotFetchedError(Reason.HTTP_STATUS, f"{page.final_url} answered {page.status}")
        tags = page.body.count(b"<")
        self._tags += tags
        if tags > self._policy.max_tags or self._tags > 1.5 * self._policy.max_tags:
            raise NotFetchedError(
                Reason.TOO_COMPLEX, f"{page.final_url} has {tags:,} tags, more than are read"
            )
        self._bytes += len(page.body)
        if self._bytes > self._policy.max_site_bytes:
            raise NotFetchedError(
                Reason.TOO_COMPLEX, f"{page.final_url}: the site's pages are too long to be kept"
            )
        self._asker.excuse(ROOM.take(weight(page.body, tags=tags)))
        with _BIG_PAGES if len(page.body) > BIG_PAGE_BYTES else nullcontext():
            document = parse(page.body, page.content_type, page.final_url)
            self._refuse_answer(page, document)
        return document

    def _refuse_foreign(self, target: Target, *, is_home: bool) -> None:
        """Only a home page may move to another domain: companies do that, with all they have."""
        site = site_of(target.host)
        if is_home and site not in _PLATFORMS:
            return
        if site != self._choice.site:
            raise NotFetchedError(Reason.OTHER_SITE, f"{target.url} belongs to another site")

    def _refuse_answer(self, page: FetchedPage, document: Document) -> None:
        """Walls, refusals and errors; the wall first, because walls come with error codes."""
        wall = find_wall(document, status=page.status, headers=page.headers)
        if wall is not None:
            self._walls.append((page.final_url, wall))
            raise NotFetchedError(
                Reason.WALL, f"{page.final_url} is a {wall.kind} wall ({wall.make})"
            )
        if page.status < 300:
            return
        wait = self._asker.retry_after
        if page.status == 429 or (page.status == 503 and wait is not None):
            raise NotFetchedError(
                Reason.RATE_LIMITED,
                f"{page.final_url} answered {page.status}: it wants no more requests now",
            )
        raise NotFetchedError(Reason.HTTP_STATUS, f"{page.final_url} answered {page.status}")

    def _keep(self, page: FetchedPage, document: Document, *, role: str) -> None:
        rules = page_rules(page.headers, document.meta, agent=self._policy.product_token)
        is_first = not self._choice.site or (role == HOME and not self._pages)
        target = parse_url(page.final_url)
        if is_first:
            self._choice.start(target)
        self._choice.mark_seen(page.url)
        self._choice.mark_seen(page.final_url)
        self._refuse_copy(document, home=self._home_key())
        if not rules.nofollow:
            self._choice.add(document)
        self._refuse_unwanted(page, document, rules)
        if document.canonical:
            self._choice.mark_seen(document.canonical)
        self._choice.kept(role)
        self._pages.append(CrawledPage(page, document, role, tdm_reserved=rules.tdm_reserved))

    def _refuse_copy(self, document: Document, *, home: str) -> None:
        """The same bytes, the same words, or the same canonical address as a page we have.

        Not if the canonical address is the home page: many sites name it on all pages.
        """
        words = hashlib.sha256(document.text.encode("utf-8", "replace")).hexdigest()
        known = {words, document.sha256} & self._seen_texts
        self._seen_texts |= {words, document.sha256}
        if canonical := document.canonical:
            name = _key_of(canonical)
            own = _key_of(document.url)
            if name not in (home, own) and name in map(_key_of, self._urls_kept()):
                known.add(name)
        if known:
            raise NotFetchedError(Reason.DUPLICATE, f"{document.url} repeats a page already read")

    def _refuse_unwanted(self, page: FetchedPage, document: Document, rules: PageRules) -> None:
        if rules.noindex:
            raise NotFetchedError(Reason.NOINDEX, f"{page.final_url} asks not to be kept (noindex)")
        if document.root is None or not page.body.strip():
            raise NotFetchedError(Reason.NOT_A_PAGE, f"{page.final_url} is empty")

    def _urls_kept(self) -> list[str]:
        return [kept.fetched.final_url for kept in self._pages]

    def _home_key(self) -> str:
        return _key_of(self._pages[0].fetched.final_url) if self._pages else ""

    def _skip(self, url: str, exc: NotFetchedError) -> None:
        if len(self._skipped) < MAX_SKIPPED:
            self._skipped.append(Skipped(url, exc.reason, exc.sentence))

    def _result(self, site: str) -> CrawlResult:
        last = self._skipped[-1] if self._skipped else None
        if self._pages:
            outcome, sentence = Outcome.OK, ""
        elif last is None:
            outcome, sentence = Outcome.EMPTY, f"{site} has no page to read"
        else:
            outcome, sentence = _OUTCOMES.get(last.reason, Outcome.EMPTY), last.sentence
        is_limited = any(skip.reason is Reason.RATE_LIMITED for skip in self._skipped)
        return CrawlResult(
            site=site,
            home_url=self._pages[0].fetched.final_url if self._pages else "",
            pages=tuple(self._pages),
            skipped=tuple(self._skipped),
            outcome=outcome,
            sentence=sentence,
            requests=self._asker.requests,
            seconds=self._asker.seconds,
            retryable=is_limited or (not self._pages and last is not None and _may_help(last)),
            retry_after=self._asker.retry_after,
            walls=tuple(self._walls),
        )


def _may_help(last: Skipped) -> bool:
    is_server_error = last.reason is Reason.HTTP_STATUS and " answered 5" in last.sentence
    return last.reason in RETRYABLE or is_server_error


def _entrances(site: str) -> list[Target]:
    """The addresses a site may be entered by, in the order they are tried."""
    text = site.strip()
    given = parse_url(text if "://" in text else f"https://{text}")
    if given.port not in DEFAULT_PORTS.values():
        schemes = [given.scheme] if "://" in text else ["https", "http"]
        return [replace(given, scheme=scheme) for scheme in schemes]
    hosts = [given.host]
    if given.host.startswith("www."):
        hosts.append(given.host.removeprefix("www."))
    elif site_of(given.host) == given.host and not given.host[-1].isdigit():
        hosts.append(f"www.{given.host}")
    return [
        replace(given, scheme=scheme, host=host, port=port)
        for host in hosts
        for scheme, port in (("https", 443), ("http", 80))
    ]


def _key_of(url: str) -> str:
    try:
        return key(parse_url(url))
    except NotFetchedError:
        return url
