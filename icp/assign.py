"""Decide which waiting candidates a night works on, once, at its beginning."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from tenants.models import PipelineRun

# Best fit first, then the order in which the rule took them in, so that the same register and
# rule give the same night.
ASSIGN = """
UPDATE icp_lead SET run_id = %(run)s, not_before = NULL
WHERE id IN (
    SELECT id FROM icp_lead
    WHERE stage = 'CANDIDATE' AND (not_before IS NULL OR not_before <= %(now)s)
      AND (held_until IS NULL OR held_until < %(now)s)
    ORDER BY fit, id
    LIMIT %(cap)s
    FOR UPDATE SKIP LOCKED
)
"""


def assign_candidates(run: PipelineRun, *, cap: int, now: datetime) -> int:
    """Give up to ``cap`` waiting candidates to ``run``; returns how many.

    Whatever is left over waits for the next night. A second call adds what became free since, so
    it is called once, in the transaction that moves the run on.
    """
    with connection.cursor() as cursor:
        cursor.execute(ASSIGN, {"run": run.pk, "cap": cap, "now": now})
        return cursor.rowcount
