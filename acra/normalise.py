"""From published rows to the typed columns beside them, as rows for COPY.

A published row travels as one line: its 53 values in the order of ``PUBLISHED``, parted by
``SEPARATOR``, with the ``na`` at the end left out (``pack``, ``unpack``). It is kept as it is.
This module knows no database; it also runs in the processes that read large files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import zip_longest

from acra.columns import FORMER_NAMES, PLACE, PUBLISHED
from acra.names import fold_names
from acra.uen import clean_uen, wrong_letters
from acra.values import (
    LONGEST_NAME,
    Converted,
    clean_name,
    copy_text,
    count_value,
    date_value,
    entity_type,
    former_names,
    postal_value,
    ssic_value,
    status_value,
    text_value,
)  # fmt: skip

__all__ = ["SEPARATOR", "TYPED", "Normaliser", "pack", "published_row", "unpack"]

SEPARATOR = "\x1f"

# Columns of acra_registeredcompany in the order ``Normaliser.rows`` writes them.
TYPED = (
    "uen", "name", "name_key", "former_names", "former_keys", "entity_type", "company_type",
    "constitution", "status", "status_class", "registered_on", "uen_issued_on", "block", "street",
    "level", "unit", "building", "postal_code", "district", "address_key", "primary_ssic",
    "secondary_ssic", "primary_activity", "annual_return_on", "accounts_due_on", "officers_count",
    "published",
)  # fmt: skip
MOST_REMEMBERED = 130_000  # values of one column, 30 MB; all 121,015 postal codes in use fit
ROWS_AT_ONCE = 128  # so that their values stay in the processor's cache: a quarter faster

_NA = "na"
_COUNT = len(PUBLISHED)
_USUAL = PLACE[FORMER_NAMES[0]]  # values of a row without former names and audit firms
_ODD = "\x1e"  # begins a typed value that is to be counted; no cleaned text holds it
_ODD_ESCAPED = "\\x1e"  # the same in a published line


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

    Works by column: a converter is asked once for each value it has not met, because two million
    rows have few statuses, some fifty thousand dates and a hundred thousand postal codes.
    ``warnings``: kind -> rows, of rows that were kept; ``examples``: kind -> a few of them.
    """

    EXAMPLES = 5

    def __init__(self, *, today: date) -> None:
        self.warnings: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        later = partial(date_value, latest=today.replace(year=today.year + 3, day=1))
        text, ssic = _Column(text_value), _Column(ssic_value)
        annual = _Column(later)
        self._registered = _Column(partial(date_value, latest=today))
        self._issued = _Column(later)
        # In the order of TYPED; those of a group stand beside each other there.
        self._kinds = _Group({
            "entity_type_description": _Column(entity_type),
            "company_type_description": text,
            "business_constitution_description": text,
            "entity_status_description": _Column(status_value),
        })  # fmt: skip
        self._activity = _Column(text_value)
        self._columns: dict[str, _Column] = {
            "block": _Column(text_value),
            "street_name": _Column(text_value),
            "level_no": text,
            "unit_no": _Column(text_value),
            "building_name": _Column(text_value),
            "postal_code": _Column(postal_value),
            "primary_ssic_code": ssic,
            "secondary_ssic_code": ssic,
        }
        self._filings = _Group({
            "annual_return_date": annual,
            "account_due_date": annual,
            "no_of_officers": _Column(count_value),
        })  # fmt: skip
        self._checked = {
            **self._kinds.columns,
            "registration_incorporation_date": self._registered,
            "uen_issue_date": self._issued,
            **self._columns,
            **self._filings.columns,
        }

    def take_warnings(self) -> tuple[Counter[str], dict[str, list[str]]]:
        """Warnings and examples since they were last taken."""
        taken = self.warnings, self.examples
        self.warnings, self.examples = Counter(), {}
        return taken

    def rows(self, lines: Sequence[str]) -> list[str]:
        """For each line, in any order, the values of ``TYPED``, parted by tabs."""
        usual = [line for line in lines if line.count(SEPARATOR) == _USUAL - 1]
        others = [line for line in lines if line.count(SEPARATOR) != _USUAL - 1]
        return self.usual_rows(usual) + self.other_rows(others)

    def usual_rows(self, lines: Sequence[str]) -> list[str]:
        """For lines without former names and audit firms: nine of ten."""
        rows: list[str] = []
        for some in _batches(lines):
            text = SEPARATOR.join(some)
            values = text.split(SEPARATOR)
            columns = [values[place::_USUAL] for place in range(_USUAL)]
            rows += self._rows(some, columns, has_signs=_has_signs(text))
        return rows

    def other_rows(self, lines: Sequence[str]) -> list[str]:
        """For lines of any length."""
        rows: list[str] = []
        for some in _batches(lines):
            split = [line.split(SEPARATOR) for line in some]
            columns = list(map(list, zip_longest(*split, fillvalue=_NA)))
            columns += [[_NA] * len(some)] * (_USUAL - len(columns))
            rows += self._rows(some, columns, has_signs=_has_signs("".join(some)))
        return rows

    def _rows(
        self, lines: Sequence[str], published: list[list[str]], *, has_signs: bool
    ) -> list[str]:
        uens = published[0]
        if not _is_clean("".join(uens)):
            uens = list(map(clean_uen, uens))
        for uen in wrong_letters(uens):
            self._warn("check letter does not fit", uen, "")
        names = self._names(uens, published[PLACE["entity_name"]])
        keys = [key[:LONGEST_NAME] for key in fold_names(names)]
        if has_signs:
            names = list(map(copy_text, names))
            lines = [copy_text(line).replace(_ODD, _ODD_ESCAPED) for line in lines]
        columns = [
            list(map(column.__getitem__, published[PLACE[name]]))
            for name, column in self._columns.items()
        ]
        block, street, level, unit, building, postal, primary, secondary = columns
        address = [
            f"{code} #{floor}-{door}" if door and code[-1] != "\t" else code
            for floor, door, code in zip(level, unit, postal, strict=True)
        ]
        typed = zip(
            uens, names, keys, _former_names(published), self._kinds.find(published),
            *self._dates(published), block, street, level, unit, building, address, primary,
            secondary, self._activities(published), self._filings.find(published), lines,
            strict=True,
        )  # fmt: skip
        rows = list(map("\t".join, typed))
        if _ODD in "".join(rows):
            for number, row in enumerate(rows):
                if _ODD in row:
                    rows[number] = row.replace(_ODD, "")
                    self._count_odd(uens[number], [column[number] for column in published])
        return rows

    def _dates(self, published: list[list[str]]) -> tuple[list[str], list[str]]:
        """Of registration and of issue: mostly the same."""
        first = published[PLACE["registration_incorporation_date"]]
        registered = list(map(self._registered.__getitem__, first))
        find = self._issued.__getitem__
        issued = [
            same if value == other else find(value)
            for same, other, value in zip(
                registered, first, published[PLACE["uen_issue_date"]], strict=True
            )
        ]
        return registered, issued

    def _names(self, uens: list[str], published: list[str]) -> list[str]:
        if _are_clean(published):
            return published
        names = list(map(clean_name, published))
        for uen, name, raw in zip(uens, names, published, strict=True):
            if not name:
                self._warn("no name", uen, raw)
            elif len(raw) > LONGEST_NAME:
                self._warn("name cut", uen, raw)
        return names

    def _activities(self, published: list[list[str]]) -> list[str]:
        """The owner's own words stand in one of two columns, by release."""
        own = published[PLACE["primary_user_described_activity"]]
        described = published[PLACE["primary_ssic_description"]]
        find = self._activity.__getitem__
        if own.count(_NA) == len(own):
            return list(map(find, described))
        return [find(one) or find(other) for one, other in zip(own, described, strict=True)]

    def _count_odd(self, uen: str, published: list[str]) -> None:
        for name, column in self._checked.items():
            value = published[PLACE[name]]
            if _ODD in column[value]:
                self._warn(column.convert(value)[1], uen, value)

    def _warn(self, kind: str, uen: str, value: str) -> None:
        self.warnings[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < self.EXAMPLES:
            examples.append(f"{uen} {value[:60]}".strip())


class _Column(dict[str, str]):
    """Published value -> value for COPY, worked out once each; begins with ``_ODD`` if it is."""

    def __init__(self, convert: Callable[[str], Converted]) -> None:
        super().__init__()
        self.convert = convert

    def __missing__(self, published: str) -> str:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        value, odd = self.convert(published)
        self[published] = value = _ODD + value if odd else value
        return value


class _Group(dict[tuple[str, ...], str]):
    """Published values of some columns -> their values for COPY, parted by tabs.

    For columns of which few combinations occur: one look-up instead of several.
    """

    def __init__(self, columns: dict[str, _Column]) -> None:
        super().__init__()
        self.columns = columns

    def __missing__(self, published: tuple[str, ...]) -> str:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        values = zip(self.columns.values(), published, strict=True)
        self[published] = text = "\t".join([column[value] for column, value in values])
        return text

    def find(self, published: list[list[str]]) -> list[str]:
        places = [PLACE[name] for name in self.columns]
        return list(map(self.__getitem__, zip(*[published[p] for p in places], strict=True)))


def _batches(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    return (lines[start : start + ROWS_AT_ONCE] for start in range(0, len(lines), ROWS_AT_ONCE))


def _former_names(published: list[list[str]]) -> list[str]:
    columns = published[_USUAL : PLACE[FORMER_NAMES[-1]] + 1]
    if not columns:
        return ["[]\t"] * len(published[0])
    return list(map(former_names, zip(*columns, strict=True)))


def _is_clean(uens: str) -> bool:
    return uens.isascii() and uens.isalnum() and uens.isupper()


def _are_clean(names: list[str]) -> bool:
    """Whether ``clean_name`` would change none of these, nor find one empty or too long."""
    text = "\n".join(names)
    return (
        text.isascii()
        and "".join(names).isprintable()
        and not any(space in text for space in ("  ", " \n", "\n ", "\n\n"))
        and text[0] not in " \n"
        and text[-1] not in " \n"
        and _NA not in names
        and max(map(len, names)) <= LONGEST_NAME
    )


def _has_signs(text: str) -> bool:
    """Whether ``text`` holds what ``copy_text`` must escape."""
    return any(sign in text for sign in ("\\", "\t", "\n", "\r", _ODD))
