"""What pages of lists held when they were last read, with what their servers know them by.

Only addresses are kept, no text: what stood on an entry's own page is in its listing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from enrichment.harvest.reading import Entry
from enrichment.harvest_models import HarvestSource, ListPage
from tenants.clock import database_now

KEPT: Final = timedelta(days=90)
LONGEST_BYTES: Final = 2000  # of an address; an index holds 2,704


@dataclass(frozen=True, slots=True)
class Version:
    """By what a server knows an answer again (RFC 9110, section 8.8); empty: by nothing."""

    etag: str = ""
    last_modified: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Of a request that wants an answer only if it changed."""
        said = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list: its entries and the address of the next page, if it names one."""

    entries: tuple[Entry, ...]
    following: str = ""
    version: Version = Version()


@dataclass(frozen=True, slots=True)
class ListShelf:
    """The pages of one source, as they were read by the selectors it has now."""

    source: HarvestSource
    selectors: str

    def find(self, url: str) -> Listed | None:
        """The page at ``url``; None when it was never read, long ago, or by other selectors."""
        rows = ListPage.objects.filter(source=self.source, url=url, selectors=self.selectors)
        row = rows.filter(read_at__gt=database_now() - KEPT).first()
        if row is None:
            return None
        entries = tuple(Entry(key, at, code=code, sentence=told)
                        for key, at, code, told in row.entries)  # fmt: skip
        return Listed(entries, row.following, Version(row.etag, row.last_modified))

    def keep(self, url: str, listed: Listed) -> None:
        """Remember a page whose server gave it a version; forget those nobody asked for long."""
        ListPage.objects.filter(source=self.source, read_at__lt=database_now() - KEPT).delete()
        longest = max(len(each.encode()) for each in (url, listed.following))
        if not listed.version.headers or longest > LONGEST_BYTES:
            ListPage.objects.filter(source=self.source, url=url).delete()
            return
        ListPage.objects.update_or_create(
            source=self.source, url=url,
            defaults={
                "etag": listed.version.etag, "last_modified": listed.version.last_modified,
                "selectors": self.selectors, "following": listed.following,
                "entries": [[one.key, one.url, one.code, one.sentence] for one in listed.entries],
                "read_at": database_now(),
            },
        )  # fmt: skip
