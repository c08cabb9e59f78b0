"""Typed rows for COPY out of packed ones: plain rows by columns, the others one by one."""

from __future__ import annotations

from collections import Counter
from datetime import date

import polars as pl

from acra.normalise import Normaliser
from acra.plain_rows import PlainRows
from acra.uen import from_number

__all__ = ["RowTyper", "SeenUens"]


class RowTyper:
    """Turns packed rows into those of ``acra.normalise.TYPED`` and counts what was odd."""

    def __init__(self, *, today: date) -> None:
        self._plain = PlainRows(today=today)
        self._others = Normaliser(today=today)

    def take_warnings(self) -> tuple[Counter[str], dict[str, list[str]]]:
        """Warnings (kind -> rows) and examples since they were last taken."""
        return self._others.take_warnings()

    def typed(self, packed: pl.Series) -> tuple[bytes, pl.Series]:
        """The rows in COPY's text format, in any order, and their UENs."""
        plain, others = self._plain.part(packed)
        for kind, uen, value in self._plain.noted(plain):
            self._others.warn(kind, uen, value)
        rows = self._others.rows(others)
        uens = pl.Series("uen", [row.partition("\t")[0] for row in rows], dtype=pl.String)
        text = "".join(f"{row}\n" for row in rows)
        return self._plain.rows(plain) + text.encode(), plain["uen"].append(uens)


class SeenUens:
    """The UENs of all rows that were read, eight bytes each."""

    def __init__(self) -> None:
        self._numbers: list[pl.Series] = []

    def add(self, uens: pl.Series) -> None:
        """Remember well-shaped UENs, as ``acra.uen.from_number`` reads them."""
        self._numbers.append(("1" + uens).str.to_integer(base=36, dtype=pl.UInt64))

    def repeated(self) -> list[str]:
        """Those that were added more than once. Two million take 0.2 s and 40 MB."""
        if not self._numbers:
            return []
        numbers = pl.concat(self._numbers).sort()
        repeated = numbers.filter(numbers == numbers.shift(1)).unique()
        return sorted(map(from_number, repeated.to_list()))
