"""Judge the rows of a list of people: whom of which company each names, or all its mistakes.

Columns are found by name. The company is told by ``uen``, ``site`` or ``company``, the first of
them that is filled; ``origin`` says how the address was obtained and is needed in every row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from enrichment.contact_lists.contact_origins import ASKED_FOR, BY_WORD
from enrichment.extract.titles import person_key
from enrichment.web.host_of import host_of
from icp.judge_rows import REASON_COLUMN, Row, judged, settle_same
from icp.models import Suppression
from icp.normalise import NotAValueError, normalise
from icp.read_table import Table, UnreadableFileError
from tenants.files.neutralise import plain

Kind = Suppression.Kind
MOST_ROWS = 20_000
LONGEST = {"name": 200, "title": 200, "note": 300}
HEADERS = {
    **dict.fromkeys(("uen", "company uen", "uen no", "uen no."), "uen"),
    **dict.fromkeys(("site", "website", "web site", "url", "domain"), "site"),
    **dict.fromkeys(("company", "company name", "business", "organisation"), "company"),
    **dict.fromkeys(("name", "contact", "contact name", "full name", "person"), "name"),
    **dict.fromkeys(("title", "job title", "position", "role"), "title"),
    **dict.fromkeys(("email", "e-mail", "mail", "email address", "e-mail address"), "email"),
    **dict.fromkeys(("phone", "telephone", "mobile", "tel", "phone number"), "phone"),
    **dict.fromkeys(("origin", "obtained", "how obtained", "basis"), "origin"),
    **dict.fromkeys(("note", "remark", "remarks", "details"), "note"),
    REASON_COLUMN: "",
}
COMPANY = ("uen", "site", "company")
REACH = ("email", "phone", "name")


class Said(NamedTuple):
    """What a row says, as its first ``values``; all text, so that it can be kept as JSON.

    ``lead`` and ``contact`` are numbers once they are found, ``company`` is how the lead is called.
    """

    by: str  # uen, site or company: what ``key`` is
    key: str
    name: str
    title: str
    email: str
    phone: str
    origin: str
    note: str
    lead: str = ""
    company: str = ""
    contact: str = ""


def said(row: Row) -> Said:
    return Said(*row.values[0])


def judge_contact_rows(table: Table) -> list[Row]:
    """The rows with ``values`` = [``Said``], or refused with all that is wrong with them.

    Raises ``UnreadableFileError`` for too many rows and for a header without the columns.
    """
    if len(table.rows) > MOST_ROWS + 1:
        raise UnreadableFileError(f"At most {MOST_ROWS:,} people at once; split the file.")
    names = [HEADERS.get(" ".join(cell.lower().split()), "") for cell in table.rows[0]]
    _check_header(set(names))
    return judged(table, start=1, read=lambda row: _read_row(row, names))


def compare_rows(rows: Sequence[Row]) -> None:
    """The same person of a lead: the same again is ``present``, something else is refused.

    The leads are found by now: one company may be told in several ways.
    """
    same: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.values:
            one = said(row)
            same[one.lead, one.email or person_key(one.name) or one.phone].append(row)
    for of_one in same.values():
        words = {said(row)[2:] for row in of_one}
        settle_same(of_one, differ=len(words) > 1, why="say different things of this person")


def _check_header(names: set[str]) -> None:
    if not names.intersection(COMPANY):
        raise UnreadableFileError(
            "The first row must name a column that tells the company: uen, site or company."
        )
    if not names.intersection(REACH):
        raise UnreadableFileError("The first row must name a column email, phone or name.")
    if "origin" not in names:
        raise UnreadableFileError(
            f"There is no column origin. It says how each address was obtained: {ASKED_FOR}."
        )


def _read_row(row: Row, names: list[str]) -> None:
    cells = {name: " ".join(plain(cell).split())
             for name, cell in zip(names, row.cells, strict=False) if name}  # fmt: skip
    if not "".join(cells.values()).isprintable():
        row.reasons.append("The row holds characters that cannot be shown.")
        return
    by = next((name for name in COMPANY if cells.get(name)), "")
    key = _company(row, by, cells.get(by, ""))
    email = _normal(row, Kind.EMAIL, cells.get("email", ""))
    phone = _normal(row, Kind.PHONE, cells.get("phone", ""))
    if not any(cells.get(name) for name in REACH):
        row.reasons.append("There is no e-mail address, telephone number or name.")
    for name, most in LONGEST.items():
        if len(cells.get(name, "")) > most:
            row.reasons.append(f"The {name} is longer than {most} characters.")
    origin = BY_WORD.get(cells.get("origin", "").lower())
    if origin is None:
        row.reasons.append(
            f"Say in the column origin how the address was obtained: {ASKED_FOR}."
            if not cells.get("origin")
            else f"{cells['origin'][:60]!r} is no origin; write {ASKED_FOR}."
        )
    elif not row.reasons:
        row.values = [list(Said(by, key, cells.get("name", ""), cells.get("title", ""), email,
                                phone, origin.value, cells.get("note", "")))]  # fmt: skip


def _company(row: Row, by: str, cell: str) -> str:
    """What the lead is looked for by."""
    if by == "uen":
        return _normal(row, Kind.UEN, cell)
    if by == "site":
        host = host_of(cell)
        if "." not in host:
            row.reasons.append(f"{cell[:60]!r} is not a web address such as www.company.com.sg.")
        return host
    if not by:
        row.reasons.append("There is no company: fill uen, site or company.")
    return cell.lower()


def _normal(row: Row, kind: str, cell: str) -> str:
    try:
        return normalise(kind, cell) if cell else ""
    except NotAValueError as exc:
        row.reasons.append(str(exc))
        return ""
