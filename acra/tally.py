"""What the reading of register files is asked for, and what it counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from acra.sources import Header, Source

__all__ = ["EXAMPLES", "Tally", "Task"]

EXAMPLES = 5


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
    size: int = 0  # bytes
    files: Counter[str] = field(default_factory=Counter)  # name -> rows
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)  # of both
    repeated: list[str] = field(default_factory=list)  # UENs that several typed rows have

    def add(self, other: Tally) -> None:
        self.rows += other.rows
        self.accepted += other.accepted
        self.size += other.size
        self.files += other.files
        self.repeated += other.repeated
        self.rejected += other.rejected
        self.add_warnings(other.warnings, other.examples)

    def add_warnings(self, warnings: Counter[str], all_examples: dict[str, list[str]]) -> None:
        self.warnings += warnings
        for kind, examples in all_examples.items():
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
