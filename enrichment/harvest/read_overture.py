"""Overture places: a file of GeoJSON lines, as ``overturemaps download -f geojsonseq`` writes it.

The bounding box somebody downloaded is only the first cut: the place's own locality and country
decide. What is closed, or less sure than ``min_confidence`` (0.5 unless the source says otherwise;
unmeasured), is met and not taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from enrichment.harvest.categories import ANY, category_of
from enrichment.harvest.file_lines import KeptPlace, Rows, text_of, texts_of
from enrichment.harvest.reading import Cursor, Entry, Page, SourceError, Wish
from enrichment.harvest.record import Record
from enrichment.observation import storable

SOURCE: Final = "overture"
EXPLORER: Final = "https://explore.overturemaps.org"
MIN_CONFIDENCE: Final = 0.5
#: Licence by data set (docs.overturemaps.org/attribution); others are under the theme's own.
LICENCES: Final = {"foursquare": "Apache-2.0", "alltheplaces": "CC0-1.0"}


@dataclass(slots=True)
class OvertureReader:
    """Reads one uploaded file from where ``cursor["row"]`` stands."""

    rows: Rows
    options: dict[str, Any]
    licence: str
    attribution: str
    _place: KeptPlace = field(default_factory=KeptPlace)

    def read(self, wish: Wish, *, cursor: Cursor) -> Page:
        """Places of the city and category among the next lines."""
        return self._place.page(
            self.rows, cursor=cursor, room=wish.room,
            entry=lambda _, line: self._entry(line, wish),
            end="The file has no more places of this category in this city.",
        )  # fmt: skip

    def detail(self, wish: Wish, *, entry: Entry) -> Entry:
        """Never called: every entry comes with its record."""
        raise SourceError(f"{entry.key} has no page of its own.")

    def _entry(self, line: str, wish: Wish) -> Entry | None:
        place = _load(line)
        facts = place.get("properties")
        if not isinstance(facts, dict):
            return None
        key = text_of(facts.get("id") or place.get("id"))
        category = text_of((facts.get("categories") or {}).get("primary"))
        if not key or not self._is_wanted(category, wish) or not _is_in(facts, wish):
            return None
        name = text_of((facts.get("names") or {}).get("primary"))
        url = f"{EXPLORER}/?feature=places.place.{key}"
        why = self._why_not(facts, name)
        if why:
            return Entry(key, url, code=why[0], sentence=why[1][:300])
        return Entry(key, url, self._record(place, facts, line, key=key, url=url, wish=wish))

    def _is_wanted(self, category: str, wish: Wish) -> bool:
        if wish.category == ANY:
            return True
        mapped = (self.options.get("category_map") or {}).get(wish.category)
        words = frozenset(texts_of(mapped)) or category_of(wish.category).words
        return category in words

    def _why_not(self, facts: dict[str, Any], name: str) -> tuple[str, str] | None:
        status = text_of(facts.get("operating_status")) or "open"
        sure = facts.get("confidence")
        least = float(self.options.get("min_confidence", MIN_CONFIDENCE))
        if not name:
            return "no_name", "It has no name."
        if status != "open":
            return "closed", f"{name} is {status.replace('_', ' ')}."
        if isinstance(sure, int | float) and sure < least:
            return (
                "unsure",
                f"Overture is only {sure:.2f} sure that {name} exists.",
            )
        return None

    def _record(
        self, place: dict[str, Any], facts: dict[str, Any], line: str, *, key: str, url: str,
        wish: Wish,
    ) -> Record:  # fmt: skip
        address = _addresses(facts)[0]
        at = (place.get("geometry") or {}).get("coordinates") or [None, None]
        sure = facts.get("confidence")
        return Record(
            source=SOURCE, source_id=key, source_url=url, retrieved_at=wish.now,
            licence=_licence(facts) or self.licence, attribution=self.attribution,
            name=text_of(facts["names"]["primary"]), category=wish.category,
            source_category=text_of((facts.get("categories") or {}).get("primary")),
            phones=texts_of(facts.get("phones")), emails=texts_of(facts.get("emails")),
            websites=texts_of(facts.get("websites")), socials=texts_of(facts.get("socials")),
            street=text_of(address.get("freeform")), postcode=text_of(address.get("postcode")),
            city=text_of(address.get("locality")) or wish.town,
            region=text_of(address.get("region")), country=text_of(address.get("country")),
            lon=at[0], lat=at[1],
            confidence=float(sure) if isinstance(sure, int | float) else None,
            raw=storable(line),
        )  # fmt: skip


def _load(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line.lstrip("\x1e"))  # RFC 8142 begins each with a record separator
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _addresses(facts: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    found += [each for each in facts.get("addresses") or [] if isinstance(each, dict)]
    return found or [{}]


def _is_in(facts: dict[str, Any], wish: Wish) -> bool:
    return any(
        text_of(each.get("locality")).casefold() == wish.town.casefold()
        and text_of(each.get("country")).upper() in ("", wish.country)
        for each in _addresses(facts)
    )


def _licence(facts: dict[str, Any]) -> str:
    named = [text_of(each.get("dataset")).casefold() for each in facts.get("sources") or []
             if isinstance(each, dict)]  # fmt: skip
    return LICENCES.get(named[0], "") if named else ""
