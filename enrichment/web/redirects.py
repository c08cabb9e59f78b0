"""Where an answer sends its reader: Location, meta refresh, Retry-After, and cookies on the way."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from enrichment.web.choose import key
from enrichment.web.fetch import REDIRECTS
from enrichment.web.pages import FetchedPage
from enrichment.web.web_address import Target, parse_url

if TYPE_CHECKING:
    from enrichment.web.parse import Document

MAX_RETRY_AFTER_SECONDS: Final = 3_600.0
MAX_REFRESH_SECONDS: Final = 5.0
MAX_COOKIES: Final = 10
MAX_COOKIE_CHARS: Final = 2_000
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_COOKIE_VALUE = re.compile(r"[\x21-\x7e]*")
_REFRESH = re.compile(
    r"\s*(\d{1,4})(?:\.\d*)?\s*[;,]\s*(?:url\s*=)?\s*['\"]?([^'\"]+)", re.IGNORECASE
)


def location(page: FetchedPage, *, base: Target) -> Target | None:
    """Where a redirect leads; ``None`` for an answer that is none, or names no place.

    Raises ``NotFetchedError`` for a place that is not fetched, like the URL parser.
    """
    place = page.headers.get("location", "")
    if page.status not in REDIRECTS or not place:
        return None
    # http.client hands headers over as latin-1; servers mean UTF-8.
    return parse_url(place.encode("latin-1", "replace").decode("utf-8", "replace"), base=base)


def refresh(document: Document, *, base: Target) -> Target | None:
    """Where a page's meta refresh leads within five seconds, if elsewhere."""
    found = _REFRESH.match(document.meta.get("refresh", ""))
    if found is None or float(found[1]) > MAX_REFRESH_SECONDS:
        return None
    target = parse_url(found[2], base=base)
    return None if key(target) == key(base) and target.scheme == base.scheme else target


def retry_after(page: FetchedPage, *, now: datetime) -> float | None:
    """Seconds the site asks us to stay away, at most an hour; ``None`` if it does not say."""
    return seconds_of(page.headers.get("retry-after", ""), now=now)


def seconds_of(said: str, *, now: datetime) -> float | None:
    """``Retry-After`` as seconds, at most an hour; ``None`` for what is neither number nor date."""
    said = said.strip()
    if not said:
        return None
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError, OverflowError):  # what email.utils raises on rubbish
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=now.tzinfo)
    return min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)


def take_cookies(page: FetchedPage, cookies: dict[str, str]) -> None:
    """Carry cookies along one chain of redirects on one host, for sites that test for them."""
    for line in page.headers.get("set-cookie", "").split(", "):
        name, equals, value = line.partition(";")[0].partition("=")
        name, value = name.strip(), value.strip()[:MAX_COOKIE_CHARS]
        if not equals or not _COOKIE_NAME.fullmatch(name) or not _COOKIE_VALUE.fullmatch(value):
            continue
        if name in cookies or len(cookies) < MAX_COOKIES:
            cookies[name] = value
