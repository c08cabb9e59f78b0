"""How far a run is, for people: the funnel in lines, the rate and the time left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadgen_project import pipeline
from leadgen_project.reason_words import reason_words
from tenants.models import PipelineRun


@dataclass(frozen=True, slots=True)
class Progress:
    """One stage of a run. ``rate`` is leads a minute, ``seconds_left`` a guess by that rate."""

    name: str
    is_due: bool
    counts: dict[str, Any]
    rate: float | None = None
    seconds_left: int | None = None

    @property
    def finished_share(self) -> float:
        """0 to 1; a stage without anything to do counts as finished."""
        total = self.counts.get("in", 0)
        return 1.0 if not total else 1 - self.counts.get("waiting", 0) / total


def progress(run: PipelineRun, *, now: datetime) -> list[Progress]:
    """All stages in order; those that have not begun have no counts."""
    counts = pipeline.tally_now(run)
    found = []
    for stage in pipeline.NIGHTLY:
        is_due = run.is_open and run.stage == stage.name
        mine = counts.get(stage.name, {})
        rate, left = _rate(run, mine, now=now) if is_due else (None, None)
        found.append(Progress(stage.name, is_due, mine, rate, left))
    return found


def _rate(
    run: PipelineRun, counts: dict[str, Any], *, now: datetime
) -> tuple[float | None, int | None]:
    waiting = counts.get("waiting", 0)
    handled = counts.get("in", 0) - waiting
    minutes = (now - run.stage_started_at).total_seconds() / 60
    if handled < 1 or minutes <= 0:
        return None, None
    rate = handled / minutes
    return round(rate, 1), round(waiting / rate * 60)


def lines(run: PipelineRun) -> Iterator[str]:
    """The funnel of a run as text, a line per stage."""
    for name, counts in pipeline.tally_now(run).items():
        parts = [f"{counts.get('in', 0):>7} in", f"{counts.get('done', 0):>7} done"]
        aside = counts.get("rejected", {}) | counts.get("held", {})
        parts += [f"{n} {reason_words(code)}" for code, n in aside.items()]
        if counts.get("waiting"):
            parts.append(f"{counts['waiting']} waiting")
        yield f"  {name:<10} {', '.join(parts)}  ({counts.get('seconds', 0)} s)"
    if run.report_hash:
        yield f"  report     {run.report_hash}"
