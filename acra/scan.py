"""Read the rows of register files fast: blocks of lines in, packed lines or typed rows out.

Blocks are taken at once: plain lines by column (``acra.plain_lines``), those with quotes by the CSV
parser together. Only a block in which a row spans lines is gone through line by line. A line that
is no row is counted with the reason and a few examples, and never takes its neighbours along: an
open quote ends after ``MOST_LINES`` lines.

Knows no database; ``acra.scan_parallel`` runs it in several processes.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

import polars as pl

from acra.normalise import KEPT, SEPARATOR, pack
from acra.plain_lines import LONGEST_LINE, escaped, pack_all, part
from acra.sources import MOST_BYTES, RegisterFileError, opened
from acra.tally import Tally, Task
from acra.type_rows import RowTyper, SeenUens
from acra.uen import clean_uen, is_uen

__all__ = ["scan"]

BLOCK_BYTES = 512 * 1024  # some 1,600 rows; twice as much is a tenth quicker and takes 20 MB more
MOST_LINES = 20  # of one row, where line breaks stand inside quotes


def scan(task: Task, tally: Tally, *, seen: SeenUens | None = None) -> Iterator[bytes]:
    """Yield blocks of rows in COPY's text format; ``tally`` is complete when it ends.

    Packed: the line alone. Typed: the values of ``acra.normalise.TYPED``; ``seen`` gets their UENs.
    Memory stays under 40 MB whatever the file, without these. Raises ``RegisterFileError`` when the
    file as a whole is unusable.
    """
    reader = _Reader(task, tally, seen or SeenUens())
    before = tally.rows
    with opened(task.source) as file:
        yield from reader.blocks(file)
    tally.files[task.source.name] += tally.rows - before


class _Reader:
    def __init__(self, task: Task, tally: Tally, seen: SeenUens) -> None:
        self._task, self._tally, self._seen = task, tally, seen
        self._columns = task.header.columns
        self._is_usual = task.header.is_usual
        self._waiting: deque[str] = deque()  # lines of the block not looked at yet
        self._packed: list[str] = []  # rows that were not plain lines
        self._absent = "na" if task.today else KEPT
        self._typer = RowTyper(today=date.fromisoformat(task.today)) if task.today else None

    # -- bytes to lines ------------------------------------------------------------------

    def blocks(self, file: BinaryIO) -> Iterator[bytes]:
        rest = b""
        for block in self._read(file):
            whole, newline, rest_of_block = (rest + block).rpartition(b"\n")
            rest = rest_of_block
            if len(rest) > 2 * LONGEST_LINE:
                rest = rest[: LONGEST_LINE + 1]  # enough to be seen as too long
            if newline:
                yield self._rows(whole, is_last=False)
        yield self._rows(rest, is_last=True)
        if self._typer is not None:
            self._tally.add_warnings(*self._typer.take_warnings())

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        task = self._task
        position = task.start or task.header.length
        if task.source.is_plain:
            file.seek(position)
        else:
            file.read(position)
        while block := file.read(BLOCK_BYTES if task.end is None
                                 else min(BLOCK_BYTES, task.end - position)):  # fmt: skip
            position += len(block)
            self._tally.size += len(block)
            if position > MOST_BYTES:
                raise RegisterFileError(
                    f"{task.source.name} is larger than {MOST_BYTES / 1024**3:.0f} GiB unpacked."
                )
            yield block

    def _rows(self, block: bytes, *, is_last: bool) -> bytes:
        """The rows of a block of whole lines; an unfinished one at its end waits for the next."""
        block = self._cleaned(block)
        plain = None
        if self._is_usual and not self._waiting and not is_last:
            plain = self._take_block(block)
        if plain is None:
            self._waiting.extend(block.decode().split("\n"))
            self._take_lines(is_last=is_last)
        rows = pl.Series(self._packed, dtype=pl.String)
        if plain is not None:
            rows = plain.append(rows)
        self._packed = []
        self._tally.accepted += len(rows)
        self._tally.rows += len(rows)
        if self._typer is None or not len(rows):
            return escaped(rows)
        typed, uens = self._typer.typed(rows)
        self._seen.add(uens)
        return typed

    def _cleaned(self, block: bytes) -> bytes:
        """The block in UTF-8, with line feeds between the lines and no NUL."""
        if not (block.isascii() or _is_utf8(block)):
            block = "\n".join(map(self._decoded, block.split(b"\n"))).encode()
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").removesuffix(b"\r").replace(b"\r", b" ")
        if b"\0" in block:
            block = b"\n".join(map(self._without_nul, block.split(b"\n")))
        return block

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace")
            self._tally.warn("bytes that are no UTF-8, read as Windows-1252", text[:80])
            return text

    def _without_nul(self, line: bytes) -> bytes:
        if b"\0" not in line:
            return line
        line = line.replace(b"\0", b"")
        self._tally.warn("NUL bytes removed", line.decode()[:80])
        return line

    # -- lines to rows -------------------------------------------------------------------

    def _take_block(self, block: bytes) -> pl.Series | None:
        """Take a block in which each line is a row by itself, return the plain ones, packed.

        Of another block none is taken: ``None``.
        """
        plain, others = part(block, columns=self._columns)
        quoted = [line for line in others if '"' in line]
        try:
            rows = list(csv.reader(quoted, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(quoted):
            return None
        plain.append(self._take_quoted(quoted, rows))
        for line in others:
            if '"' not in line and line.strip():
                self._take_values(line.split(","), line)
        return plain

    def _take_quoted(self, lines: list[str], rows: list[list[str]]) -> pl.Series:
        """Take parsed lines; return those that are nothing but usual rows, packed."""
        joined = [
            SEPARATOR.join(values) if line.count('"') % 2 == 0 and len(line) <= LONGEST_LINE else ""
            for line, values in zip(lines, rows, strict=True)
        ]
        packed, is_row = pack_all(
            pl.DataFrame({"line": joined}, schema={"line": pl.String}), columns=self._columns
        )
        for place in (~is_row).arg_true().to_list():
            self._take_values(rows[place], lines[place])
        return packed.filter(is_row)

    def _take_lines(self, *, is_last: bool) -> None:
        while self._waiting:
            if not self._take_odd(self._waiting.popleft(), is_last=is_last):
                return

    def _take_odd(self, line: str, *, is_last: bool) -> bool:
        """A line for the CSV parser; ``False`` when its end is in the next block."""
        if not line.strip():
            return True
        joined, taken = line, 0
        while (values := _parsed(joined)) is None:
            if taken == len(self._waiting) and not is_last and taken < MOST_LINES:
                self._waiting.appendleft(line)
                return False
            if taken >= min(MOST_LINES, len(self._waiting)) or len(joined) > LONGEST_LINE:
                self._reject("quote never closed", line)
                return True
            joined += "\n" + self._waiting[taken]
            taken += 1
        for _ in range(taken):
            self._waiting.popleft()
        if is_last and not self._waiting and len(values) < self._columns:
            self._reject("file ends in the middle of a row", line)
        else:
            self._take_values(values, joined)
        return True

    def _take_values(self, values: list[str], line: str) -> None:
        header = self._task.header
        if len(line) > LONGEST_LINE:
            self._reject("row too long", line)
        elif len(values) != header.columns:
            too = "few" if len(values) < header.columns else "many"
            self._reject(f"too {too} values", line)
        elif _folded(values[header.places[0]]) == "uen":
            self._tally.warn("header again in the middle", line[:80])
        elif not is_uen(clean_uen(values[header.places[0]])):
            self._reject("UEN has none of the shapes", line)
        else:
            if line.count('"') % 2:
                self._tally.warn("quote where none belongs", line[:80])
            places = header.places
            self._packed.append(
                pack([values[place] if place >= 0 else self._absent for place in places])
            )

    def _reject(self, reason: str, line: str) -> None:
        self._tally.reject(reason, f"{self._task.source.name}: {line[:100]}")


def _is_utf8(block: bytes) -> bool:
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _parsed(line: str) -> list[str] | None:
    """The values of a row, or ``None`` while a quote is still open."""
    if len(line) > 2 * LONGEST_LINE:  # refused later; the parser would raise
        return [line]
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as exc:
        if "unexpected end of data" in str(exc):
            return None
    return next(csv.reader([line]))


def _folded(value: str) -> str:
    return value.strip("\ufeff \t").lower()
