"""Leads that failed the rule by what was found out about them, judged again by a newer version.

A headcount of 150 failed "2 to 100" and meets "2 to 200". What is known is kept on the lead, so it
is judged without asking anybody. What a person turned down is no business of a rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from icp.ask_again import FAILS_RULE, judge
from icp.compile import CompiledRule
from icp.models import IcpRule
from icp.rules import Rule

# Once for each version of the rule: those who fail again carry its number from then on.
FAILED = f"""
SELECT l.id, l.uen, l.facts, {{trace}}, {{fit}}
FROM icp_lead l JOIN acra_registeredcompany c ON {{judged}}
WHERE l.stage = 'REJECTED' AND l.rejection_code = '{FAILS_RULE}'
  AND l.rule_id IS DISTINCT FROM %s AND ({{where}})
ORDER BY {{order_by}} FOR UPDATE OF l SKIP LOCKED
"""
COMES_BACK = """
UPDATE icp_lead l SET stage = 'CANDIDATE', stage_since = %s, rejection_code = '',
    rejection_reason = '', fit = n.fit, rule_id = %s, trace = n.trace::jsonb
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n(id, fit, trace) WHERE l.id = n.id
"""
FAILS_AGAIN = """
UPDATE icp_lead l SET rule_id = %s, rejection_reason = n.reason, trace = n.trace::jsonb
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n(id, reason, trace) WHERE l.id = n.id
"""


class Failed(NamedTuple):
    lead_id: int
    uen: str
    facts: dict[str, Any]
    trace: list[dict[str, Any]]  # by the register alone, as of a new candidate
    fit: str


def reconsider(
    sql: CompiledRule, *, version: IcpRule, rule: Rule, judged: str, fit: str, room: int,
    now: datetime,
) -> list[tuple[str, str]]:  # fmt: skip
    """Bring back up to ``room`` leads that failed an older version and pass this one.

    Returns their UENs and fits, in the rule's order. ``judged`` and ``fit`` are SQL. They are
    candidates again: their sites are read anew, and their facts judged once more. A second call
    brings back nobody, since the others now carry the reason by this version.
    """
    back: list[Failed] = []
    still: list[tuple[int, str, str]] = []
    for lead in _failed(sql, version=version, judged=judged, fit=fit):
        verdict = judge(rule, trace=lead.trace, facts=lead.facts)
        if verdict.failing:
            still.append((lead.lead_id, verdict.failing[:300], json.dumps(verdict.trace)))
        elif len(back) < room:
            back.append(lead)
    with connection.cursor() as cursor:
        if still:
            cursor.execute(
                FAILS_AGAIN, [version.pk, *([row[at] for row in still] for at in range(3))]
            )
        if back:
            traces = [json.dumps(lead.trace) for lead in back]
            ids, fits = [lead.lead_id for lead in back], [lead.fit for lead in back]
            cursor.execute(COMES_BACK, [now, version.pk, ids, fits, traces])
    return [(lead.uen, lead.fit) for lead in back]


def _failed(sql: CompiledRule, *, version: IcpRule, judged: str, fit: str) -> Iterator[Failed]:
    statement = FAILED.format(
        trace=sql.trace.text, fit=fit, judged=judged, where=sql.where.text,
        order_by=sql.order_by.text,
    )  # fmt: skip
    params = [*sql.trace.params, *sql.meets.params, version.pk, *sql.where.params,
              *sql.order_by.params]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        for lead_id, uen, facts, trace, its_fit in cursor.fetchall():
            yield Failed(lead_id, uen, _json(facts), _json(trace), its_fit)


def _json(value: Any) -> Any:
    """Django's cursors hand JSON back as text."""
    return json.loads(value) if isinstance(value, str) else value
