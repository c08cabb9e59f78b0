"""What the queue runs for the night."""

from __future__ import annotations

import time

from leadgen_project import pipeline, schedule, turns
from tenants.models import PipelineRun
from tenants.outage import outlast
from tenants.stopping import is_stopping
from tenants.tasks import tenant_task


@tenant_task
def work(*, run_id: int, chain: int = 0, turn: int = 0) -> None:
    """One turn of a run: as many steps as fit, then the next turn is queued behind all others."""
    outlast(lambda: _take_turn(run_id, chain=chain, turn=turn))


def _take_turn(run_id: int, *, chain: int, turn: int) -> None:
    run = PipelineRun.objects.filter(pk=run_id).first()
    if run is None or not turns.is_due(run, chain=chain, turn=turn):
        return
    last_call = time.monotonic() + turns.turn_seconds(run)
    while pipeline.step(run):
        is_over = time.monotonic() > last_call and pipeline.has_waiting(run)
        if is_over or is_stopping():
            turns.pass_on(run, chain=chain, turn=turn)
            return
    if pipeline.is_held_up(run):
        turns.pass_on(run, chain=chain, turn=turn, delay=turns.LOOK_AGAIN)


def tick() -> None:
    """Every minute: start the nights that are due, and revive what lost its tasks."""
    schedule.tick()
