"""Judge the rows of an uploaded table of web sites: which company and which site, or all mistakes.

Columns are found by name (``uen``, ``site``); without a header they are the first and the second.
"""

from __future__ import annotations

from collections import defaultdict

from icp.give_site import SiteError, read_address
from icp.judge_rows import REASON_COLUMN, Row, judged, settle_same
from icp.models import Suppression
from icp.normalise import NotAValueError, normalise
from icp.read_table import Table, UnreadableFileError
from tenants.files.neutralise import plain

LONGEST_SITE = 500
HEADERS = {
    **dict.fromkeys(("uen", "company uen", "uen no", "uen no."), "uen"),
    **dict.fromkeys(("site", "website", "web site", "url", "homepage", "domain"), "site"),
    REASON_COLUMN: "",
}


def judge_sites(table: Table) -> list[Row]:
    """The rows with ``values`` = [[uen, site]], or refused with all that is wrong with them.

    Raises ``UnreadableFileError`` for a header without the columns.
    """
    columns, start = _columns(table)
    return judged(table, start=start, read=lambda row: _read_row(row, columns))


def compare_rows(rows: list[Row]) -> None:
    """Of one company, the same site again is ``present``; different sites are all refused, since
    nobody knows which is right.
    """
    by_uen: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.values:
            by_uen[row.values[0][0]].append(row)
    for same in by_uen.values():
        sites = {row.values[0][1] for row in same}
        settle_same(same, differ=len(sites) > 1, why="give different sites for this UEN")


def _columns(table: Table) -> tuple[dict[str, int], int]:
    """Where UEN and site stand, and where the values begin."""
    names = [" ".join(cell.lower().split()) for cell in table.rows[0]]
    if not any(name in HEADERS for name in names):
        return {"uen": 0, "site": 1}, 0
    found = {HEADERS[name]: at for at, name in enumerate(names) if HEADERS.get(name)}
    missing = [name for name in ("uen", "site") if name not in found]
    if missing:
        raise UnreadableFileError(
            f"There is no column {' and none '.join(missing)}. The file needs both: uen and site."
        )
    return found, 1


def _read_row(row: Row, columns: dict[str, int]) -> None:
    cells = {name: plain(row.cells[at]).strip() if at < len(row.cells) else ""
             for name, at in columns.items()}  # fmt: skip
    uen = site = ""
    try:
        uen = normalise(Suppression.Kind.UEN, cells["uen"])
    except NotAValueError as exc:
        row.reasons.append("There is no UEN." if not cells["uen"] else str(exc))
    try:
        site = read_address(cells["site"]) if cells["site"] else ""
    except SiteError as exc:
        row.reasons.append(str(exc))
    else:
        if not site:
            row.reasons.append("There is no site.")
        elif len(site) > LONGEST_SITE or not site.isprintable():
            row.reasons.append(f"A site has at most {LONGEST_SITE} characters, all visible.")
    if not row.reasons:
        row.values = [[uen, site]]
