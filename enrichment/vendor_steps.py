"""What the steps that ask data vendors share: waiting for the vendor, giving up, what was asked."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from enrichment.ask_once import Told
from enrichment.clients.exchange import ClientError
from enrichment.models import LeadStep
from enrichment.steps import StepResult, skip_all
from tenants.models import PipelineRun
from tenants.paid import governor
from tenants.permits import NoPermitError, Vendor, VendorDownError, VendorError
from tenants.stages import BatchReport
from tenants.stopping import is_stopping

logger = logging.getLogger(__name__)
# Above the breaker's first pause: a short outage costs a night nothing, a long one 40 s a step.
PATIENCE_SECONDS = 40.0
LOOK_AGAIN_SECONDS = 0.5


class DriftError(NoPermitError):
    """The vendor's answers have another shape than ours is written for: nobody asks on."""

    code = "drift"

    @classmethod
    def of(cls, error: VendorError) -> DriftError | None:
        """The reason to stop when ``error`` is a drift."""
        if not isinstance(error, ClientError) or error.code != "drift":
            return None
        logger.error("%s", error)
        return cls(str(error))


@dataclass(frozen=True, slots=True)
class Asked:
    """One or more questions of a step for one lead: how many were paid, how many known."""

    call_id: int  # of the last
    calls: int = 0
    from_cache: int = 0

    @classmethod
    def of(cls, *told: Told) -> Asked:
        new = sum(one.is_new for one in told)
        return cls(told[-1].call_id, calls=new, from_cache=len(told) - new)

    def result(self, outcome: LeadStep.Outcome, code: str, sentence: str) -> StepResult:
        return StepResult(
            outcome, code=code, sentence=sentence, calls=self.calls, from_cache=self.from_cache
        )


def wait_until_ready(vendor: Vendor) -> None:
    """Return when ``vendor`` may be asked; wait for one that is down, but not long.

    Raises a ``NoPermitError`` when it cannot be asked, or stays down.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            governor.ready(vendor)
        except VendorDownError:
            if time.monotonic() > give_up_at or is_stopping():
                raise
        else:
            return
        time.sleep(LOOK_AGAIN_SECONDS)


def passed_by(
    run: PipelineRun, *, step: str, error: NoPermitError, after: BatchReport | None = None
) -> BatchReport:
    """Pass all waiting leads by; the report of that, and of what was done ``after`` all."""
    report = after or BatchReport()
    count = skip_all(run, step=step, error=error)
    report.taken += count
    report.held[error.code] += count
    return report
