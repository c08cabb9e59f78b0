"""Read the rows of register files fast: whole lines in, packed lines or typed rows out.

Blocks of lines are taken at once: without a quote, with the right number of commas, a line is a
row; those with quotes go through the CSV parser together. Only a block in which a row spans lines
is gone through line by line. A line that is no row is counted with the reason and a few examples,
and never takes its neighbours along: an open quote ends after ``MOST_LINES`` lines.

Knows no database; ``acra.scan_parallel`` runs it in several processes.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import BinaryIO

from acra.normalise import SEPARATOR, Normaliser, pack
from acra.sources import MOST_BYTES, Header, RegisterFileError, Source, opened
from acra.uen import PATTERN, clean_uen, is_uen
from acra.values import copy_text

__all__ = ["KEPT", "Tally", "Task", "scan"]

BLOCK_BYTES = 128 * 1024  # stays in the processor's cache: a third faster than four times as much
LONGEST_LINE = 64 * 1024  # characters; the longest real one has about 1,000
MOST_LINES = 20  # of one row, where line breaks stand inside quotes
EXAMPLES = 5
KEPT = "\x1d"  # in a column that the file does not have: what was known before stays

# What most rows end with (no former names, no audit firms); the rest cuts off any other number.
_TAILS = tuple(",na" * count for count in (25, 16, 8, 4, 2, 1))
_STARTS_WITH_UEN = re.compile(rf"(?:{PATTERN}),")


@dataclass(frozen=True, slots=True)
class Task:
    """A file, or the part of it that starts between two bytes."""

    source: Source
    header: Header
    start: int = 0  # 0 = after the header
    end: int | None = None
    today: str = ""  # of the typed rows, ISO; empty: packed lines are wanted


@dataclass(slots=True)
class Tally:
    """What was read. ``rows == accepted + sum(rejected.values())``."""

    rows: int = 0
    accepted: int = 0
    lines: int = 0
    size: int = 0  # bytes
    files: Counter[str] = field(default_factory=Counter)  # name -> rows
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)  # of both

    def add(self, other: Tally) -> None:
        self.rows += other.rows
        self.accepted += other.accepted
        self.lines += other.lines
        self.size += other.size
        self.files += other.files
        self.rejected += other.rejected
        self.warnings += other.warnings
        for kind, examples in other.examples.items():
            self.note(kind, *examples)

    def reject(self, reason: str, example: str) -> None:
        self.rows += 1
        self.rejected[reason] += 1
        self.note(reason, example)

    def warn(self, kind: str, example: str) -> None:
        self.warnings[kind] += 1
        self.note(kind, example)

    def note(self, kind: str, *examples: str) -> None:
        known = self.examples.setdefault(kind, [])
        known += examples[: EXAMPLES - len(known)] if len(known) < EXAMPLES else ()


def scan(task: Task, tally: Tally) -> Iterator[bytes]:
    """Yield blocks of rows in COPY's text format; ``tally`` is complete when it ends.

    Packed: the line alone. Typed: the values of ``acra.normalise.TYPED``. Memory stays under
    20 MB whatever the file. Raises ``RegisterFileError`` when the file as a whole is unusable.
    """
    reader = _Reader(task, tally)
    before = tally.rows
    with opened(task.source) as file:
        yield from reader.blocks(file)
    tally.files[task.source.name] += tally.rows - before


class _Reader:
    def __init__(self, task: Task, tally: Tally) -> None:
        self._task, self._tally = task, tally
        self._columns = task.header.columns
        self._is_usual = task.header.is_usual
        self._waiting: deque[str] = deque()  # lines of the block not looked at yet
        self._usual: list[str] = []  # rows still parted by commas, the usual tail cut off
        self._packed: list[str] = []
        self._absent = "na" if task.today else KEPT
        self._normaliser = _normaliser(task.today) if task.today else None

    # -- bytes to lines ------------------------------------------------------------------

    def blocks(self, file: BinaryIO) -> Iterator[bytes]:
        if self._normaliser is not None:
            self._normaliser.take_warnings()  # of a task that was left early
        rest = b""
        for block in self._read(file):
            whole, newline, rest_of_block = (rest + block).rpartition(b"\n")
            rest = rest_of_block
            if len(rest) > 2 * LONGEST_LINE:
                rest = rest[: LONGEST_LINE + 1]  # enough to be seen as too long
            if newline:
                yield self._rows(whole, is_last=False)
        yield self._rows(rest, is_last=True)
        if self._normaliser is not None:
            warnings, all_examples = self._normaliser.take_warnings()
            self._tally.warnings += warnings
            for kind, examples in all_examples.items():
                self._tally.note(kind, *examples)

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
        lines = self._lines(block)
        if is_last or self._waiting or not self._take_block(lines):
            self._waiting.extend(lines)
            self._take_lines(is_last=is_last)
        usual, packed = self._usual, self._packed
        self._usual, self._packed = [], []
        self._tally.accepted += len(usual) + len(packed)
        self._tally.rows += len(usual) + len(packed)
        text = "\n".join(usual).replace(",", SEPARATOR)
        if self._normaliser is not None:
            rows = self._normaliser.usual_rows(text.split("\n") if usual else [])
            rows += self._normaliser.rows(packed)
        else:
            if "\\" in text or "\t" in text:
                text = text.replace("\\", "\\\\").replace("\t", "\\t")
            rows = ([text] if usual else []) + list(map(copy_text, packed))
        return ("\n".join(rows) + "\n").encode() if rows else b""

    def _lines(self, block: bytes) -> list[str]:
        try:
            text = block.decode()
        except UnicodeDecodeError:
            lines = [self._decoded(line) for line in block.split(b"\n")]
        else:
            lines = text.split("\n")
        self._tally.lines += len(lines)
        if b"\r" in block:
            lines = [line.removesuffix("\r").replace("\r", " ") for line in lines]
        if b"\0" in block:
            lines = [self._without_nul(line) for line in lines]
        return lines

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            text = line.decode("cp1252", errors="replace")
            self._tally.warn("bytes that are no UTF-8, read as Windows-1252", text[:80])
            return text

    def _without_nul(self, line: str) -> str:
        if "\0" not in line:
            return line
        line = line.replace("\0", "")
        self._tally.warn("NUL bytes removed", line[:80])
        return line

    # -- lines to rows -------------------------------------------------------------------

    def _take_block(self, lines: list[str]) -> bool:
        """Take a block in which each line is a row by itself; of another take none: ``False``."""
        if not self._is_usual:
            return False
        usual, others = self._usual_and_others(lines)
        quoted = [line for line in others if '"' in line]
        try:
            rows = list(csv.reader(quoted, strict=True))
        except csv.Error:
            return False
        if len(rows) != len(quoted):
            return False
        self._usual += usual
        for line, values in zip(quoted, rows, strict=True):
            self._take_values(values, line)
        for line in others:
            if '"' not in line:
                self._take_plain(line)
        return True

    def _usual_and_others(self, lines: list[str]) -> tuple[list[str], list[str]]:
        """Lines that are rows with the usual tail, which is cut off; and all else."""
        tail, cut, starts_with_uen = _TAILS[0], -len(_TAILS[0]), _STARTS_WITH_UEN.match
        commas = self._columns - 1 - tail.count(",")
        usual: list[str] = []
        others: list[str] = []
        for line in lines:
            if (
                line.endswith(tail)
                and '"' not in line
                and line.count(",", 0, cut) == commas
                and starts_with_uen(line)
                and not line.endswith(",na", 0, cut)
            ):
                usual.append(line[:cut])
            else:
                others.append(line)
        if usual and (max(map(len, usual)) > LONGEST_LINE + cut or SEPARATOR in "".join(usual)):
            return [], lines
        return usual, others

    def _take_plain(self, line: str) -> None:
        """Take a line without quotes, whatever its tail."""
        if (
            line.count(",") == self._columns - 1
            and len(line) <= LONGEST_LINE
            and _STARTS_WITH_UEN.match(line)
            and SEPARATOR not in line
        ):
            self._packed.append(_without_tail(line).replace(",", SEPARATOR))
        elif line.strip():
            self._take_values(line.split(","), line)

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


@lru_cache(maxsize=1)
def _normaliser(today: str) -> Normaliser:
    """One for all tasks of a process, which keeps what it remembers of values."""
    return Normaliser(today=date.fromisoformat(today))


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


def _without_tail(line: str) -> str:
    for tail in _TAILS:
        line = line.removesuffix(tail)
    return line
