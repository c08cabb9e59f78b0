"""How far a run is, as the run page and the first page show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from leadgen_project.console.funnel import Row, funnel
from leadgen_project.progress import Progress, progress
from tenants.models import PipelineRun


@dataclass(frozen=True, slots=True)
class Live:
    """``rate`` is leads a minute of the stage at work; ``eta`` its likely end, if one is known."""

    run: PipelineRun
    rows: list[Row]
    percent: int
    seconds: float
    rate: float | None = None
    eta: datetime | None = None


def live(run: PipelineRun, *, now: datetime) -> Live:
    """A few counting queries; the page of an open run asks every two seconds."""
    stages = progress(run, now=now)
    due = next((stage for stage in stages if stage.is_due), None)
    moving = due is not None and run.status == PipelineRun.Status.RUNNING
    left = due.seconds_left if due and moving else None
    return Live(
        run=run,
        rows=funnel(run, reports={stage.name: stage.counts for stage in stages}),
        percent=_percent(run, stages),
        seconds=((run.finished_at or now) - run.started_at).total_seconds(),
        rate=due.rate if due and moving else None,
        eta=now + timedelta(seconds=left) if left is not None else None,
    )


def _percent(run: PipelineRun, stages: list[Progress]) -> int:
    """Stages count alike, the one at work by the share of its leads; 100 only at the end."""
    if not run.is_open:
        return 100
    shares = [stage.finished_share for stage in stages if stage.is_due or stage.counts]
    return min(round(100 * sum(shares) / len(stages)), 99)
