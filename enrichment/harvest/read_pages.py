"""A listing site by its selectors: the list page by page, then each entry's own page.

The list is followed within its host, at most ``max_pages`` of it, and never in a circle. An entry's
own address is its key, so it is read once however often it is met.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from lxml import etree

from enrichment.email_address import normal_email
from enrichment.extract import emails, phones
from enrichment.harvest.list_shelf import Listed, Version
from enrichment.harvest.reading import Cursor, Entry, Page, SourceError, Wish
from enrichment.harvest.record import Record
from enrichment.harvest.selectors import asks_for_a_person, list_url, place
from enrichment.harvest.web import walled
from enrichment.observation import storable
from enrichment.web.pages import NotFetchedError
from enrichment.web.parse import Document, absolute_url, parse
from enrichment.web.web_address import Target, parse_url

SOURCE: Final = "html"
RAW_CHARS: Final = 200_000
BODY_CHARS: Final = 20_000
MAX_PAGES: Final = 20
_ADDRESSES: Final = ("emails", "other_emails", "dpo_emails")


class Pages(Protocol):
    """What ``web.Web`` offers."""

    def page(self, url: str) -> Document: ...
    def page_if_changed(self, url: str, known: Version) -> tuple[Document | None, Version]: ...
    def picture(self, url: str) -> bytes: ...


class Shelf(Protocol):
    """What ``list_shelf.ListShelf`` offers."""

    def find(self, url: str) -> Listed | None: ...
    def keep(self, url: str, listed: Listed) -> None: ...


@dataclass(slots=True)
class PagesReader:
    """Reads one site by ``options`` (see ``selectors``)."""

    web: Pages
    shelf: Shelf
    options: Mapping[str, Any]
    licence: str
    attribution: str

    def read(self, wish: Wish, *, cursor: Cursor) -> Page:
        """The entries of one page of the list, and where the next one is. One request."""
        number = int(cursor.get("page", 1))
        url = cursor.get("url") or self._address(wish, number)
        listed = self._list(url)
        entries = listed.entries
        seen = [*cursor.get("seen", []), url]
        marks = _digest(entries)
        if not entries or marks == cursor.get("marks"):
            why = "has no entries" if not entries else "repeats the one before it"
            return Page(entries, None, f"Page {number} of the list {why}.", requests=1)
        following, why = self._next(listed, wish, number=number, seen=seen)
        if following is None:
            return Page(entries, None, why, requests=1)
        state = {"url": following, "page": number + 1, "seen": seen, "marks": marks}
        return Page(entries, state, requests=1)

    def detail(self, wish: Wish, *, entry: Entry) -> Entry:
        """The entry with what its own page says. One request."""
        document = self._passed(self.web.page(entry.url))
        record = record_of(document, self.options, entry=entry, wish=wish,
                           licence=self.licence, attribution=self.attribution)  # fmt: skip
        if record is None:
            return Entry(entry.key, entry.url, code="no_name", sentence="Its page shows no name.")
        return Entry(entry.key, entry.url, record)

    def picture(self, url: str) -> bytes:
        """The bytes of an entry's picture. One request."""
        return self.web.picture(url)

    def _list(self, url: str) -> Listed:
        """A page of the list; one that has not changed since it was last read is not sent again."""
        known = self.shelf.find(url)
        document, version = self.web.page_if_changed(url, known.version if known else Version())
        if document is None and known is not None:
            return known
        page = self._passed(cast(Document, document))  # None is what was known
        entries = tuple(entries_of(page, self.options))
        listed = Listed(entries, next_url(page, self.options), version)
        self.shelf.keep(url, listed)
        return listed

    def _passed(self, document: Document) -> Document:
        if asks_for_a_person(document, self.options):
            raise walled(document.url, make="CAPTCHA")
        return document

    def _address(self, wish: Wish, number: int) -> str:
        return list_url(self.options, city=wish.city, category=wish.category, page=number)

    def _next(
        self, listed: Listed, wish: Wish, *, number: int, seen: list[str]
    ) -> tuple[str | None, str]:
        most = int(self.options.get("max_pages", MAX_PAGES))
        following = self._address(wish, number + 1) if self.options.get("next") == "page" else (
            listed.following)  # fmt: skip
        if not following:
            return None, f"The list ends with page {number}."
        if following in seen:
            return None, f"Page {number} of the list leads back to one that was read."
        if number >= most:
            return None, f"{most} pages of the list were read, the most that are to be."
        if _host(following) != _host(seen[0]):
            return None, f"Page {number} of the list leads to another host."
        return following, ""


def entries_of(document: Document, options: Mapping[str, Any]) -> list[Entry]:
    """The entries of a list page by their own addresses, each once, in page order."""
    if document.root is None:
        return []
    link = place(options.get("item_link") or "a@href", attribute="href")
    found: dict[str, Entry] = {}
    for item in place(options["item"]).elements(document.root):
        for href in link.values(item)[:1]:
            target = _target(absolute_url(href, document.base))
            if target is None:
                continue
            key = target.url.partition("#")[0][:500]
            is_foreign = target.host != _host(document.url)
            why = f"It leads to another host, {target.host}." if is_foreign else ""
            found.setdefault(key, Entry(key, key, code="other_host" if why else "", sentence=why))
    return list(found.values())


def next_url(document: Document, options: Mapping[str, Any]) -> str:
    """Where the list goes on, by the selector; empty at its end."""
    text = options.get("next")
    if not text or text == "page" or document.root is None:
        return ""
    hrefs = place(text, attribute="href").values(document.root)
    target = _target(absolute_url(hrefs[0], document.base)) if hrefs else None
    return target.url.partition("#")[0] if target else ""


def record_of(
    document: Document, options: Mapping[str, Any], *, entry: Entry, wish: Wish,
    licence: str = "", attribution: str = "",
) -> Record | None:  # fmt: skip
    """What an entry's own page says by the selectors; None when it shows no name.

    With ``body_scan`` phones and addresses are also looked for in the body's text, as crawled
    pages are read: disguised and split ones too.
    """
    found = fields_of(document, options)
    if not found["title"]:
        return None
    body = part(document, options["detail"].get("body"))
    region = str(options.get("phone_region") or wish.country)
    written = [_bare(value) for value in found["email"]]
    in_body = body if options.get("body_scan") else None
    return Record(
        source=SOURCE, source_id=entry.key, source_url=entry.url, retrieved_at=wish.now,
        licence=licence, attribution=attribution, name=found["title"][0][:500],
        category=wish.category, phones=_unique([*map(_bare, found["phone"]),
                                                *_phones(in_body, region=region)]),
        emails=_unique([*(one for one in written if normal_email(one)),
                        *_emails(_split_ones(document, options, written)), *_emails(in_body)]),
        websites=_unique(_links(found["website"], document)),
        street=_first(found["street"]), postcode=_first(found["postcode"]), city=wish.city,
        country=wish.country, images=tuple(_links(found["image"], document)[:1]),
        opening_hours=_first(found["opening_hours"]), posted_at=_first(found["posted_at"]),
        body=body.text[:BODY_CHARS] if body else "", raw=storable(document.html[:RAW_CHARS]),
    )  # fmt: skip


def fields_of(document: Document, options: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What each selector of an entry's page finds; nothing for those that are not given."""
    chosen = options["detail"]
    implied = {"image": "src", "website": "href"}
    names = ("title", "posted_at", "phone", "email", "website", "image", "street", "postcode",
             "opening_hours", "body")  # fmt: skip
    return {
        name: place(chosen[name], attribute=implied.get(name, "")).values(document.root)
        if chosen.get(name) and document.root is not None else ()
        for name in names
    }  # fmt: skip


def part(document: Document, text: str | None) -> Document | None:
    """The part of a page that a selector names, as a page of its own; the whole without one."""
    if not text or document.root is None:
        return document
    elements = place(text).elements(document.root)
    if not elements:
        return None
    source = "".join(etree.tostring(one, encoding="unicode", with_tail=False) for one in elements)
    return parse(f"<!doctype html><body>{source}".encode(), "text/html; charset=utf-8",
                 document.url)  # fmt: skip


def _split_ones(
    document: Document, options: Mapping[str, Any], written: list[str]
) -> Document | None:
    """The place of the address when no address as it is stands there: split or disguised."""
    chosen = options["detail"].get("email")
    if not chosen or any(normal_email(one) for one in written):
        return None
    return part(document, place(chosen).css)


def _emails(document: Document | None) -> list[str]:
    found = emails.find([document]) if document else []
    return [seen.value for seen in found if seen.field in _ADDRESSES]


def _phones(document: Document | None, *, region: str) -> list[str]:
    found = phones.find([document], region=region) if document else []
    return [seen.value for seen in found if seen.field == "phones"]


def _bare(value: str) -> str:
    """Without the scheme of a link."""
    for scheme in ("mailto:", "tel:"):
        if value.casefold().startswith(scheme):
            return value[len(scheme) :].partition("?")[0].strip()
    return value


def _links(values: tuple[str, ...], document: Document) -> list[str]:
    return [url for value in values if (url := absolute_url(value, document.base))]


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _first(values: tuple[str, ...]) -> str:
    return values[0] if values else ""


def _target(url: str) -> Target | None:
    try:
        return parse_url(url) if url else None
    except NotFetchedError:
        return None


def _host(url: str) -> str:
    target = _target(url)
    if target is None:
        raise SourceError(f"{url[:200]} is no address that can be asked.")
    return target.host


def _digest(entries: tuple[Entry, ...]) -> str:
    return hashlib.sha256("\n".join(entry.key for entry in entries).encode()).hexdigest()[:32]
