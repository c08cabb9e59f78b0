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
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache, partial
from itertools import zip_longest
from pathlib import Path

from acra.columns import FORMER_NAMES, MISSING, PLACE, PUBLISHED
from acra.names import fold_name
from acra.postal import district_of, repair
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
LONGEST_COUNT = 6  # digits
MOST_REMEMBERED = 50_000  # values of one column, 10 MB; a column of the register repeats its values
ROWS_AT_ONCE = 64  # so that their values stay in the processor's cache: a quarter faster
ENTITY_TYPES = {"LLP": "Limited Liability Partnership", "LP": "Limited Partnership"}  # May 2025

_NA = "na"
_COUNT = len(PUBLISHED)
_NULL = "\\N"  # in the text format of COPY
_SSIC = re.compile(r"[0-9]{5}")
_FULL_POSTAL_CODE = 6


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

    Works by column: a converter is asked once for each value it has not met, because two million
    rows have few statuses, some fifty thousand dates and a hundred thousand postal codes.
    ``warnings``: kind -> rows, of rows that were kept; ``examples``: kind -> a few of them.
    """

    EXAMPLES = 5

    def __init__(self, *, today: date) -> None:
        self.warnings: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        dates = _Column(partial(_date, latest=today.replace(year=today.year + 3, day=1)))
        registered = _Column(partial(_date, latest=today))
        text, ssic = _Column(_text), _Column(_ssic)
        self._former, self._activity = _Column(_former), _Column(_text)
        self._columns: dict[str, _Column] = {
            "entity_type_description": _Column(_entity_type),
            "company_type_description": text,
            "business_constitution_description": text,
            "entity_status_description": _Column(_status),
            "registration_incorporation_date": registered,
            "uen_issue_date": dates,
            "block": _Column(_text),
            "street_name": _Column(_text),
            "level_no": text,
            "unit_no": _Column(_text),
            "building_name": _Column(_text),
            "postal_code": _Column(_postal_code),
            "primary_ssic_code": ssic,
            "secondary_ssic_code": ssic,
            "annual_return_date": dates,
            "account_due_date": dates,
            "no_of_officers": _Column(_officers),
        }

    def rows(self, lines: Sequence[str]) -> list[str]:
        """For each line the values of ``TYPED``, parted by tabs. About 5 microseconds a row."""
        rows: list[str] = []
        for start in range(0, len(lines), ROWS_AT_ONCE):
            rows += self._rows(lines[start : start + ROWS_AT_ONCE])
        return rows

    def _rows(self, lines: Sequence[str]) -> Iterator[str]:
        published = list(zip_longest(*[line.split(SEPARATOR) for line in lines], fillvalue=_NA))
        nothing = (_NA,) * len(lines)
        published += [nothing] * (_COUNT - len(published))
        is_clean = _is_clean("".join(published[0]))
        uens = list(published[0] if is_clean else map(clean_uen, published[0]))
        typed = {
            name: list(map(column.__getitem__, published[PLACE[name]]))
            for name, column in self._columns.items()
        }
        for name, column in self._columns.items():
            if not column.odd.keys().isdisjoint(published[PLACE[name]]):
                self._warn_of(column, uens, published[PLACE[name]])
        self._check_letters(uens)
        names = self._names(uens, published[PLACE["entity_name"]])
        postal = typed["postal_code"]
        escaped = partial(map, copy_text) if _has_signs(lines) else iter
        rows = zip(
            uens,
            escaped(names),
            map(_key, names),
            self._former_names(published),
            typed["entity_type_description"],
            typed["company_type_description"],
            typed["business_constitution_description"],
            typed["entity_status_description"],
            typed["registration_incorporation_date"],
            typed["uen_issue_date"],
            typed["block"],
            typed["street_name"],
            typed["level_no"],
            typed["unit_no"],
            typed["building_name"],
            postal,
            map(_address_key, postal, typed["level_no"], typed["unit_no"]),
            typed["primary_ssic_code"],
            typed["secondary_ssic_code"],
            self._activities(published),
            typed["annual_return_date"],
            typed["account_due_date"],
            typed["no_of_officers"],
            escaped(lines),
            strict=True,
        )
        return map("\t".join, rows)

    def _names(self, uens: list[str], published: Sequence[str]) -> list[str]:
        """Names cleaned; "NA" may be one, only the publisher's own ``na`` is none."""
        names = list(map(_name, published))
        if "" in names or max(map(len, published)) > LONGEST_NAME:
            for uen, name, raw in zip(uens, names, published, strict=True):
                if not name:
                    self._warn("no name", uen, raw)
                elif len(raw) > LONGEST_NAME:
                    self._warn("name cut", uen, raw)
        return names

    def _former_names(self, published: list[tuple[str, ...]]) -> list[str]:
        """The list as JSON and, after a tab, its words for the search."""
        columns = published[PLACE[FORMER_NAMES[0]] : PLACE[FORMER_NAMES[-1]] + 1]
        columns = [column for column in columns if column.count(_NA) < len(column)]
        if not columns:
            return ["[]\t"] * len(published[0])
        return list(map(self._former.__getitem__, map(SEPARATOR.join, zip(*columns, strict=True))))

    def _activities(self, published: list[tuple[str, ...]]) -> list[str]:
        """The owner's own words stand in one of two columns, by release."""
        own = published[PLACE["primary_user_described_activity"]]
        described = published[PLACE["primary_ssic_description"]]
        find = self._activity.__getitem__
        if own.count(_NA) == len(own):
            return list(map(find, described))
        return [find(one) or find(other) for one, other in zip(own, described, strict=True)]

    def _check_letters(self, uens: list[str]) -> None:
        if not all(map(has_good_letter, uens)):
            for uen in uens:
                if not has_good_letter(uen):
                    self._warn("check letter does not fit", uen, "")

    def _warn_of(self, column: _Column, uens: list[str], values: Sequence[str]) -> None:
        for uen, value in zip(uens, values, strict=True):
            if value in column.odd:
                self._warn(column.odd[value], uen, value)

    def _warn(self, kind: str, uen: str, value: str) -> None:
        self.warnings[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < self.EXAMPLES:
            examples.append(f"{uen} {value[:60]}".strip())


class _Column(dict[str, str]):
    """Published value -> value for COPY, worked out once each; ``odd``: value -> what is odd."""

    def __init__(self, convert: Callable[[str], tuple[str, str]]) -> None:
        super().__init__()
        self.odd: dict[str, str] = {}
        self._convert = convert

    def __missing__(self, published: str) -> str:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
            self.odd.clear()
        value, odd = self._convert(published)
        self[published] = value
        if odd:
            self.odd[published] = odd
        return value


# --- converters: published value -> (value for COPY, what is odd about it or "") -----------------


def _text(published: str) -> tuple[str, str]:
    return clean(published)[:LONGEST_VALUE].rstrip().replace("\\", "\\\\"), ""


def _entity_type(published: str) -> tuple[str, str]:
    value, _ = _text(published)
    return ENTITY_TYPES.get(value, value), ""


def _status(published: str) -> tuple[str, str]:
    """The label and, after a tab, its class."""
    label, _ = _text(published)
    kind = status_class(label)
    return f"{label}\t{kind}", "status not known" if kind is StatusClass.UNKNOWN else ""


def _date(published: str, *, latest: date) -> tuple[str, str]:
    text = clean(published)
    try:
        found = date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        found = None
    if found is None:
        return _NULL, "date is none" if text else ""
    return found.isoformat(), "date in the future" if found > latest else ""


def _postal_code(published: str) -> tuple[str, str]:
    """The code, lost zeros given back, and after a tab its district."""
    text, _ = _text(published)
    code = repair(text)
    district = district_of(code)
    odd = "" if district or not text else "postal code in no district"
    if code != text:
        odd = "zero of the postal code restored"
    return f"{code}\t{district or _NULL}", odd


def _ssic(published: str) -> tuple[str, str]:
    """Five digits are kept, even of another edition; all else is no code."""
    code = clean(published)
    if not code or code in _ssic_codes():
        return code, ""
    if _SSIC.fullmatch(code) and code != "00000":
        return code, f"SSIC code not in {SSIC_EDITION}"
    return "", "SSIC code is none"


def _officers(published: str) -> tuple[str, str]:
    text = clean(published)
    is_count = text.isascii() and text.isdecimal() and len(text) <= LONGEST_COUNT
    return (text, "") if is_count else (_NULL, "")


def _former(published: str) -> tuple[str, str]:
    names = [name for name in map(clean, published.split(SEPARATOR)) if name]
    keys = " ".join(filter(None, map(fold_name, names)))
    return f"{copy_text(json.dumps(names, ensure_ascii=False))}\t{keys}", ""


def _name(published: str) -> str:
    if not (published.isascii() and published.isprintable()):
        published = "".join(map(_visible, published))
    if "  " in published or published.strip() != published:
        published = " ".join(published.split())
    if len(published) > LONGEST_NAME:
        published = published[:LONGEST_NAME].rstrip()
    return "" if published == _NA else published


def _key(name: str) -> str:
    return fold_name(name)[:LONGEST_NAME]


def _address_key(postal: str, level: str, unit: str) -> str:
    if postal[_FULL_POSTAL_CODE : _FULL_POSTAL_CODE + 1] != "\t":
        return ""
    code = postal[:_FULL_POSTAL_CODE]
    return f"{code} #{level}-{unit}" if unit else code


def _is_clean(uens: str) -> bool:
    return uens.isascii() and uens.isalnum() and uens.isupper()


def _has_signs(lines: Sequence[str]) -> bool:
    """Whether any line holds what ``copy_text`` must escape."""
    text = "\x1e".join(lines)
    return "\\" in text or "\t" in text or "\n" in text or "\r" in text


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
