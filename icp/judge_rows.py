"""Judge the rows of an uploaded table: which values each holds, or all that is wrong with it.

Columns are found by name: ``kind`` and ``value``, or one column per kind (``email``, ``domain``,
``uen``, ``phone``), and ``reason``. Without a header the first column holds values of any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from icp.models import Suppression
from icp.normalise import NotAValueError, guess_kind, normalise
from icp.read_table import Table
from icp.suppressions import hash_of
from tenants.files.neutralise import plain

Kind = Suppression.Kind
REASON_COLUMN = "why_refused"
HEADERS = {
    **dict.fromkeys(("kind", "type"), "kind"),
    **dict.fromkeys(("value", "entry"), "value"),
    **dict.fromkeys(("reason", "note", "comment"), "reason"),
    **dict.fromkeys(("email", "e-mail", "email address", "e-mail address", "mail"), Kind.EMAIL),
    **dict.fromkeys(("domain", "website", "host", "url"), Kind.DOMAIN),
    **dict.fromkeys(("uen", "company uen"), Kind.UEN),
    **dict.fromkeys(("phone", "telephone", "mobile", "tel", "phone number"), Kind.PHONE),
    REASON_COLUMN: "ignored",
}
KIND_WORDS = {
    **{kind.lower(): kind for kind in Kind.values},
    "e-mail": Kind.EMAIL, "mail": Kind.EMAIL, "website": Kind.DOMAIN, "telephone": Kind.PHONE,
    "company": Kind.UEN,
}  # fmt: skip


@dataclass(slots=True)
class Row:
    """One row of the file and what became of it."""

    number: int  # as a spreadsheet counts, the header included
    cells: list[str]
    values: list[list[str]] = field(default_factory=list)  # kind, normalised, hash, reason
    outcome: str = "new"  # new, present or refused
    reasons: list[str] = field(default_factory=list)


def judge_rows(table: Table, *, reason: str) -> list[Row]:
    header, start = _header(table)
    return judged(table, start=start, read=lambda row: _read_row(row, header, reason=reason))


def judged(table: Table, *, start: int, read: Callable[[Row], None]) -> list[Row]:
    """The rows from ``start`` on that are not empty, each read or refused with all its reasons.

    ``read`` fills ``values`` or ``reasons``. A header, where there is one, comes first as row 0, so
    that the error file can begin with it.
    """
    rows = [Row(0, table.rows[0], outcome="header")] if start else []
    for index in range(start, len(table.rows)):
        row = Row(index + 1, table.rows[index])
        if index in table.broken:
            row.reasons.append(table.broken[index])
        elif not any(cell.strip() for cell in row.cells):
            continue
        else:
            read(row)
        rows.append(row)
        if row.reasons:
            refuse(row)
    return rows


def settle_same(rows: Sequence[Row], *, differ: bool, why: str) -> None:
    """Of accepted rows about one thing the first counts, and the others are ``present``.

    Those that ``differ`` are all refused, since nobody knows which is right; ``why`` ends the
    sentence that names them.
    """
    first, *others = rows
    if differ:
        numbers = ", ".join(str(row.number) for row in rows[:10])
        for row in rows:
            refuse(row, f"Rows {numbers} {why}.")
        return
    for row in others:
        row.outcome = "present"
        row.reasons.append(f"Row {first.number} says the same.")


def refuse(row: Row, *reasons: str) -> None:
    row.reasons += reasons
    row.outcome, row.values = "refused", []


def _header(table: Table) -> tuple[list[str], int]:
    """What each column is, and where the values begin."""
    first = [HEADERS.get(" ".join(cell.lower().split()), "") for cell in table.rows[0]]
    if any(first):
        return first, 1
    return ["value"], 0


def _read_row(row: Row, header: list[str], *, reason: str) -> None:
    cells = dict.fromkeys(("kind", "reason"), "")
    asked: list[tuple[str, str]] = []
    for name, cell in zip(header, map(plain, row.cells), strict=False):
        if name in cells:
            cells[name] = cell.strip()
        elif name in {"value", *Kind.values} and cell.strip():
            asked.append((name, cell))
    why = cells["reason"][:500] or reason
    if not why.isprintable():
        row.reasons.append("The reason holds characters that cannot be shown.")
    if not asked:
        row.reasons.append("There is no value in this row.")
    for name, cell in asked:
        kind = _kind(name, cell, cells["kind"])
        if kind is None:
            row.reasons.append(
                f"{_short(cell)} is no e-mail address, domain, UEN or telephone number."
            )
            continue
        try:
            value = normalise(kind, cell)
        except NotAValueError as exc:
            row.reasons.append(str(exc))
        else:
            row.values.append([kind, value, hash_of(kind, value), why])


def _kind(name: str, cell: str, given: str) -> str | None:
    if name != "value":
        return name
    return KIND_WORDS.get(given.lower()) if given else guess_kind(cell)


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else f"{cell[:57]}...")
