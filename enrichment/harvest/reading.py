"""How every source is read: one bounded page at a time, from where the last one ended.

A source knows no database. It is given what is wanted and a cursor, asks at most a few times, and
answers entries and the next cursor. Reading the same cursor again gives the same entries as long as
the source did not change.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from enrichment.harvest.record import Record
from tenants.places import name_of_city, place_of_city

Cursor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is read for: ``category`` of the managed list in ``city``, at most ``room`` entries.

    ``city`` is as it was asked for, perhaps with its country or state behind a comma; ``town`` is
    its name alone, as sources write it.
    """

    city: str
    country: str  # ISO 3166 alpha-2 of the city
    category: str
    room: int
    now: datetime
    region: str = ""  # ISO 3166-2 of its state, where one was said

    @property
    def town(self) -> str:
        return name_of_city(self.city)

    @property
    def names(self) -> frozenset[str]:
        """What rows may call the city, in small letters: as asked for, and by its name alone.

        Not by the name alone when everybody takes that for a city of another country.
        """
        usual = place_of_city(self.town).country
        alone = {self.town.casefold()} if usual in ("", self.country) else set()
        return frozenset({self.city.casefold(), *alone})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry met on a page. Without ``record`` its own page is still to be read.

    ``code`` and ``sentence`` say why it is not taken (closed, no name, another host).
    """

    key: str
    url: str
    record: Record | None = None
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """``cursor`` is None when the source has no more; ``sentence`` then says how it ended."""

    entries: tuple[Entry, ...]
    cursor: Cursor | None
    sentence: str = ""
    requests: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """One source, ready to be read."""

    def read(self, wish: Wish, *, cursor: Cursor) -> Page:
        """The page ``cursor`` stands before ({} is the beginning). Raises ``SourceError``."""

    def detail(self, wish: Wish, *, entry: Entry) -> Entry:
        """``entry`` with its record, from its own page; asked for entries without one only.

        Raises ``SourceError``; ``WalledError`` when a person has to pass a wall first.
        """


@runtime_checkable
class Pictures(Protocol):
    """What a source offers whose entries show a picture by which they may be known again."""

    def picture(self, url: str) -> bytes:
        """The bytes at ``url``, whole and bounded; perhaps no picture. Raises ``SourceError``."""


class SourceError(Exception):
    """A source could not be read; the sentence is for the operator.

    ``retry_after``: seconds after which asking again may help; None when it will not.
    """

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UnclearError(SourceError):
    """A person has to say which of several is meant. ``notes`` is kept with the source for that."""

    def __init__(self, sentence: str, *, notes: dict[str, Any]) -> None:
        super().__init__(sentence)
        self.notes = notes


class NotNowError(SourceError):
    """Our own manners forbid asking now: the source is not to blame, and it is tried again."""


class GoneError(SourceError):
    """An entry's own page is not there, or not to be read; the others may well be.

    ``code`` is counted on the listing.
    """

    def __init__(self, sentence: str, *, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class WalledError(SourceError):
    """A page asks for a person: a CAPTCHA or a log-in. Never solved by a program."""

    def __init__(self, sentence: str, *, url: str, make: str, host: str) -> None:
        super().__init__(sentence)
        self.url, self.make, self.host = url, make, host
