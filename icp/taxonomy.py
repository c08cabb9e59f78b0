"""What industry words mean: SSIC codes, found by full text in the titles of the classification.

A rule keeps the codes, not the words: titles change meaning between editions (62011 was
"e-commerce applications", now "software and applications"), and a saved rule must not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Protocol

from django.db import connection

from acra.models import RegisteredCompany, SsicCode

# Words people use that no SSIC title does -> words that titles use ("or" as in a web search).
EVERYDAY_WORDS = {
    "tech": "technology",
    "it": '"information technology"',
    "ict": '"information technology" or telecommunications',
    "saas": "software",
    "fintech": '"transaction/payment processing" or "clearing and settlement"',
    "f&b": "restaurants or food or beverage",
    "fnb": "restaurants or food or beverage",
    "logistics": "logistics or freight or warehousing",
    "healthcare": '"human health" or medical or hospitals',
    "biotech": "biotechnology",
    "ecommerce": '"internet" or "online"',
    "e-commerce": '"internet" or "online"',
    "marketing": "advertising or marketing",
    "property": '"real estate"',
}


@dataclass(frozen=True, slots=True)
class FoundCode:
    """A code whose title holds the word. A shorter code stands for all that begin with it."""

    code: str
    title: str


class Taxonomy(Protocol):
    """Where a rule looks up words and codes; the database, or in tests a dictionary."""

    def codes_of(self, word: str) -> Sequence[FoundCode]: ...

    def suggestions(self, word: str) -> Sequence[str]: ...

    def unknown(self, codes: Iterable[str]) -> set[str]: ...

    def divisions(self, section: str) -> Sequence[str]: ...


@dataclass(slots=True)
class SsicTitles:
    """The classification in the database. Remembers answers; make one per request or task."""

    _found: dict[str, list[FoundCode]] = field(default_factory=dict)

    def codes_of(self, word: str) -> list[FoundCode]:
        """Codes whose titles hold all of ``word``'s words, as few as say it, in code order.

        English word forms are folded ("technologies" finds "technology"). Where a division is
        found, its groups and classes are left out, because the division stands for them.
        """
        folded = word.casefold()
        if folded not in self._found:
            self._found[folded] = _shortest(_search(EVERYDAY_WORDS.get(folded, word)))
        return self._found[folded]

    def suggestions(self, word: str) -> list[str]:
        """Words of the titles that look like ``word``, at most three."""
        titles = SsicCode.objects.values_list("title", flat=True)
        words = {part.strip("(),;.").casefold() for title in titles for part in title.split()}
        return get_close_matches(word.casefold(), sorted(words | set(EVERYDAY_WORDS)), n=3)

    def divisions(self, section: str) -> list[str]:
        """The two-digit codes of a section's letter; the register knows no letters."""
        rows = SsicCode.objects.filter(section=section).values_list("code", flat=True)
        return sorted({code[:2] for code in rows if len(code) > 1})

    def unknown(self, codes: Iterable[str]) -> set[str]:
        """Those of ``codes`` that no edition has and no live company of the register carries.

        The register still carries codes of older editions, whose titles are not at hand.
        """
        wanted = set(codes)
        listed = SsicCode.objects.filter(code__in=wanted).values_list("code", flat=True)
        missing = wanted - set(listed)
        carried = RegisteredCompany.objects.filter(status_class="LIVE", primary_ssic__in=missing)
        return missing - set(carried.values_list("primary_ssic", flat=True).distinct())


@dataclass(frozen=True, slots=True)
class SavedCodes:
    """What the words meant when a version was saved; anything else is asked of ``beyond``."""

    codes: dict[str, list[list[str]]]
    beyond: Taxonomy

    def codes_of(self, word: str) -> Sequence[FoundCode]:
        if (saved := self.codes.get(word)) is not None:
            return [FoundCode(code, title) for code, title in saved]
        return self.beyond.codes_of(word)

    def suggestions(self, word: str) -> Sequence[str]:
        return self.beyond.suggestions(word)

    def divisions(self, section: str) -> Sequence[str]:
        return self.beyond.divisions(section)

    def unknown(self, codes: Iterable[str]) -> set[str]:
        return set()  # they were known when the version was saved


def titles_of(codes: Iterable[str]) -> dict[str, str]:
    """Code -> title of the newest edition that has it."""
    rows = SsicCode.objects.filter(code__in=set(codes)).order_by("edition")
    return dict(rows.values_list("code", "title"))


@lru_cache(maxsize=1000)
def _search(words: str) -> tuple[FoundCode, ...]:
    """Remembered by the process: titles ship with a release, and reading them takes 20 ms."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, max(title) FROM acra_ssiccode"
            " WHERE length(code) > 1"  # a section's title names too many things at once
            " AND to_tsvector('english', title) @@ websearch_to_tsquery('english', %s)"
            " GROUP BY code ORDER BY code",
            [words],
        )
        return tuple(FoundCode(code, title) for code, title in cursor.fetchall())


def _shortest(found: Sequence[FoundCode]) -> list[FoundCode]:
    """Leave out codes whose beginning is in the list as well."""
    kept: list[FoundCode] = []
    for each in found:  # in code order, so a beginning stands before what begins with it
        if not any(each.code.startswith(other.code) for other in kept):
            kept.append(each)
    return kept
