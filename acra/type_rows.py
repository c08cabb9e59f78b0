"""Typed rows for COPY out of packed ones: plain rows by columns, the others one by one."""

from __future__ import annotations

from collections import Counter
from datetime import date

import polars as pl

from acra.normalise import Normaliser
from acra.plain_rows import PlainRows

__all__ = ["RowTyper", "as_numbers"]


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


def as_numbers(uens: pl.Series) -> list[int]:
    """Well-shaped UENs as ``acra.uen.from_number`` reads them, sorted."""
    return ("1" + uens).str.to_integer(base=36, dtype=pl.UInt64).sort().to_list()
