"""Postal codes: lost zeros given back, and the district a code lies in.

Six digits; the first two are the sector, which lies in one of 28 districts. Some releases were
saved by a spreadsheet that ate the leading zero: 5 digits become 6, and 3 become 4 (the old sector
codes of four digits). Nothing else is guessed, and only six digits have a district.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

__all__ = ["SECTORS_FILE", "district_names", "district_of", "districts_by_sector", "repair"]

SECTORS_FILE = Path(__file__).with_name("data") / "postal_sectors.csv"
_LOST_ZERO = re.compile(r"[0-9]{5}|[0-9]{3}")
_FULL = re.compile(r"[0-9]{6}")


def repair(postal_code: str) -> str:
    """Give back the one zero that a code of 5 or 3 digits has lost; all else stays as it is."""
    return f"0{postal_code}" if _LOST_ZERO.fullmatch(postal_code) else postal_code


def district_of(postal_code: str) -> int | None:
    """The district, 1 to 28, of a code of six digits; ``None`` for all else and sector 74."""
    if not _FULL.fullmatch(postal_code):
        return None
    return districts_by_sector().get(postal_code[:2])


@cache
def districts_by_sector() -> dict[str, int]:
    """Sector ("01") -> district (1)."""
    return {row["sector"]: int(row["district"]) for row in _rows() if row["district"]}


@cache
def district_names() -> dict[int, str]:
    """District -> general location, as the public list has it."""
    return {int(row["district"]): row["general_location"] for row in _rows() if row["district"]}


def _rows() -> list[dict[str, str]]:
    with SECTORS_FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
