"""Have a worker go on with harvests: after one was asked for, and every minute for those forgotten.

A task is a hint to look at the row: one too many finds the harvest held, and ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from enrichment.harvest.claim import due
from tenants.tasks import enqueue

TASK: Final = "enrichment.tasks.harvest"
AT_ONCE: Final = 20


def call(request_id: int, *, seconds: float = 0.0) -> None:
    """Queue the next batch, not before ``seconds`` from now. With the caller's transaction."""
    enqueue(TASK, delay=timedelta(seconds=seconds) if seconds else None, request_id=request_id)


def call_due(*, now: datetime) -> int:
    """Queue a batch for each harvest that waits and nobody holds; returns how many. One query."""
    waiting = due(now=now).order_by("requested_at", "pk").values_list("pk", flat=True)[:AT_ONCE]
    for request_id in waiting:
        call(request_id)
    return len(waiting)
