"""What the queue runs for the night."""

from __future__ import annotations

from leadgen_project import pipeline, schedule
from tenants.models import PipelineRun
from tenants.tasks import tenant_task


@tenant_task
def work(*, run_id: int) -> None:
    """One piece of a run. Queues the next piece behind whatever other tenants have queued."""
    run = PipelineRun.objects.filter(pk=run_id).first()
    if run is not None and pipeline.step(run):
        work.enqueue(run_id=run_id)


def tick() -> None:
    """Every minute: start the nights that are due, and revive what lost its tasks."""
    schedule.tick()
