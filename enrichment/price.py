"""What the vendor steps of a night may cost, told before it starts: the contract all steps keep.

A step module offers ``estimate``; ``leadgen_project.price`` adds the steps up per vendor, caps the
sums by the budgets and books them as the run's own limit, so that the actual is never above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tenants.models import PipelineRun
from tenants.permits import Vendor


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one step may ask of its vendor in one night, at most.

    ``lookups`` are the questions it would like answered, ``from_cache`` those of them it knows
    the answer to and pays nothing for. ``most_units`` and ``most_micros`` (millionths of a US
    dollar) are what the rest costs when each call costs all it reserves: the same numbers that go
    into ``governor.permit``. Repeats of failed calls are the frame's business.
    """

    lookups: int
    from_cache: int = 0
    most_units: int = 0
    most_micros: int = 0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            self.lookups + other.lookups,
            self.from_cache + other.from_cache,
            self.most_units + other.most_units,
            self.most_micros + other.most_micros,
        )


class EstimateStep(Protocol):
    """``estimate`` of a step module. Asks no vendor, writes nothing, costs a few queries."""

    def __call__(self, leads: int, *, run: PipelineRun | None = None) -> Estimate:
        """The most the step costs for ``leads`` leads.

        ``run`` is the night whose leads they are, once it has selected them: then the cache can be
        asked about them. Without it (preview of a rule) nothing is taken to be cached. Whether the
        vendor has a key or a budget left is not the step's business.
        """


@dataclass(frozen=True, slots=True)
class PricedStep:
    """A step of the night that asks ``vendor``; ``name`` as in ``LeadStep.step``."""

    name: str
    vendor: Vendor
    estimate: EstimateStep
