"""Judge the rows of a list of Do Not Call results: which result of which number, or all mistakes.

Columns are found by name: ``number`` and ``result``; ``register``, ``checked_on`` and ``reasoning``
where there are any.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time

from icp.judge_rows import REASON_COLUMN, Row, judged, settle_same
from icp.models import Suppression
from icp.normalise import NotAValueError, normalise
from icp.read_table import Table, UnreadableFileError
from outreach.phones.dnc import Register, Result
from outreach.wording.render import one_line
from tenants.files.neutralise import plain

HEADERS = {
    **dict.fromkeys(("number", "phone", "telephone", "phone number"), "number"),
    "register": "register", "result": "result", "reasoning": "reasoning",
    **dict.fromkeys(("checked_on", "checked on", "date"), "checked_on"),
    REASON_COLUMN: "",
}  # fmt: skip
_RESULTS = {
    "clear": Result.CLEAR, "not registered": Result.CLEAR, "no": Result.CLEAR, "n": Result.CLEAR,
    "listed": Result.LISTED, "registered": Result.LISTED, "yes": Result.LISTED,
    "y": Result.LISTED, "business": Result.BUSINESS,
}  # fmt: skip


def judge_results(table: Table, *, seen_at: datetime, now: datetime) -> list[Row]:
    """The rows with ``values`` = [[number, register, result, checked at (ISO 8601), reasoning]].

    A result without a date counts as looked up at ``seen_at``. Raises ``UnreadableFileError`` for
    a header without the columns.
    """
    names = [HEADERS.get(one_line(cell).lower(), "") for cell in table.rows[0]]
    if not {"number", "result"} <= set(names):
        raise UnreadableFileError("The first row must name the columns number and result.")
    rows = judged(table, start=1, read=lambda row: _read(row, names, seen_at=seen_at, now=now))
    _compare(rows)
    return rows


def _read(row: Row, names: list[str], *, seen_at: datetime, now: datetime) -> None:
    raw = dict(zip(names, map(plain, row.cells), strict=False))
    cells = {name: one_line(cell) for name, cell in raw.items()}
    number = ""
    try:
        number = normalise(Suppression.Kind.PHONE, raw.get("number", ""))
    except NotAValueError as exc:
        row.reasons.append(str(exc))
    register = cells.get("register", "").upper() or Register.VOICE.value
    if register not in Register.values:
        row.reasons.append("The register is VOICE, TEXT or FAX.")
    result = _RESULTS.get(cells.get("result", "").lower())
    if result is None:
        row.reasons.append("The result is clear, listed or business.")
    reasoning = cells.get("reasoning", "")[:300]
    if result is Result.BUSINESS and not reasoning:
        row.reasons.append("Say in the column reasoning why it is a business's own line.")
    checked = _checked(cells.get("checked_on", ""), row, seen_at=seen_at, now=now)
    if not row.reasons:
        row.values = [[number, register, str(result), checked.isoformat(), reasoning]]


def _checked(text: str, row: Row, *, seen_at: datetime, now: datetime) -> datetime:
    if not text:
        return seen_at
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        row.reasons.append("Write checked_on as 2026-11-22.")
        return seen_at
    checked = datetime.combine(day, time(), UTC)
    if checked > now:
        row.reasons.append("checked_on lies in the future.")
    return checked


def _compare(rows: list[Row]) -> None:
    """One look says one thing of a number: the same again is ``present``, another is refused."""
    by_look: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row.values:
            number, register, _, checked, _ = row.values[0]
            by_look[number, register, checked].append(row)
    for same in by_look.values():
        results = {row.values[0][2] for row in same}
        settle_same(same, differ=len(results) > 1, why="give different results of the same day")
