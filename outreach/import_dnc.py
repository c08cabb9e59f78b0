"""Take in a file of Do Not Call results: first see what it would do, then do all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.core import signing
from django.db import transaction

from icp.models import Suppression
from icp.normalise import NotAValueError, normalise
from icp.read_table import UnreadableFileError, read_table
from icp.suppressions import suppressed_among
from outreach.dnc import VALID_FOR, Register, Result
from outreach.phone_models import DncResult
from outreach.render import one_line
from tenants import audit
from tenants.context import current_schema

COLUMNS = ("number", "register", "result", "checked_on", "reasoning")
MOST_ROWS = 10_000
UNDECIDED_SECONDS = 3600  # then the file has to be shown again
_RESULTS = {
    "clear": Result.CLEAR, "not registered": Result.CLEAR, "no": Result.CLEAR, "n": Result.CLEAR,
    "listed": Result.LISTED, "registered": Result.LISTED, "yes": Result.LISTED,
    "y": Result.LISTED, "business": Result.BUSINESS,
}  # fmt: skip


class DncImportError(ValueError):
    """Nothing was taken in; the text says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row that can be taken in."""

    number: str
    register: str
    result: str
    checked_at: str  # ISO 8601
    reasoning: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do; ``refused``: (row, why). ``token`` carries it to ``take_in``."""

    lines: Sequence[Line]
    refused: Sequence[tuple[int, str]]
    token: str


def preview(content: bytes, *, file_name: str, now: datetime) -> Preview:
    """Read a file with the columns ``COLUMNS``, of which number and result are needed.

    Stores nothing. Raises ``DncImportError`` when the file as a whole cannot be used.
    """
    try:
        table = read_table(content)
    except UnreadableFileError as exc:
        raise DncImportError(str(exc)) from exc
    names = [one_line(cell).lower().replace(" ", "_") for cell in (table.rows or [[]])[0]]
    if not {"number", "result"} <= set(names):
        raise DncImportError("The first row must name the columns number and result.")
    if len(table.rows) - 1 > MOST_ROWS:
        raise DncImportError(f"At most {MOST_ROWS:,} rows at once; split the file.")
    lines: dict[tuple[str, str], tuple[int, Line]] = {}
    refused = []
    for place, cells in enumerate(table.rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            line = _line(dict(zip(names, map(one_line, cells), strict=False)), now=now)
        except ValueError as exc:
            refused.append((place, str(exc)))
        else:
            lines[line.number, line.register] = place, line
    # Nobody is called there whatever the register says, and of the erased nothing is kept again.
    silent = suppressed_among(Suppression.Kind.PHONE, {number for number, _ in lines})
    refused += [(place, "The number is suppressed.") for place, line in lines.values()
                if line.number in silent]  # fmt: skip
    refused.sort()
    kept = [line for _, line in lines.values() if line.number not in silent]
    evidence = {"name": one_line(file_name)[:200], "sha256": hashlib.sha256(content).hexdigest()}
    packed = signing.dumps({"tenant": current_schema(), "evidence": evidence,
                            "lines": [astuple(line) for line in kept]},
                           salt="dnc", compress=True)  # fmt: skip
    return Preview(kept, refused, packed)


@transaction.atomic
def take_in(token: str, *, actor: str, now: datetime) -> int:
    """Store what a preview showed; returns how many results are new. A second time none is.

    Raises ``DncImportError`` for a token that is too old, or none of ours.
    """
    try:
        given: dict[str, Any] = signing.loads(token, salt="dnc", max_age=UNDECIDED_SECONDS)
    except signing.BadSignature as exc:
        raise DncImportError("Show the file again: its preview is too old.") from exc
    if given["tenant"] != current_schema():
        raise DncImportError("That preview belongs to another tenant.")
    before = DncResult.objects.count()
    DncResult.objects.bulk_create(
        _rows([Line(*each) for each in given["lines"]], given["evidence"], actor=actor, now=now),
        ignore_conflicts=True, batch_size=1000,
    )  # fmt: skip
    new = DncResult.objects.count() - before
    audit.record("outreach.dnc.import", actor=actor, subject="Do Not Call results",
                 after={"rows": len(given["lines"]), "new": new,
                        "sha256": given["evidence"]["sha256"]})  # fmt: skip
    return new


def _rows(
    lines: Sequence[Line], evidence: dict[str, str], *, actor: str, now: datetime
) -> Iterator[DncResult]:
    for line in lines:
        checked_at = datetime.fromisoformat(line.checked_at)
        expires = None if line.result == Result.BUSINESS else checked_at + VALID_FOR
        yield DncResult(
            number=line.number, register=line.register, result=line.result, checked_at=checked_at,
            expires_at=expires, reasoning=line.reasoning, evidence_name=evidence["name"],
            evidence_sha256=evidence["sha256"], created_at=now, created_by=actor,
        )  # fmt: skip


def _line(values: dict[str, str], *, now: datetime) -> Line:
    """Raises ``ValueError`` with a sentence for what cannot be taken in."""
    try:
        number = normalise(Suppression.Kind.PHONE, values.get("number", ""))
    except NotAValueError as exc:
        raise ValueError(str(exc)) from exc
    register = values.get("register", "").upper() or Register.VOICE.value
    if register not in Register.values:
        raise ValueError("The register is VOICE, TEXT or FAX.")
    result = _RESULTS.get(values.get("result", "").lower())
    if result is None:
        raise ValueError("The result is clear, listed or business.")
    reasoning = values.get("reasoning", "")[:300]
    if result is Result.BUSINESS and not reasoning:
        raise ValueError("Say in the column reasoning why it is a business's own line.")
    return Line(number, register, result.value, _checked(values, now=now).isoformat(), reasoning)


def _checked(values: dict[str, str], *, now: datetime) -> datetime:
    text = values.get("checked_on", "")
    if not text:
        return now
    try:
        day = date.fromisoformat(text[:10])
    except ValueError as exc:
        raise ValueError("Write checked_on as 2026-11-22.") from exc
    checked = datetime.combine(day, time(), UTC)
    if checked > now:
        raise ValueError("checked_on lies in the future.")
    return checked
