"""What a crawl is allowed to do, and what it brings home: policy, pages, skips, outcome.

Plain values without network, database or parser behind them, so that extraction, snapshots and
replay can be built on them and tested without a crawl.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from enrichment.web.parse import Document
    from enrichment.web.walls import Wall

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309 section 2.5: at least 500 KiB must be read


class Reason(StrEnum):
    """Why an address was not fetched, or not kept. Codes are stored; sentences are shown."""

    # the address itself
    BAD_URL = "BAD_URL"
    SCHEME = "SCHEME"
    USER_INFO = "USER_INFO"
    PORT = "PORT"
    LOCAL_NAME = "LOCAL_NAME"
    PRIVATE_ADDRESS = "PRIVATE_ADDRESS"
    # the way there
    NO_ADDRESS = "NO_ADDRESS"
    CONNECT_FAILED = "CONNECT_FAILED"
    TLS_FAILED = "TLS_FAILED"
    TIMEOUT = "TIMEOUT"
    BAD_RESPONSE = "BAD_RESPONSE"
    # the answer
    HEADERS_TOO_BIG = "HEADERS_TOO_BIG"
    NOT_A_PAGE = "NOT_A_PAGE"
    BAD_ENCODING = "BAD_ENCODING"
    BOMB = "BOMB"
    TOO_COMPLEX = "TOO_COMPLEX"
    HTTP_STATUS = "HTTP_STATUS"
    RATE_LIMITED = "RATE_LIMITED"
    WALL = "WALL"
    # the rules
    ROBOTS = "ROBOTS"
    ROBOTS_UNREACHABLE = "ROBOTS_UNREACHABLE"
    NOINDEX = "NOINDEX"
    REDIRECT_LOOP = "REDIRECT_LOOP"
    OTHER_SITE = "OTHER_SITE"
    DUPLICATE = "DUPLICATE"
    HOST_BUSY = "HOST_BUSY"
    PAGE_CAP = "PAGE_CAP"
    SITE_TIME = "SITE_TIME"


#: Nothing was said over HTTP: the next way to the same site (http, www) may be tried.
UNREACHED = frozenset({Reason.NO_ADDRESS, Reason.CONNECT_FAILED, Reason.TLS_FAILED})
#: Asking again on another night may help.
RETRYABLE = frozenset(
    {
        Reason.NO_ADDRESS,
        Reason.CONNECT_FAILED,
        Reason.TIMEOUT,
        Reason.RATE_LIMITED,
        Reason.ROBOTS_UNREACHABLE,
        Reason.HOST_BUSY,
        Reason.SITE_TIME,
    }
)


class NotFetchedError(Exception):
    """An address was refused or did not give a usable answer; ``sentence`` is for the operator."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence

    def __reduce__(self) -> tuple[type[NotFetchedError], tuple[Reason, str]]:
        return type(self), (self.reason, self.sentence)


class Hop(NamedTuple):
    """One redirect on the way to a page."""

    url: str
    status: int


@dataclass(frozen=True)
class FetchedPage:
    """One answer of a web server, as it was on the wire but for transfer and content coding."""

    url: str  # asked for
    final_url: str  # after redirects; equal to ``url`` without any
    status: int
    headers: Mapping[str, str]  # names in lower case, repeated ones joined with ", "
    body: bytes
    is_cut: bool  # the body is longer than the cap, or ended before its announced length
    fetched_at: datetime
    over_tls: bool  # the last hop's certificate was checked and good
    hops: tuple[Hop, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """Hash of the body, the name a snapshot is stored under."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


@dataclass(frozen=True)
class CrawlPolicy:
    """Limits of one crawl. Sizes in bytes, times in seconds.

    ``user_agent`` begins with the product token robots.txt files name, and carries a contact
    address. ``proxy`` is an http:// URL all fetches leave through. ``allow_private``
    lists (host, port) pairs, written as in the URL, that the guard against inside addresses lets
    pass; the sandbox and tests need it, production leaves it empty.
    """

    user_agent: str
    max_pages: int = 6
    delay_seconds: float = 1.0
    max_body_bytes: int = MAX_BODY_BYTES
    max_redirects: int = 5
    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 20.0
    site_seconds: float = 60.0
    max_site_bytes: int = (
        4 * MAX_BODY_BYTES
    )  # of all pages; parsed, they take about five times that
    max_tags: int = 60_000  # per page, half as much again per site; each costs about 500 bytes
    proxy: str | None = None
    allow_private: frozenset[tuple[str, int]] = frozenset()
    region: str = "SG"

    def __post_init__(self) -> None:
        if self.max_pages < 1:
            raise ValueError(f"CRAWL_MAX_PAGES must be at least 1, not {self.max_pages}")
        if not self.product_token:
            raise ValueError(
                f"CRAWL_USER_AGENT must begin with a name in letters, not {self.user_agent!r}"
            )
        if self.proxy is not None and not self.proxy.lower().startswith("http://"):
            raise ValueError(f"CRAWL_PROXY must be an http:// URL, not {self.proxy!r}")

    @cached_property
    def product_token(self) -> str:
        """The name robots.txt groups are matched with (RFC 9309 section 2.2.1)."""
        name = self.user_agent.split("/", 1)[0].strip()
        kept = [char for char in name if char.isascii() and (char.isalpha() or char in "_-")]
        return "".join(kept)


class Skipped(NamedTuple):
    """An address that gave no page, and why."""

    url: str
    reason: Reason
    sentence: str


@dataclass(frozen=True)
class CrawledPage:
    """A page that was kept, parsed once."""

    fetched: FetchedPage
    document: Document
    role: str  # "home", "contact", "about", ... see choose.ROLES
    tdm_reserved: bool = False  # the publisher reserves text and data mining (TDMRep)


class Outcome(StrEnum):
    """How a crawl ended."""

    OK = "OK"  # at least one page was kept
    WALL = "WALL"  # the first page is a CAPTCHA, log-in or bot wall: an operator's turn
    ROBOTS = "ROBOTS"  # the site does not want us
    RATE_LIMITED = "RATE_LIMITED"  # 429 or 503 before anything was read
    UNREACHABLE = "UNREACHABLE"  # no name, no connection, no valid answer
    REFUSED = "REFUSED"  # we do not ask such an address
    EMPTY = "EMPTY"  # it answers, but with nothing a reader could use


@dataclass(frozen=True)
class CrawlResult:
    """What one crawl of one site brought home."""

    site: str
    home_url: str  # where the home page was in the end; "" without one
    pages: tuple[CrawledPage, ...]
    skipped: tuple[Skipped, ...]
    outcome: Outcome
    sentence: str  # one sentence for the operator; "" when the outcome is OK
    requests: int  # HTTP requests sent, robots.txt included
    seconds: float
    retryable: bool = False
    retry_after: float | None = None  # seconds the site asked us to stay away
    walls: tuple[tuple[str, Wall], ...] = field(default=())

    @property
    def wall(self) -> Wall | None:
        """The wall an operator should look at first."""
        return self.walls[0][1] if self.walls else None

    @property
    def over_tls(self) -> bool:
        """Every kept page came over a checked certificate."""
        return bool(self.pages) and all(page.fetched.over_tls for page in self.pages)
