"""Open data: a CSV or JSON file whose columns somebody has named (``options["columns"]``).

    {"format": "csv", "key": "licence_no", "city": "town", "category": "kind",
     "category_map": {"dentist": ["Dental clinic"]}, "rows": "result.records",
     "columns": {"name": "centre_name", "phones": ["tel", "mobile"], "postcode": "postal"}}

``columns`` go from a field of the record to one column or several. Without ``city`` all rows are
in the city asked for when it is among ``cities``; without ``category`` all are of the category.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from enrichment.harvest.categories import ANY
from enrichment.harvest.file_lines import KeptPlace, text_of, texts_of
from enrichment.harvest.reading import Cursor, Entry, Page, SourceError, Wish
from enrichment.harvest.record import Record
from enrichment.observation import storable

SOURCE: Final = "csv"
SINGLE: Final = ("name", "street", "housenumber", "postcode", "region", "country",
                 "opening_hours", "source_category", "source_url")  # fmt: skip
SEVERAL: Final = ("phones", "emails", "websites", "socials", "images")
FIELDS: Final = (*SINGLE, *SEVERAL)
MOST_COLUMNS: Final = 200
csv.field_size_limit(1_000_000)


class OptionsError(ValueError):
    """The mapping of columns cannot be used; the sentence says what to change."""


@dataclass(slots=True)
class OpenDataReader:
    """Reads one uploaded file from where ``cursor["row"]`` stands."""

    content: bytes
    options: dict[str, Any]
    source_url: str
    licence: str
    attribution: str
    _place: KeptPlace = field(default_factory=KeptPlace)

    def read(self, wish: Wish, *, cursor: Cursor) -> Page:
        """Rows of the city and category among the next ones."""
        try:
            return self._place.page(
                lambda: rows_of(self.content, self.options), cursor=cursor, room=wish.room,
                entry=lambda number, row: self._entry(number, row, wish),
                end="The file has no more rows of this category in this city.",
            )  # fmt: skip
        except OptionsError as exc:
            raise SourceError(str(exc)) from exc

    def detail(self, wish: Wish, *, entry: Entry) -> Entry:
        """Never called: every entry comes with its record."""
        raise SourceError(f"{entry.key} has no page of its own.")

    def _entry(self, number: int, row: Mapping[str, Any], wish: Wish) -> Entry | None:
        if not self._is_in(row, wish) or not self._is_wanted(row, wish):
            return None
        values: dict[str, Any] = {
            name: _value(row, self.options["columns"].get(name)) for name in FIELDS
        }
        key = text_of(row.get(self.options.get("key", ""))) or f"row {number}"
        first: dict[str, Any] = {name: values[name][0] if values[name] else "" for name in SINGLE}
        url = first.pop("source_url") or self.source_url
        if not first["name"]:
            return Entry(key, url, code="no_name", sentence=f"Row {number} has no name.")
        country = first.pop("country")
        several: dict[str, Any] = {name: values[name] for name in SEVERAL}
        record = Record(
            source=SOURCE, source_id=key[:500], source_url=url, retrieved_at=wish.now,
            licence=self.licence, attribution=self.attribution, category=wish.category,
            city=text_of(row.get(self.options.get("city", ""))) or wish.town,
            country=country if len(country) == 2 else wish.country,
            raw=storable(json.dumps(row, ensure_ascii=False)),
            **first, **several,
        )  # fmt: skip
        return Entry(key[:500], url[:2000], record)

    def _is_in(self, row: Mapping[str, Any], wish: Wish) -> bool:
        column = self.options.get("city")
        if column:
            return text_of(row.get(column)).casefold() in wish.names
        listed = [each.casefold() for each in texts_of(self.options.get("cities"))]
        return not listed or not wish.names.isdisjoint(listed)

    def _is_wanted(self, row: Mapping[str, Any], wish: Wish) -> bool:
        column = self.options.get("category")
        if not column or wish.category == ANY:
            return True
        ours = texts_of((self.options.get("category_map") or {}).get(wish.category))
        return text_of(row.get(column)).casefold() in {each.casefold() for each in ours}


def rows_of(content: bytes, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows as dictionaries, in the order of the file. Raises ``OptionsError``."""
    if not isinstance(options.get("columns"), dict) or not options["columns"].get("name"):
        raise OptionsError("Say under columns which column holds the name.")
    text = content.decode("utf-8-sig", "replace").replace("\x00", "")
    if options.get("format", "csv") == "json":
        yield from _json_rows(text, options.get("rows", ""))
        return
    reader = csv.DictReader(io.StringIO(text, newline=""),
                            delimiter=options.get("delimiter") or ",")  # fmt: skip
    header = reader.fieldnames or []
    missing = sorted(columns_used(options) - set(header))
    if missing:
        raise OptionsError(
            f"The file has no column {', '.join(missing)}; it has {', '.join(header[:30])}."
        )
    try:
        for row in reader:
            yield {str(name): value for name, value in row.items() if name is not None}
    except csv.Error as exc:
        raise OptionsError(f"The file is no CSV from line {reader.line_num} on: {exc}") from exc


def columns_used(options: Mapping[str, Any]) -> set[str]:
    """All columns the mapping speaks of."""
    named = [name for value in options["columns"].values() for name in texts_of(value)]
    return {*named, *(options[name] for name in ("key", "city", "category") if options.get(name))}


def _json_rows(text: str, path: str) -> Iterator[dict[str, Any]]:
    try:
        found: Any = json.loads(text)
    except ValueError as exc:
        raise OptionsError(f"The file is no JSON: {exc}") from exc
    for name in filter(None, path.split(".")):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise OptionsError(f"The file has no list of rows at {path or 'its top'}.")
    yield from (row for row in found if isinstance(row, dict))


def _value(row: Mapping[str, Any], columns: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(
        text for name in texts_of(columns) for text in texts_of(row.get(name))
    ))  # fmt: skip
