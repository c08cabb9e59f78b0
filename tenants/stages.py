"""What every pipeline stage looks like, so that they can be chained without knowing each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tenants.models import PipelineRun


@dataclass(slots=True)
class BatchReport:
    """What one batch did, in leads: ``taken == done + sum(rejected) + sum(held)``.

    ``held`` leads are put aside with a reason (an operator, a later retry). A batch that took
    nothing found nothing free: all is done, or other workers hold the rest.
    """

    taken: int = 0
    done: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # reason -> leads
    held: Counter[str] = field(default_factory=Counter)  # reason -> leads

    def adds_up(self) -> bool:
        return self.taken == self.done + sum(self.rejected.values()) + sum(self.held.values())


@dataclass(slots=True)
class Tally:
    """How far a stage has come in a run, counted from the rows themselves.

    Never a running counter: a worker may be killed between doing and counting. So
    ``taken_in == done + sum(rejected) + sum(held) + waiting`` holds at every moment.
    ``waiting`` includes leads a worker holds right now.
    """

    taken_in: int = 0
    done: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # reason -> leads
    held: dict[str, int] = field(default_factory=dict)  # reason -> leads
    waiting: int = 0
    facts: dict[str, Any] = field(default_factory=dict)  # further figures worth keeping

    def adds_up(self) -> bool:
        parts = self.done + sum(self.rejected.values()) + sum(self.held.values()) + self.waiting
        return self.taken_in == parts

    def as_json(self) -> dict[str, Any]:
        return {
            "in": self.taken_in,
            "done": self.done,
            "rejected": dict(sorted(self.rejected.items())),
            "held": dict(sorted(self.held.items())),
            "waiting": self.waiting,
            **self.facts,
        }


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the night.

    A ``parallel`` stage is worked by many tasks at once: ``run_batch`` claims some leads, works on
    them with no transaction open, and is asked again until ``tally(run).waiting`` is 0. Any other
    stage is one call inside one transaction that also moves the run on.
    """

    name: str
    run_batch: Callable[[PipelineRun], BatchReport]
    tally: Callable[[PipelineRun], Tally]
    parallel: bool = False
