"""One measured figure: a ratio against a floor of the same run, never an absolute time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """``ratio`` must not exceed ``limit`` (or, with ``at_least``, must reach it)."""

    name: str
    ratio: float
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        if self.limit is None:
            return True
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def line(self) -> str:
        word = "at least" if self.at_least else "at most"
        bound = "" if self.limit is None else f" ({word} {self.limit:g})"
        verdict = "ok  " if self.holds else "FAIL"
        note = f" - {self.note}" if self.note else ""
        return f"{verdict} {self.ratio:8.2f}{bound}  {self.name}{note}"
