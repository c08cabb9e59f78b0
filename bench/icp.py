"""Is the preview and selection of any rule as quick as SQL written by hand for that one rule?

The statements by hand know their rule beforehand and give the same answers: counts and split, three
distributions, a sample, who enters and leaves; for the selection the same leads with their traces.
Two million companies, broad rules on purpose.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from bench.filled_register import fill_register
from bench.result import Result
from bench.scratch import scratch_database
from icp.current_rule import day_of
from icp.preview import preview_rule
from icp.rules import read_rule
from icp.save_rule import save_rule
from icp.select import select_candidates
from icp.taxonomy import SsicTitles
from tenants.context import in_tenant

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
LIMIT = 1.3
TIMES = 7  # each; by turns, so that a busy moment of the machine meets both
CAP = 20_000
SAVED = {"incorporation_year": {"min": 2010}}
SAVED_WHERE = "status_class = 'LIVE' AND (registered_on >= '2010-01-01' OR registered_on IS NULL)"
STATUS = ("status", "Status: live", "c.status", "'meets'")


@dataclass(frozen=True, slots=True)
class Case:
    """A rule, and what somebody who knows it would write: the condition, the items of a trace."""

    payload: dict[str, Any]
    where: str
    trace: tuple[tuple[str, str, str, str], ...]  # key, wanted, value, outcome


RULES = {
    "everybody alive": Case({}, "status_class = 'LIVE'", (STATUS,)),
    "the plan's payload": Case(
        {
            "industries": ["technology"],
            "employee_range": {"min": 2, "max": 100},
            "incorporation_year": {"min": 2000, "max": 2025},
        },
        "status_class = 'LIVE' AND (primary_ssic IN ('26802', '72105', '')"
        " OR primary_ssic >= '62' AND primary_ssic < '63')"
        " AND (registered_on BETWEEN '2000-01-01' AND '2025-12-31' OR registered_on IS NULL)",
        (
            ("industries", "Industry: technology", "c.primary_ssic",
             "CASE WHEN c.primary_ssic = '' THEN 'unknown' ELSE 'meets' END"),
            STATUS,
            ("incorporation_year", "Registered 2000 to 2025", "c.registered_on::text",
             "CASE WHEN c.registered_on IS NULL THEN 'unknown' ELSE 'meets' END"),
            ("employee_range", "Employees: 2 to 100", "NULL", "'unknown'"),
        ),
    ),
    "companies of ten districts": Case(
        {"entity_types": ["Local Company"], "districts": list(range(1, 11))},
        "status_class = 'LIVE' AND entity_type = 'Local Company'"
        " AND (district <= 10 OR district IS NULL)",
        (
            STATUS,
            ("districts", "Postal district 1 to 10", "c.district::text",
             "CASE WHEN c.district IS NULL THEN 'unknown' ELSE 'meets' END"),
            ("entity_types", "Entity type: Local Company", "c.entity_type", "'meets'"),
        ),
    ),
    "no crowded addresses": Case(
        {"shared_address": {"max": 5}},
        "status_class = 'LIVE' AND address_key NOT IN (SELECT address_key"
        " FROM acra_registeredcompany WHERE status_class IN ('LIVE', 'AT_RISK')"
        " AND address_key <> '' GROUP BY address_key HAVING count(*) > 5)",
        (
            STATUS,
            ("shared_address", "Live companies at its address: at most 5",
             ("(SELECT count(*)::text FROM acra_registeredcompany o WHERE o.status_class IN"
              " ('LIVE', 'AT_RISK') AND o.address_key = c.address_key)"),
             "CASE WHEN c.address_key = '' THEN 'unknown' ELSE 'meets' END"),
        ),
    ),
}  # fmt: skip
COUNTS = """
SELECT district, left(primary_ssic, 2), extract(year FROM registered_on), count(*),
       count(*) FILTER (WHERE district IS NOT NULL), count(*) FILTER (WHERE {saved})
FROM acra_registeredcompany WHERE {rule}
GROUP BY GROUPING SETS ((), (district), (left(primary_ssic, 2)), (extract(year FROM registered_on)))
"""
FIRST = """
SELECT uen, name, registered_on, primary_ssic, district FROM acra_registeredcompany WHERE uen IN (
    SELECT uen FROM acra_registeredcompany c WHERE {rule}
    ORDER BY registered_on DESC NULLS LAST, uen LIMIT {most})
ORDER BY registered_on DESC NULLS LAST, uen
"""
BY_HAND = """
INSERT INTO icp_lead (public_id, source, source_ref, uen, name, website, stage, stage_since, lease,
    attempts, fit, trace, facts, bucket, review, rejection_code, rejection_reason, created_at)
SELECT gen_random_uuid(), 'REGISTER', uen, uen, name, '', 'CANDIDATE', now(), 0, 0, 'UNKNOWN',
    jsonb_build_array({trace}),
    '{{}}', '', 'OPEN', '', '', now()
FROM acra_registeredcompany c WHERE uen IN (
    SELECT uen FROM acra_registeredcompany c WHERE {rule}
      AND NOT EXISTS (SELECT 1 FROM icp_suppression s WHERE s.value = c.uen AND s.kind = 'UEN'
                      AND s.lifted_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM icp_lead l WHERE l.uen = c.uen)
    ORDER BY registered_on DESC NULLS LAST, uen LIMIT {cap})
ORDER BY registered_on DESC NULLS LAST, uen
ON CONFLICT DO NOTHING
"""


def measure() -> list[Result]:
    """One ratio per rule and job; the seconds of ours stand in the note."""
    with scratch_database(tenants=1) as [tenant]:
        fill_register()
        with in_tenant(tenant):
            return [result for name in RULES for result in _measure(name)]


def _measure(name: str) -> list[Result]:
    case = RULES[name]
    titles = SsicTitles()
    saved = read_rule(SAVED, taxonomy=titles, as_of=day_of(NOW))
    version = save_rule(name, case.payload, actor="bench", now=NOW)

    def preview() -> None:
        rule = read_rule(case.payload, taxonomy=SsicTitles(), as_of=day_of(NOW))
        preview_rule(rule, saved=saved)

    def select() -> None:
        select_candidates(None, rule=version, cap=CAP, now=NOW)

    ours, theirs = _by_turns(preview, lambda: _preview_by_hand(case.where))
    taken, taken_by_hand = _by_turns(select, lambda: _select_by_hand(case))
    return [
        Result(f"icp: preview of {name} / by hand", ours / theirs, LIMIT, note=f"{ours:.2f} s"),
        Result(f"icp: selection of {CAP:,}, {name} / by hand", taken / taken_by_hand, LIMIT,
               note=f"{taken:.2f} s"),
    ]  # fmt: skip


def _by_turns(ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float]:
    """The best time of each in seconds; whatever they write is rolled back."""
    best = {ours: float("inf"), theirs: float("inf")}
    for _ in range(TIMES):
        for job in (ours, theirs):
            with transaction.atomic():
                began = time.perf_counter()
                job()
                best[job] = min(best[job], time.perf_counter() - began)
                transaction.set_rollback(True)
    return best[ours], best[theirs]


def _preview_by_hand(where: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(COUNTS.format(rule=where, saved=SAVED_WHERE))
        cursor.fetchall()
        cursor.execute(f"SELECT count(*) FROM acra_registeredcompany WHERE {SAVED_WHERE}")
        cursor.fetchall()
        enters = f"{where} AND ({SAVED_WHERE}) IS NOT TRUE"
        leaves = f"{SAVED_WHERE} AND ({where}) IS NOT TRUE"
        fresh = f"{where} AND NOT EXISTS (SELECT FROM icp_lead l WHERE l.uen = c.uen)"
        for condition, most in ((fresh, 20), (enters, 10), (leaves, 10)):
            cursor.execute(FIRST.format(rule=condition, most=most))
            cursor.fetchall()


def _select_by_hand(case: Case) -> None:
    trace = ", ".join(
        f"jsonb_build_object('key', '{key}', 'wanted', '{wanted}', 'value', {value},"
        f" 'outcome', {outcome})"
        for key, wanted, value, outcome in case.trace
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(BY_HAND.format(rule=case.where, trace=trace, cap=CAP))
