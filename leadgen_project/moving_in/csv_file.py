"""Rows that were refused, as a file to mend, and the mended file read back.

Their own columns, the table they came from, and why; what a spreadsheet would run is disarmed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from leadgen_project.moving_in.source import (
    MOST_CELL,
    REASON_COLUMN,
    TOO_BIG,
    Columns,
    Row,
    UnreadableFileError,
    fold,
    known_table,
)

TABLE_COLUMN = "table"
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'")


Refused = Callable[[], Iterable[tuple[str, str, str]]]  # table, original, reasons


def refused_lines(rows: Refused) -> Iterator[str]:
    """The file line by line. ``rows`` is asked twice: for the columns, then for the rows."""
    names: dict[str, None] = {}
    for _, original, _ in rows():
        names.update(dict.fromkeys(json.loads(original)))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([TABLE_COLUMN, *map(_disarmed, names), REASON_COLUMN])
    for table, original, reasons in rows():
        yield _taken(out)
        cells = json.loads(original)
        writer.writerow([table, *(_disarmed(cells.get(name, "")) for name in names), reasons])
    yield _taken(out)


def write_refused(rows: Refused, path: Path) -> int:
    """Write the file to ``path``; returns how many rows stand in it. None: no file."""
    if not any(True for _ in rows()):
        return 0
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
        out.writelines(refused_lines(rows))
    return sum(1 for _ in rows())


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text


class CsvFile:
    """A mended file: rows of one table or several. Raises ``UnreadableFileError``."""

    kind = "csv"

    def __init__(self, path: Path) -> None:
        self.name, self._path = path.name, path
        self.left_alone: list[str] = []
        digest = sha256()
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        self.sha256 = digest.hexdigest()
        self._header, self._delimiter = self._read_header()
        self._at = self._table_column()
        dropped = {fold(TABLE_COLUMN), fold(REASON_COLUMN)}
        names = [name if fold(name) not in dropped else "" for name in self._header]
        self._columns = Columns.of(names)
        self._tables = self._look()

    def close(self) -> None:
        """Nothing stays open."""

    def tables(self) -> dict[str, Columns]:
        return dict.fromkeys(self._tables, self._columns)

    def rows(self, table: str, *, after: int) -> Iterator[Row]:
        """Rows of ``table``, numbered as a spreadsheet does, the header included."""
        for number, values in self._read():
            if number <= after or known_table(values[self._at]) != table:
                continue
            too_big = any(len(value) > MOST_CELL for value in values)
            cells = ["" if len(value) > MOST_CELL else value for value in values]
            yield self._columns.row(number, cells, reason=TOO_BIG if too_big else "")

    def _look(self) -> set[str]:
        found = set()
        for number, values in self._read():
            table = known_table(values[self._at])
            if not table:
                raise UnreadableFileError(
                    f"{self.name}, row {number}: {values[self._at][:40]!r} is none of the tables."
                )
            found.add(table)
        return found

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        """Number and cells of each row that has any, as many as the header has."""
        width = len(self._header)
        with self._open() as file:
            reader = csv.reader(file, delimiter=self._delimiter)
            try:
                for number, values in enumerate(reader, 1):
                    if number > 1 and any(values):
                        cells = [_armed(each) for each in values[:width]]
                        yield number, cells + [""] * (width - len(cells))
            except csv.Error as exc:
                raise UnreadableFileError(f"{self.name} is no CSV: {exc}.") from exc

    def _read_header(self) -> tuple[list[str], str]:
        with self._open() as file:
            first = file.readline(MOST_CELL)
        delimiter = max(",;\t", key=first.count)
        found: list[str] = next(csv.reader([first], delimiter=delimiter), [])
        return [_armed(each).strip() for each in found], delimiter

    def _table_column(self) -> int:
        folded = [fold(name) for name in self._header]
        if fold(TABLE_COLUMN) not in folded:
            raise UnreadableFileError(
                f"{self.name}: this is neither SQLite nor a file of refused rows, which begins with"
                f" a column {TABLE_COLUMN}."
            )
        return folded.index(fold(TABLE_COLUMN))

    def _open(self) -> IO[Any]:
        csv.field_size_limit(MOST_CELL * 4)
        return self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _disarmed(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_STARTS) and not _is_number(cell) else cell


def _armed(cell: str) -> str:
    is_disarmed = cell.startswith("'") and cell[1:].startswith(_STARTS)
    return cell[1:] if is_disarmed and not _is_number(cell[1:]) else cell


def _is_number(cell: str) -> bool:
    return all(sign in "0123456789 ().-+" for sign in cell) and any(map(str.isdigit, cell))
