"""Show what a rule would do before it is saved: how many, how sure, where, who enters and leaves.

All counts are exact. A broad rule walks the narrow index ``company_alive_by_activity`` (84 MB at
two million companies) and never the table itself; measured by ``bench/icp.py``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection, transaction

from acra.models import SsicCode
from icp.compile import CompiledRule, compile_rule
from icp.conditions import Sql
from icp.models import Suppression
from icp.rules import Rule

SAMPLE_SIZE = 20
DIFFERENCE_SIZE = 10


@dataclass(frozen=True, slots=True)
class PreviewedCompany:
    uen: str
    name: str
    registered_on: date | None
    primary_ssic: str
    district: int | None
    meets: bool


@dataclass(slots=True)
class Preview:
    """Companies of the register that ``rule`` takes, suppressed ones left out.

    ``enters`` and ``leaves`` compare with the saved version; ``None`` when there is none.
    ``sample`` is who comes in next: the first in the rule's order that are no leads yet.
    """

    meets: int = 0
    unknown: int = 0
    enters: int | None = None
    leaves: int | None = None
    sample: list[PreviewedCompany] = field(default_factory=list)
    entering: list[PreviewedCompany] = field(default_factory=list)
    leaving: list[PreviewedCompany] = field(default_factory=list)
    by_district: list[tuple[str, int]] = field(default_factory=list)
    by_section: list[tuple[str, int]] = field(default_factory=list)
    by_year: list[tuple[str, int]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.meets + self.unknown


def preview_rule(rule: Rule, *, saved: Rule | None = None) -> Preview:
    """What ``rule`` takes from the register, against ``saved``. Writes nothing."""
    began = time.monotonic()
    sql = compile_rule(rule)
    before = compile_rule(saved) if saved else None
    with _roomy():
        allowed = _unless_suppressed()
        preview = _count(sql, before, allowed)
        if preview.total:
            preview.sample = _companies(sql, sql.where, sql.order_by, allowed + NO_LEAD)
        if before is not None:
            _compare(preview, sql, before, allowed)
    preview.seconds = round(time.monotonic() - began, 3)
    return preview


@contextmanager
def _roomy() -> Iterator[None]:
    """Room to aggregate in memory, for this transaction alone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET LOCAL jit = off")  # compiling takes longer than these queries
        yield


COUNT = """
SELECT grouping(district, division, year), district, division, year, count(*),
       count(*) FILTER (WHERE {is_sure}), count(*) FILTER (WHERE {was_in})
FROM (
    SELECT c.*, left(c.primary_ssic, 2) AS division, extract(year FROM c.registered_on) AS year
    FROM acra_registeredcompany c WHERE {where} {allowed}
) c
GROUP BY GROUPING SETS ((), (district), (division), (year))
"""
COUNT_ALONE = "SELECT count(*) FROM acra_registeredcompany c WHERE {where} {allowed}"
UNSUPPRESSED = """
AND NOT EXISTS (SELECT 1 FROM icp_suppression s
                WHERE s.kind = 'UEN' AND s.lifted_at IS NULL AND s.value = c.uen)
"""
NO_LEAD = "AND NOT EXISTS (SELECT 1 FROM icp_lead l WHERE l.uen = c.uen)"
EVERYTHING, BY_DISTRICT, BY_DIVISION, BY_YEAR = 0b111, 0b011, 0b101, 0b110


def _count(sql: CompiledRule, before: CompiledRule | None, allowed: str) -> Preview:
    """One walk over the companies of the rule, and one count of those of the saved rule."""
    is_same = before is None or before.where == sql.where
    was_in = Sql("TRUE") if is_same or before is None else before.where
    statement = COUNT.format(
        is_sure=sql.meets.text, was_in=was_in.text, where=sql.where.text, allowed=allowed
    )
    rows = _rows(statement, (*sql.meets.params, *was_in.params, *sql.where.params))
    preview, stays = _read(rows)
    if before is not None:
        preview.enters = preview.leaves = 0
        if not is_same:
            saved = COUNT_ALONE.format(where=before.where.text, allowed=allowed)
            [(total,)] = _rows(saved, before.where.params)
            preview.enters, preview.leaves = preview.total - stays, total - stays
    return preview


def _read(rows: list[tuple[Any, ...]]) -> tuple[Preview, int]:
    """The counts, and how many companies the saved rule takes as well."""
    preview, stays = Preview(), 0
    divisions: Counter[str] = Counter()
    for group, district, division, year, count, sure, stay in rows:
        if group == EVERYTHING:
            preview.meets, preview.unknown, stays = sure, count - sure, stay
        elif group == BY_DISTRICT:
            preview.by_district.append((str(district or ""), count))
        elif group == BY_DIVISION:
            divisions[division] += count
        elif group == BY_YEAR:
            preview.by_year.append((str(year or ""), count))
    preview.by_section = _sections(divisions)
    preview.by_district.sort(key=lambda item: (-item[1], item[0]))
    preview.by_year.sort(reverse=True)
    return preview, stays


def _sections(divisions: Counter[str]) -> list[tuple[str, int]]:
    """Counts by section of the classification, most first; codes no edition knows at the end."""
    rows = SsicCode.objects.filter(code__in=divisions).order_by("edition")
    section_of = dict(rows.values_list("code", "section"))
    titles = dict(SsicCode.objects.filter(level="section").values_list("code", "title"))
    counts: Counter[str] = Counter()
    for division, count in divisions.items():
        letter = section_of.get(division, "")
        counts[f"{letter} {titles.get(letter, '')}".strip()] += count
    return sorted(counts.items(), key=lambda item: (item[0] == "", -item[1], item[0]))


def _compare(preview: Preview, sql: CompiledRule, before: CompiledRule, allowed: str) -> None:
    """A few of those who enter and leave, in the rule's order."""
    if preview.enters:
        entering = Sql(f"({sql.where.text}) AND ({before.where.text}) IS NOT TRUE",
                       (*sql.where.params, *before.where.params))  # fmt: skip
        order = Sql(sql.plain_order)
        preview.entering = _companies(sql, entering, order, allowed, most=DIFFERENCE_SIZE)
    if preview.leaves:
        leaving = Sql(f"({before.where.text}) AND ({sql.where.text}) IS NOT TRUE",
                      (*before.where.params, *sql.where.params))  # fmt: skip
        order = Sql(before.plain_order)
        preview.leaving = _companies(before, leaving, order, allowed, most=DIFFERENCE_SIZE)


# Found by the narrow index, then read by key: names are not in the index.
COMPANIES = """
SELECT c.uen, c.name, c.registered_on, c.primary_ssic, c.district, ({meets}) IS TRUE
FROM acra_registeredcompany c JOIN (
    SELECT c.uen FROM acra_registeredcompany c WHERE {where} {allowed}
    ORDER BY {order_by} LIMIT {most}
) wanted ON wanted.uen = c.uen ORDER BY {order_by}
"""


def _companies(
    sql: CompiledRule, where: Sql, order: Sql, allowed: str, *, most: int = SAMPLE_SIZE
) -> list[PreviewedCompany]:
    statement = COMPANIES.format(
        meets=sql.meets.text, where=where.text, order_by=order.text, most=most, allowed=allowed
    )
    params = (*sql.meets.params, *where.params, *order.params, *order.params)
    return [PreviewedCompany(*row) for row in _rows(statement, params)]


def _unless_suppressed() -> str:
    """SQL only where there is somebody to leave out: the anti-join costs a tenth of the walk."""
    standing = Suppression.objects.filter(kind=Suppression.Kind.UEN, lifted_at=None)
    return UNSUPPRESSED if standing.exists() else ""


def _rows(statement: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())
