"""Rows of an uploaded file, read on from where the last page ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

from enrichment.harvest.reading import Cursor, Entry, Page
from enrichment.observation import storable

Row = TypeVar("Row")
Rows = Callable[[], Iterator[Any]]  # from the first row on, each time it is called
ROWS_A_PAGE: Final = 5_000  # looked at; few of them may be wanted
ENTRIES_A_PAGE: Final = 500


@dataclass(slots=True)
class KeptPlace:
    """Where an open file is, so that the next page of the same task need not begin anew."""

    _at: int = -1
    _rows: Iterator[Any] = field(default_factory=lambda: iter(()))

    def page(
        self,
        rows: Rows,
        *,
        cursor: Cursor,
        room: int,
        entry: Callable[[int, Any], Entry | None],
        end: str,
    ) -> Page:
        """Entries of the next rows. The same cursor gives the same page, in any process."""
        start = int(cursor.get("row", 0))
        if start != self._at:
            self._rows = islice(rows(), start, None)
        found: list[Entry] = []
        number = start
        for number, row in enumerate(islice(self._rows, ROWS_A_PAGE), start + 1):
            if one := entry(number, row):
                found.append(one)
                if len(found) >= min(max(room, 1), ENTRIES_A_PAGE):
                    break
        is_end = number < start + ROWS_A_PAGE and len(found) < min(max(room, 1), ENTRIES_A_PAGE)
        self._at = number
        return Page(tuple(found), None if is_end else {"row": number}, end)


def text_of(value: Any) -> str:
    """A scalar as text a database takes; nothing for lists, objects and nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return storable(str(value)).strip()


def texts_of(value: Any) -> tuple[str, ...]:
    """A scalar or a list of them as texts, without empty ones and repeats."""
    parts = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(text for part in parts if (text := text_of(part))))
