"""What the queue runs for addresses, and for one lead because an operator asked for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from enrichment.harvest.call import call
from enrichment.harvest_batch import Ending, work_on
from enrichment.people.find_people import find_people
from enrichment.search.search_site import search_lead
from enrichment.steps import StepResult
from enrichment.verification.recheck import recheck
from enrichment.verification.verify import verify_lead
from icp.models import Lead
from tenants.context import current_schema
from tenants.models import PipelineRun
from tenants.tasks import enqueue, tenant_task

RECHECK_SECONDS = 200.0  # of one task; the queue ends tasks after 600
LATER = timedelta(minutes=15)
LONGEST_DELAY_SECONDS = 3_600.0  # the sweeper knows those that wait longer
MOST_WAITS = 80  # 20 hours: then the next night has started a recheck of its own


@tenant_task
def verify_lead_now(*, lead_id: int) -> None:
    """Verify all addresses of one lead, because somebody asked for it."""
    lead = Lead.objects.filter(pk=lead_id).first()
    if lead is not None:
        verify_lead(lead)


@tenant_task
def recheck_addresses(*, waits: int = 0) -> None:
    """Ask again about addresses that are due; a night under way has the budget first."""
    runs = PipelineRun.objects.filter(tenant_id=current_schema(), status__in=PipelineRun.OPEN)
    if runs.exists():
        if waits < MOST_WAITS:
            enqueue(recheck_addresses.name, delay=LATER, waits=waits + 1)
        return
    found = recheck(seconds=RECHECK_SECONDS)
    if found.refused is None and (found.asked or found.left):
        recheck_addresses.enqueue()


@tenant_task
def search_now(*, lead_id: int) -> None:
    """Search the web for the lead's site."""
    _do(lead_id, search_lead)


@tenant_task
def find_people_now(*, lead_id: int) -> None:
    """Find people with wanted titles at the lead's company."""
    _do(lead_id, find_people)


@tenant_task
def harvest(*, request_id: int) -> None:
    """One batch of a harvest, then the next. A second task meanwhile finds it held, and ends."""
    report = work_on(request_id)
    if report.ending is not Ending.DONE:
        call(request_id, seconds=min(report.seconds, LONGEST_DELAY_SECONDS))


def _do(lead_id: int, step: Callable[[Lead], StepResult | None]) -> None:
    lead = Lead.objects.filter(pk=lead_id).first()
    if lead is not None:  # it may be gone since
        step(lead)
