"""Selection: the register and one rule -> candidate leads, by a few set-based statements.

Nobody who reads leads is blocked, and a second pass over the same register changes nothing. Each
pass leaves a ``Selection`` row: counts, seconds, and the companies taken in the rule's order.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from icp.compile import CompiledRule, compile_rule
from icp.current_rule import read_version
from icp.models import IcpRule, Lead, Selection
from icp.reconsider import reconsider
from icp.rules import Rule
from icp.suppressions import leads_now_suppressed
from tenants.context import current_schema
from tenants.models import PipelineRun

logger = logging.getLogger(__name__)

LEFT_RULE = "left_rule"
CEASED = "ceased"


@dataclass(slots=True)
class SelectionReport:
    """What one pass did, in leads. ``meets + unknown == new + returned``.

    ``waiting_before``: free candidates that stood there already, after those that left.
    """

    new: int = 0
    returned: int = 0
    left: int = 0  # candidates that no longer meet the rule
    ceased: int = 0  # leads whose company has ceased
    suppressed: int = 0  # leads that a suppression forbids now
    meets: int = 0
    unknown: int = 0
    waiting_before: int = 0
    seconds: float = 0.0
    selection_id: int | None = None
    uens: list[str] = field(default_factory=list)  # returned, then new in the rule's order

    def as_json(self) -> dict[str, Any]:
        counts = asdict(self)
        del counts["uens"]  # on record in the Selection
        return counts


@dataclass(frozen=True, slots=True)
class Taken:
    number: int = 0
    meets: int = 0
    uens: tuple[str, ...] = ()

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.number + other.number, self.meets + other.meets, self.uens + other.uens)


def select_candidates(
    run: PipelineRun | None, *, rule: IcpRule, cap: int, now: datetime, actor: str = "night"
) -> SelectionReport:
    """Bring the leads in line with ``rule`` and the register; fill up to ``cap`` candidates.

    Leads whose company ceased, whom a suppression forbids, or who no longer meet the rule and were
    not worked on yet, are rejected with the reason. Those who had left the rule, or failed it once
    more was known, and meet it now come back; then new companies come in by the rule's order, until
    ``cap`` candidates wait. Each carries its trace. A second call for the same ``run`` returns the
    first one's counts.
    """
    if run is not None and (done := Selection.objects.filter(run_id=run.pk).first()):
        return SelectionReport(**{**done.counts, "selection_id": done.pk}, uens=done.uens)
    began = time.monotonic()
    read = read_version(rule, now=now)
    sql = compile_rule(read)
    with transaction.atomic():
        pass_ = _Pass(sql, rule=rule, now=now)
        report = SelectionReport(
            ceased=pass_.reject_ceased(), suppressed=leads_now_suppressed(now=now),
            left=pass_.reject_left(),
        )  # fmt: skip
        pass_.renew_traces()
        report.waiting_before = Lead.objects.in_stage(Lead.Stage.CANDIDATE).free(now=now).count()
        room = max(cap - report.waiting_before, 0)
        if pass_.limit is not None:
            room = min(room, pass_.limit)
        back = pass_.bring_back(room)
        back += pass_.reconsider(room - back.number, read=read)
        fresh = pass_.take_new(room - back.number)
        report.new, report.returned = fresh.number, back.number
        report.meets = back.meets + fresh.meets
        report.unknown = back.number + fresh.number - report.meets
        report.uens = [*back.uens, *fresh.uens]
        report.seconds = round(time.monotonic() - began, 3)
        _keep(report, run=run, rule=rule, cap=cap, now=now, actor=actor)
    logger.info(
        "%s: %s took %s new and %s returned candidates, let %s go, in %.2f s",
        current_schema(), rule, report.new, report.returned, report.left, report.seconds,
    )  # fmt: skip
    return report


def _keep(
    report: SelectionReport, *, run: PipelineRun | None, rule: IcpRule, cap: int, now: datetime,
    actor: str,
) -> None:  # fmt: skip
    kept = Selection.objects.create(
        run_id=run.pk if run else None, rule=rule, made_at=now, actor=actor, cap=cap,
        counts=report.as_json(), seconds=report.seconds, uens=report.uens,
    )  # fmt: skip
    report.selection_id = kept.pk


# A lead that a person or a site brought has no row to be judged by, or is wanted in spite of it.
JUDGED = "l.source = 'REGISTER' AND l.uen = c.uen"
UNTOUCHED = "l.stage = 'CANDIDATE' AND l.attempts = 0 AND l.held_until IS NULL AND l.facts = '{}'"
REJECT = """
UPDATE icp_lead l SET stage = 'REJECTED', stage_since = %s, held_until = NULL, held_by = '',
       not_before = NULL, attempts = 0, lease = l.lease + 1,
       rejection_code = %s, rejection_reason = {reason}
FROM acra_registeredcompany c WHERE {where}
"""
# Suppressed UENs never become leads; a company somebody already works on is not taken twice.
FREE = """
NOT EXISTS (SELECT 1 FROM icp_suppression s
            WHERE s.kind = 'UEN' AND s.lifted_at IS NULL AND s.value = c.uen)
AND NOT EXISTS (SELECT 1 FROM icp_lead l WHERE l.uen = c.uen)
"""
# The rows are found by the narrow index first; names and traces are read for those taken alone.
TAKE_NEW = """
WITH wanted AS MATERIALIZED (
    SELECT c.uen FROM acra_registeredcompany c WHERE {where} AND {free} ORDER BY {order_by} LIMIT %s
), taken AS (
    INSERT INTO icp_lead (public_id, source, source_ref, uen, name, website, stage, stage_since,
        lease, attempts, fit, rule_id, trace, facts, bucket, review, rejection_code,
        rejection_reason, created_at)
    SELECT gen_random_uuid(), 'REGISTER', c.uen, c.uen, c.name,
        coalesce((SELECT g.site FROM icp_givensite g WHERE g.uen = c.uen), ''), 'CANDIDATE', %s,
        0, 0, {fit}, %s, {trace}, '{{}}', '', 'OPEN', '', '', %s
    FROM wanted w JOIN acra_registeredcompany c ON c.uen = w.uen ORDER BY {order_by}
    ON CONFLICT DO NOTHING RETURNING id, uen, fit
)
"""
BRING_BACK = """
WITH wanted AS MATERIALIZED (
    SELECT l.id FROM icp_lead l JOIN acra_registeredcompany c ON {judged}
    WHERE l.stage = 'REJECTED' AND l.rejection_code = 'left_rule' AND {where}
    ORDER BY {order_by} LIMIT %s FOR UPDATE OF l SKIP LOCKED
), taken AS (
    UPDATE icp_lead l SET stage = 'CANDIDATE', stage_since = %s, rejection_code = '',
        rejection_reason = '', fit = {fit}, rule_id = %s, trace = {trace}
    FROM wanted w, acra_registeredcompany c WHERE l.id = w.id AND {judged}
    RETURNING l.id, l.uen, l.fit
)
"""
# One row comes back, however many were taken; ids follow the order of insertion.
TAKEN = """
SELECT count(*), count(*) FILTER (WHERE fit = 'MEETS'),
       coalesce(jsonb_agg(uen ORDER BY id), '[]')::text FROM taken
"""
RENEW = """
UPDATE icp_lead l SET fit = {fit}, rule_id = %s, trace = {trace}
FROM acra_registeredcompany c
WHERE {judged} AND {untouched} AND (l.rule_id IS DISTINCT FROM %s OR l.trace <> {trace})
"""


class _Pass:
    """The statements of one pass of one compiled rule, in the current transaction."""

    def __init__(self, sql: CompiledRule, *, rule: IcpRule, now: datetime) -> None:
        self.sql = sql
        self.rule = rule
        self.now = now
        self.limit = sql.limit
        self.fit = f"CASE WHEN {sql.meets.text} THEN 'MEETS' ELSE 'UNKNOWN' END"

    def reject_ceased(self) -> int:
        """Any lead of a company that is no longer live: nobody writes to the dead."""
        statement = REJECT.format(
            reason="left('The register says: ' || c.status, 300)",
            where="l.uen = c.uen AND l.uen <> '' AND c.status_class = 'CEASED'"
            " AND l.stage <> 'REJECTED'",
        )
        return self._run(statement, self.now, CEASED)

    def reject_left(self) -> int:
        statement = REJECT.format(
            reason=f"left(%s::text || ({self.sql.failing.text}), 300)",
            where=f"{JUDGED} AND {UNTOUCHED} AND ({self.sql.where.text}) IS NOT TRUE",
        )
        return self._run(statement, self.now, LEFT_RULE, f"No longer meets {self.rule}: ",
                         *self.sql.failing.params, *self.sql.where.params)  # fmt: skip

    def renew_traces(self) -> int:
        """Waiting candidates say why they meet the rule as it is now."""
        statement = RENEW.format(
            fit=self.fit, trace=self.sql.trace.text, judged=JUDGED, untouched=UNTOUCHED
        )
        return self._run(statement, *self.sql.meets.params, self.rule.pk, *self.sql.trace.params,
                         self.rule.pk, *self.sql.trace.params)  # fmt: skip

    def bring_back(self, room: int) -> Taken:
        if room <= 0:
            return Taken()
        sql = self.sql
        statement = BRING_BACK.format(
            judged=JUDGED, where=sql.where.text, order_by=sql.order_by.text, fit=self.fit,
            trace=sql.trace.text,
        )  # fmt: skip
        return self._take(statement, *sql.where.params, *sql.order_by.params, room, self.now,
                          *sql.meets.params, self.rule.pk, *sql.trace.params)  # fmt: skip

    def reconsider(self, room: int, *, read: Rule) -> Taken:
        """Those that an older version turned down by what was found out about them."""
        back = reconsider(self.sql, version=self.rule, rule=read, judged=JUDGED, fit=self.fit,
                          room=max(room, 0), now=self.now)  # fmt: skip
        meets = sum(fit == Lead.Fit.MEETS for _, fit in back)
        return Taken(len(back), meets, tuple(uen for uen, _ in back))

    def take_new(self, room: int) -> Taken:
        if room <= 0:
            return Taken()
        sql = self.sql
        statement = TAKE_NEW.format(
            where=sql.where.text, free=FREE, order_by=sql.order_by.text, fit=self.fit,
            trace=sql.trace.text,
        )  # fmt: skip
        return self._take(statement, *sql.where.params, *sql.order_by.params, room, self.now,
                          *sql.meets.params, self.rule.pk, *sql.trace.params, self.now,
                          *sql.order_by.params)  # fmt: skip

    def _run(self, statement: str, *params: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return cursor.rowcount

    def _take(self, statement: str, *params: Any) -> Taken:
        with connection.cursor() as cursor:
            cursor.execute(statement + TAKEN, params)
            number, meets, uens = cursor.fetchone()
        return Taken(number, meets, tuple(json.loads(uens)))
