"""What a move read and what became of it: the same figures from a dry run and from the real one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

OUTCOMES = ("created", "updated", "linked", "unchanged", "refused", "suppressed", "skipped")
MOST_REASONS = 200


@dataclass(slots=True)
class Tally:
    """Of one table of one file. ``read`` is the sum of all outcomes, always."""

    read: int = 0
    created: int = 0
    updated: int = 0
    linked: int = 0
    unchanged: int = 0
    refused: int = 0
    suppressed: int = 0
    skipped: int = 0
    kept: int = 0  # rows kept with their original
    sha256: str = ""  # of the originals kept, in their order
    reasons: Counter[str] = field(default_factory=Counter)  # why refused, values left out
    notes: Counter[str] = field(default_factory=Counter)  # of rows that were taken

    def count(self, outcome: str, number: int = 1) -> None:
        setattr(self, outcome, getattr(self, outcome) + number)

    def refuse(self, reasons: Iterable[str]) -> None:
        self.refused += 1
        for reason in reasons:
            self._add(self.reasons, reason)

    def note(self, text: str) -> None:
        self._add(self.notes, text)

    def keep(self, row_hash: str) -> None:
        """Chain the hash of a row that is kept, so that counting can go on after a kill."""
        self.kept += 1
        self.sha256 = chained(self.sha256, row_hash)

    def _add(self, counter: Counter[str], text: str) -> None:
        counter[text if text in counter or len(counter) < MOST_REASONS else "other"] += 1

    @property
    def holds(self) -> bool:
        return self.read == sum(getattr(self, name) for name in OUTCOMES)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "reasons": dict(self.reasons), "notes": dict(self.notes)}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Tally:
        return cls(**{**kept, "reasons": Counter(kept["reasons"]),
                      "notes": Counter(kept["notes"])})  # fmt: skip


def chained(before: str, row_hash: str) -> str:
    return sha256(f"{before}{row_hash}".encode()).hexdigest()


def lines(report: dict[str, Any]) -> list[str]:
    """The report for a terminal."""
    found = []
    for key, kept in report.get("tables", {}).items():
        file, _, table = key.partition(" ")
        tally = Tally.of(kept)
        told = ", ".join(f"{getattr(tally, name):,} {name}" for name in OUTCOMES
                         if getattr(tally, name))  # fmt: skip
        found.append(f"{report['files'][int(file)]} {table}: {tally.read:,} read = {told or '0'}")
        if tally.kept:
            found.append(f"  {tally.kept:,} kept, SHA-256 {tally.sha256}")
        for counter, word in ((tally.reasons, "refused"), (tally.notes, "note")):
            found += [f"  {word}: {number:,} x {text}" for text, number in counter.most_common(20)]
    found += [f"left alone: {name}" for name in report.get("left_alone", [])]
    found += [f"config {name}: {text}" for name, text in report.get("config", {}).items()]
    return found
