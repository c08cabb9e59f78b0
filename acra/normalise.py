"""From published rows to the typed columns beside them, as rows for COPY.

A published row travels as one line: its 53 values in the order of ``PUBLISHED``, parted by
``SEPARATOR``, with the ``na`` at the end left out (``pack``, ``unpack``). It is kept as it is.
This module knows no database; it also runs in the processes that read large files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial

from acra.columns import FORMER_NAMES, PUBLISHED
from acra.names import fold_name
from acra.uen import clean_uen, has_good_letter
from acra.values import (
    LONGEST_NAME,
    Converted,
    clean_name,
    copy_text,
    count_value,
    date_value,
    entity_type,
    former_names,
    latest_filing,
    postal_value,
    ssic_value,
    status_value,
    text_value,
)  # fmt: skip

__all__ = ["KEPT", "SEPARATOR", "TYPED", "Normaliser", "pack", "published_row", "unpack"]

SEPARATOR = "\x1f"
KEPT = "\x1d"  # in a column that the file does not have: what was known before stays

# Columns of acra_registeredcompany in the order ``Normaliser.rows`` writes them.
TYPED = (
    "uen", "name", "name_key", "former_names", "former_keys", "entity_type", "company_type",
    "constitution", "status", "status_class", "registered_on", "uen_issued_on", "block", "street",
    "level", "unit", "building", "postal_code", "district", "address_key", "primary_ssic",
    "secondary_ssic", "primary_activity", "annual_return_on", "accounts_due_on", "officers_count",
    "published",
)  # fmt: skip
MOST_REMEMBERED = 20_000  # values of one column, 5 MB

_NA = "na"
_COUNT = len(PUBLISHED)
_FILINGS = ("annual_return_date", "account_due_date", "no_of_officers")  # after the activity


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


class Normaliser:
    """Turns lines into rows for COPY and counts what was odd about them.

    The rule for all rows; ``acra.plain_rows`` is quicker where nothing is odd. A converter is asked
    once for each value it has not met. ``warnings``: kind -> rows, of rows that were kept;
    ``examples``: kind -> a few of them.
    """

    EXAMPLES = 5

    def __init__(self, *, today: date) -> None:
        self.warnings: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        later = partial(date_value, latest=latest_filing(today))
        text, ssic, filing = _Column(text_value), _Column(ssic_value), _Column(later)
        # In the order of TYPED, with the address after the postal code, the activity apart.
        self._columns: dict[str, _Column] = {
            "entity_type_description": _Column(entity_type),
            "company_type_description": text,
            "business_constitution_description": text,
            "entity_status_description": _Column(status_value),
            "registration_incorporation_date": _Column(partial(date_value, latest=today)),
            "uen_issue_date": filing,
            "block": text,
            "street_name": text,
            "level_no": text,
            "unit_no": text,
            "building_name": text,
            "postal_code": _Column(postal_value),
            "primary_ssic_code": ssic,
            "secondary_ssic_code": ssic,
            "annual_return_date": filing,
            "account_due_date": filing,
            "no_of_officers": _Column(count_value),
        }

    def take_warnings(self) -> tuple[Counter[str], dict[str, list[str]]]:
        """Warnings and examples since they were last taken."""
        taken = self.warnings, self.examples
        self.warnings, self.examples = Counter(), {}
        return taken

    def rows(self, lines: Iterable[str]) -> list[str]:
        """For each line the values of ``TYPED``, parted by tabs. Ten microseconds a line."""
        return list(map(self._row, lines))

    def _row(self, line: str) -> str:
        published = published_row(line)
        uen = clean_uen(published["uen"])
        if not has_good_letter(uen):
            self.warn("check letter does not fit", uen, "")
        name = self._name(uen, published["entity_name"])
        typed: dict[str, str] = {}
        for column, converted in self._columns.items():
            typed[column], odd = converted[published[column]]
            if odd:
                self.warn(odd, uen, published[column])
        filings = [typed.pop(column) for column in _FILINGS]
        level, unit, code = typed["level_no"], typed["unit_no"], typed["postal_code"]
        if unit and not code.endswith("\t"):
            typed["postal_code"] = f"{code} #{level}-{unit}"
        return "\t".join([
            uen, copy_text(name), fold_name(name)[:LONGEST_NAME],
            former_names(tuple(published[column] for column in FORMER_NAMES)),
            *typed.values(), _activity(published), *filings, copy_text(line),
        ])  # fmt: skip

    def _name(self, uen: str, published: str) -> str:
        name = clean_name(published)
        if not name:
            self.warn("no name", uen, published)
        elif len(published) > LONGEST_NAME:
            self.warn("name cut", uen, published)
        return name

    def warn(self, kind: str, uen: str, value: str) -> None:
        self.warnings[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < self.EXAMPLES:
            examples.append(f"{uen} {value[:60]}".strip())


class _Column(dict[str, Converted]):
    """Published value -> value for COPY and what is odd about it, worked out once each."""

    def __init__(self, convert: Callable[[str], Converted]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, published: str) -> Converted:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[published] = converted = self._convert(published)
        return converted


def _activity(published: dict[str, str]) -> str:
    """The owner's own words stand in one of two columns, by release."""
    own, _ = text_value(published["primary_user_described_activity"])
    return own or text_value(published["primary_ssic_description"])[0]
