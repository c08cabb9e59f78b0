"""Whose turn it is: the nights of all tenants share the workers, a turn at a time.

A run has as many chains as the cluster has workers, however it was revived or its tasks repeated:
a chain is one task after the other, and a task that is no longer its chain's turn does nothing.
The next task stands at the end of the queue, behind what other tenants have there.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from tenants.context import in_public
from tenants.models import PipelineRun
from tenants.tasks import enqueue

WORK = "leadgen_project.tasks.work"  # the task that is a turn
# A turn ends with the looks it began, so much shorter ones would mostly wait for their last site.
SHARED_SECONDS = 10.0
ALONE_SECONDS = 60.0
LOOK_AGAIN = timedelta(seconds=10)  # at leads that others hold


def turn_seconds(run: PipelineRun) -> float:
    """How long one turn of ``run`` may begin new leads: longer when no other night is at work."""
    with in_public():
        others = PipelineRun.objects.filter(status=PipelineRun.Status.RUNNING).exclude(pk=run.pk)
        return SHARED_SECONDS if others.exists() else ALONE_SECONDS


def queue_turns(run: PipelineRun, *, parallel: bool) -> None:
    """Queue the due turn of each chain. Those that are queued already lose nothing by it."""
    turns = PipelineRun.objects.values_list("turns", flat=True).get(pk=run.pk)
    queue: dict[str, Any] = settings.Q_CLUSTER
    for chain in range(queue["workers"] if parallel else 1):
        enqueue(WORK, run_id=run.pk, chain=chain, turn=turns.get(str(chain), 0))


def is_due(run: PipelineRun, *, chain: int, turn: int) -> bool:
    """False for a task that was repeated after its turn had ended."""
    return turn == run.turns.get(str(chain), 0)


def pass_on(run: PipelineRun, *, chain: int, turn: int, delay: timedelta | None = None) -> None:
    """End a turn and queue the chain's next one, both or neither. A second call does nothing."""
    with transaction.atomic():
        locked = PipelineRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
        if not is_due(locked, chain=chain, turn=turn):
            return
        locked.turns[str(chain)] = turn + 1
        locked.save(update_fields=["turns"])
        enqueue(WORK, delay=delay, run_id=run.pk, chain=chain, turn=turn + 1)
