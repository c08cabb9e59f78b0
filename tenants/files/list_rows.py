"""What of a list's rows goes into a file: columns in an operator's words, and only those named.

A list that may be exported has a ``ListRows`` with one ``column`` for each of its columns. Nothing
leaves that is not named there: the library's ``ModelResource``, which takes every field of a table
by itself, is not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from import_export.fields import Field
from import_export.resources import Resource
from import_export.widgets import Widget

from tenants.files.workbook import TYPED

MOST_ROWS = 10_000  # the library holds the whole file in memory; see docs/decisions
CHUNK = 500


class TooManyRowsError(Exception):
    """More rows match than a file takes; the text says how many and what to do."""

    def __init__(self, count: int) -> None:
        matched = f"{count:,} rows match" if count <= MOST_ROWS else f"About {count:,} rows match"
        super().__init__(
            f"{matched}, and a file takes at most {MOST_ROWS:,}. Narrow the list by its filters or"
            " the search, and export again."
        )


class Native(Widget):
    """Hands a value on as it is; ``as_cell`` makes a cell of it."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return value


def as_cell(value: Any) -> Any:
    """A value as a cell: times on the operators' clock, yes and no, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):  # spreadsheets know no zones
        local = value.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY))
        return local.replace(tzinfo=None, second=0, microsecond=0)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value if isinstance(value, TYPED) else str(value)


def column(name: str, attribute: str | None = None) -> Field:
    """A column called ``name``: an attribute of the row, or what ``dehydrate_<field>`` says."""
    return Field(attribute=attribute, column_name=name, widget=Native(), readonly=True)


class ListRows(Resource):
    """The rows of one list. One object serves one export and counts what went into it.

    ``note`` is said before and in the file. Subclasses may narrow what is read (``to_read``), say
    which rows stay behind (``silent``), read what the columns need for many rows at once (``look``)
    and keep who was in it (``keep``).
    """

    note = ""
    withholds = False  # whether rows may stay behind because they are suppressed

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = self.withheld = 0

    @classmethod
    def get_display_name(cls) -> str:
        return cls.__name__

    @staticmethod
    def to_read(rows: QuerySet[Any]) -> QuerySet[Any]:
        """The list's rows with what the columns need, without what is heavy and not needed."""
        return rows

    def silent(self, rows: Sequence[Any]) -> set[Any]:
        """Keys of those among ``rows`` that may not leave."""
        return set()

    def look(self, rows: Sequence[Any]) -> None:
        """Read what the columns of these rows need, by a fixed number of statements."""

    def keep(self, *, title: str, file_name: str, query: str, sha256: str, actor: str) -> None:
        """Write down who was in the file, where it holds people or companies; once, at the end."""

    def export_field(self, field: Field, instance: Any, **kwargs: Any) -> Any:
        return as_cell(super().export_field(field, instance, **kwargs))

    def iter_queryset(self, queryset: QuerySet[Any]) -> Iterator[Any]:
        """The rows that may leave, in the list's order. Raises ``TooManyRowsError``."""
        found = iter(self.to_read(queryset).iterator(chunk_size=CHUNK))
        while chunk := list(islice(found, CHUNK)):
            silent = self.silent(chunk)
            going = [row for row in chunk if row.pk not in silent]
            self.count += len(going)
            self.withheld += len(chunk) - len(going)
            if self.count + self.withheld > MOST_ROWS:
                raise TooManyRowsError(self.count + self.withheld)
            self.look(going)
            yield from going
