"""What every file of a move gives: tables of rows, each with its original as text and a hash.

Columns are found by their names, in whichever of the two spellings of the plan (``lastSent``,
``last_sent``). What a row held is kept to the byte, whatever it was: see ``original_of``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from json import JSONEncoder
from typing import Any, Protocol

MOST_CELL = 1_000_000  # characters; the longest text of a mail is a tenth of it
BATCH_ROWS = 5_000
BATCH_CHARS = 16_000_000
TOO_BIG = f"A cell, or the whole row, is larger than {MOST_CELL // 1000:,} kB."
# Tables of the plan, section 3, in the order in which they can be taken.
TABLES = ("templates", "contacts", "processor_queue", "email_queue", "variation_storage")
_FOLDED = {name.replace("_", ""): name for name in TABLES}
REASON_COLUMN = "why_refused"
_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_HALVES = re.compile("[\ud800-\udfff]")


class UnreadableFileError(ValueError):
    """The file as a whole cannot be used; the text says why and what to do."""


@dataclass(slots=True)
class Row:
    """One row: ``cells`` by folded column name (empty ones left out), and how it is kept."""

    position: int
    cells: dict[str, str]
    original: str
    hash: str
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Columns:
    """Column names in a fixed order, whatever order the file has them in."""

    order: tuple[tuple[int, str, str], ...]  # index, name as it stands there, folded

    @classmethod
    def of(cls, names: Sequence[str]) -> Columns:
        found = ((at, name, fold(name)) for at, name in enumerate(names))
        return cls(tuple(sorted((each for each in found if each[2]), key=lambda each: each[2])))

    @property
    def names(self) -> set[str]:
        return {folded for _, _, folded in self.order}

    def row(self, position: int, values: Sequence[Any], *, reason: str = "") -> Row:
        cells: dict[str, str] = {}
        kept: dict[str, str] = {}
        for at, name, folded in self.order:
            value = values[at]
            if value is None:
                continue
            text = value if type(value) is str else as_text(value)
            if text:
                cells[folded] = kept[name] = text
        original = original_of(kept)
        digest = sha256(original.encode()).hexdigest()
        return Row(position, cells, original, digest, [reason] if reason else [])


class Source(Protocol):
    """A file of a move."""

    name: str
    kind: str
    sha256: str
    left_alone: list[str]

    def tables(self) -> dict[str, Columns]: ...

    def rows(self, table: str, *, after: int) -> Iterator[Row]: ...

    def close(self) -> None: ...


def batches(source: Source, table: str, *, after: int) -> Iterator[list[Row]]:
    """Rows behind ``after`` by some thousands, in the order of the file; memory stays flat."""
    batch: list[Row] = []
    size = 0
    for row in source.rows(table, after=after):
        batch.append(row)
        size += len(row.original)
        if len(batch) >= BATCH_ROWS or size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def fold(name: str) -> str:
    """``lastSent``, ``last_sent`` and ``LAST SENT`` are one column."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def known_table(name: str) -> str:
    """The plan's name of a table, ``""`` for others."""
    return _FOLDED.get(fold(name), "")


def as_text(value: Any) -> str:
    """A number as SQLite shows it, bytes as text; broken UTF-8 is kept as halves of characters."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)


def original_of(kept: dict[str, str]) -> str:
    """The row as one line of JSON that any database takes; ``cells_of`` gives back every byte.

    NULs and halves of characters (of broken UTF-8) stand as escapes.
    """
    text = _encode(kept)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return text
