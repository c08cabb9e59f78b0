"""From one published row to the typed columns beside it: what is missing, what a value means.

A published row travels as one line: its 53 values in the order of ``PUBLISHED``, parted by
``SEPARATOR``, with the ``na`` at the end left out (``pack``, ``unpack``). It is kept as it is.
Typed values have single spaces, no invisible signs, and nothing where the publisher wrote ``na``.
This module knows no database; it also runs in the processes that read large files.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

from acra.columns import FORMER_NAMES, MISSING, PLACE, PUBLISHED
from acra.names import fold_name
from acra.postal import districts_by_sector, repair
from acra.status import StatusClass, status_class
from acra.uen import clean_uen, has_good_letter

__all__ = [
    "SEPARATOR", "SSIC_EDITION", "SSIC_FILE", "TYPED", "Normaliser", "clean", "copy_text", "pack",
    "published_row", "unpack",
]  # fmt: skip

SEPARATOR = "\x1f"
SSIC_EDITION = "2025A"
SSIC_FILE = Path(__file__).with_name("data") / f"ssic_{SSIC_EDITION}.csv"

# Columns of acra_registeredcompany in the order ``Normaliser.rows`` writes them.
TYPED = (
    "uen", "name", "name_key", "former_names", "former_keys", "entity_type", "company_type",
    "constitution", "status", "status_class", "registered_on", "uen_issued_on", "block", "street",
    "level", "unit", "building", "postal_code", "district", "address_key", "primary_ssic",
    "secondary_ssic", "primary_activity", "annual_return_on", "accounts_due_on", "officers_count",
    "published",
)  # fmt: skip
LONGEST_NAME = 500  # characters; the longest real one has under 200
LONGEST_VALUE = 100  # of the other texts; several stand in one index row, which has its limit
ENTITY_TYPES = {"LLP": "Limited Liability Partnership", "LP": "Limited Partnership"}  # May 2025

_NA = "na"
_COUNT = len(PUBLISHED)
_NAME = PLACE["entity_name"]
_FORMER = slice(PLACE[FORMER_NAMES[0]], PLACE[FORMER_NAMES[-1]] + 1)
_NULL = "\\N"  # in the text format of COPY
_SSIC = re.compile(r"[0-9]{5}")
_FULL_POSTAL_CODE = 6
_LONGEST_COUNT = 6  # digits
_EMPTY = [""] * _COUNT
_UNKNOWN = StatusClass.UNKNOWN.value
# A row without any of these, in ASCII and not too long, needs no look at single values (99 of 100).
_SPACE_LEFT, _SPACE_RIGHT, _NOTHING = f"{SEPARATOR} ", f" {SEPARATOR}", SEPARATOR + SEPARATOR
_NA1, _NA2, _NA3, _NA4, _DASH = (
    f"{SEPARATOR}{w}{SEPARATOR}" for w in ("NA", "Na", "N/A", "n/a", "-")
)
_LONGEST_TIDY = 600  # characters
_TIDY_NA = f"{SEPARATOR}{_NA}{SEPARATOR}"


def pack(values: list[str]) -> str:
    """One line for a row of 53 values."""
    last = _COUNT
    while last > 1 and values[last - 1] == _NA:
        last -= 1
    return SEPARATOR.join([value.replace(SEPARATOR, " ") for value in values[:last]])


def unpack(line: str) -> list[str]:
    """The 53 values of a line, exactly as published."""
    values = line.split(SEPARATOR)
    return values + [_NA] * (_COUNT - len(values))


def published_row(line: str) -> dict[str, str]:
    """Column -> value of a line."""
    return dict(zip(PUBLISHED, unpack(line), strict=True))


def clean(value: str) -> str:
    """``value`` with single spaces and no control or invisible characters; ``na`` is empty."""
    if not (value.isascii() and value.isprintable()):
        value = "".join(map(_visible, value))
    value = " ".join(value.split())
    return "" if value.lower() in MISSING else value


def copy_text(value: str) -> str:
    """``value`` as the text format of COPY wants it."""
    value = value.replace("\\", "\\\\")
    return value.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


class Normaliser:
    """Turns lines into rows for COPY and counts what was odd about them.

    ``warnings``: kind -> rows, of rows that were kept; ``examples``: kind -> a few of them.
    """

    EXAMPLES = 5

    def __init__(self, *, today: date) -> None:
        self.warnings: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self._dates = _Dates(today=today)
        self._statuses = _Statuses()
        self._districts = districts_by_sector()
        self._ssic_codes = _ssic_codes()

    def rows(self, lines: Iterable[str]) -> list[str]:
        """For each line the values of ``TYPED``, parted by tabs. About 5 microseconds a row.

        One long loop on purpose: a function per column would double the time of a first load.
        """
        rows: list[str] = []
        put, dates, statuses = rows.append, self._dates, self._statuses
        districts, ssic_codes, entity_types = self._districts, self._ssic_codes, ENTITY_TYPES
        odd_dates = dates.odd
        for line in lines:
            if (
                "  " in line or _SPACE_LEFT in line or _SPACE_RIGHT in line or _NOTHING in line
                or _NA1 in line or _NA2 in line or _NA3 in line or _NA4 in line or _DASH in line
                or "\\" in line or "\t" in line or "\n" in line or not line.isascii()
                or not line[:10].isupper() or len(line) > _LONGEST_TIDY
            ):  # fmt: skip
                published, values = copy_text(line), self._cleaned(line)
            else:
                published = line
                # twice, because neighbours share a separator
                values = (
                    line.replace(_TIDY_NA, _NOTHING).replace(_TIDY_NA, _NOTHING).split(SEPARATOR)
                )
                values += _EMPTY[len(values) :]
            (
                uen, _, name, entity_type, constitution, company_type, _, status, registered,
                issued, _, block, street, level, unit, building, postal, _, _, due, returned, ssic,
                described, activity, ssic2, _, _, officers, former, *_,
            ) = values  # fmt: skip
            former_names, former_keys = _former(values) if former else ("[]", "")
            if len(postal) == _FULL_POSTAL_CODE and postal[:2] in districts and postal.isdecimal():
                district: int | str = districts[postal[:2]]
            else:
                postal, district = self._odd_postal_code(uen, postal)
            if registered in odd_dates or issued in odd_dates:
                self._odd_dates(uen, registered, issued)
            if ssic not in ssic_codes:
                ssic = self._odd_ssic(uen, ssic)
            if ssic2 not in ssic_codes:
                ssic2 = self._odd_ssic(uen, ssic2)
            if (status_kind := statuses[status]) == _UNKNOWN:
                self._warn("status not known", uen, status)
            if not has_good_letter(uen):
                self._warn("check letter does not fit", uen, "")
            if not officers.isdecimal() or len(officers) > _LONGEST_COUNT:
                officers = _NULL
            address_key = postal if len(postal) == _FULL_POSTAL_CODE else ""
            if unit and address_key:
                address_key = f"{postal} #{level}-{unit}"
            put(
                f"{uen}\t{name}\t{fold_name(name)[:LONGEST_NAME]}\t{former_names}\t{former_keys}"
                f"\t{entity_types.get(entity_type, entity_type)}\t{company_type}\t{constitution}"
                f"\t{status}\t{status_kind}\t{dates[registered]}\t{dates[issued]}\t{block}"
                f"\t{street}\t{level}\t{unit}\t{building}\t{postal}\t{district}\t{address_key}"
                f"\t{ssic}\t{ssic2}\t{activity or described}\t{dates[returned]}\t{dates[due]}"
                f"\t{officers}\t{published}"
            )
        return rows

    def _cleaned(self, line: str) -> list[str]:
        raw = unpack(line)
        values = [clean(value)[:LONGEST_VALUE].rstrip() for value in raw]
        values[0] = clean_uen(raw[0])
        # "NA" may be a name; only the publisher's own "na" is none.
        name = " ".join("".join(map(_visible, raw[_NAME])).split())
        if name in ("", _NA):
            self._warn("no name", values[0], "")
            name = ""
        elif len(name) > LONGEST_NAME:
            self._warn("name cut", values[0], name)
        values[_NAME] = name[:LONGEST_NAME].rstrip()
        return [value.replace("\\", "\\\\") for value in values]

    def _odd_postal_code(self, uen: str, postal: str) -> tuple[str, int | str]:
        """Zeros given back; no district for what is none."""
        repaired = repair(postal)
        if repaired != postal:
            self._warn("zero of the postal code restored", uen, postal)
        elif postal:
            self._warn("postal code in no district", uen, postal)
        if len(repaired) == _FULL_POSTAL_CODE and repaired.isdecimal():
            return repaired, self._districts.get(repaired[:2], _NULL)
        return repaired, _NULL

    def _odd_dates(self, uen: str, *dates: str) -> None:
        for value in dates:
            if value in self._dates.odd:
                is_date = self._dates[value] != _NULL
                self._warn("date in the future" if is_date else "date is none", uen, value)

    def _odd_ssic(self, uen: str, code: str) -> str:
        """Five digits are kept, even of another edition; all else is no code."""
        if not code:
            return ""
        if _SSIC.fullmatch(code) and code != "00000":
            self._warn(f"SSIC code not in {SSIC_EDITION}", uen, code)
            return code
        self._warn("SSIC code is none", uen, code)
        return ""

    def _warn(self, kind: str, uen: str, value: str) -> None:
        self.warnings[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < self.EXAMPLES:
            examples.append(f"{uen} {value[:60]}".strip())


class _Dates(dict[str, str]):
    """Published date -> date for COPY; ``odd`` are those that are none, or lie in the future.

    Each is worked out once: two million rows have some fifty thousand dates.
    """

    FAR = 3  # years ahead that a due date may lie

    def __init__(self, *, today: date) -> None:
        super().__init__({"": _NULL})
        self.odd: set[str] = set()
        self._latest = today.replace(year=today.year + self.FAR, day=1)

    def __missing__(self, text: str) -> str:
        try:
            found = date.fromisoformat(text) if len(text) == len("2026-01-31") else None
        except ValueError:
            found = None
        if found is None or found > self._latest:
            self.odd.add(text)
        self[text] = result = _NULL if found is None else text
        return result


class _Statuses(dict[str, str]):
    """Status label -> its class, each worked out once."""

    def __missing__(self, label: str) -> str:
        self[label] = result = status_class(label).value
        return result


def _former(values: list[str]) -> tuple[str, str]:
    names = [name.replace("\\\\", "\\") for name in values[_FORMER] if name]
    keys = " ".join(filter(None, map(fold_name, names)))
    return json.dumps(names, ensure_ascii=False).replace("\\", "\\\\"), keys


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs" | "Co":
            return ""
    return character


@cache
def _ssic_codes() -> frozenset[str]:
    with SSIC_FILE.open(encoding="utf-8", newline="") as file:
        return frozenset(row["code"] for row in csv.DictReader(file) if row["level"] == "sub-class")
