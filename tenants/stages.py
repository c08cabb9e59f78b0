"""What every pipeline stage looks like, so that they can be chained without knowing each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tenants.models import PipelineRun


@dataclass(slots=True)
class BatchReport:
    """Counts of leads. ``waiting`` leads could still be taken by this stage in this run.

    ``taken == done + sum(rejected) + sum(held)``: what a batch takes, it accounts for. ``held`` are
    leads put aside with a reason (an operator, a later retry).
    """

    taken: int = 0
    done: int = 0
    rejected: Counter[str] = field(default_factory=Counter)  # reason -> leads
    held: Counter[str] = field(default_factory=Counter)  # reason -> leads
    notes: dict[str, Any] = field(default_factory=dict)

    def adds_up(self) -> bool:
        return self.taken == self.done + sum(self.rejected.values()) + sum(self.held.values())


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the night.

    ``run_batch(run)`` takes some leads and reports; ``waiting(run)`` counts the leads it could
    still take, held ones included. A stage with ``parallel`` is run by several workers at once.
    """

    name: str
    run_batch: Callable[[PipelineRun], BatchReport]
    waiting: Callable[[PipelineRun], int]
    parallel: bool = False
