"""What the queue runs for addresses."""

from __future__ import annotations

from datetime import timedelta

from enrichment.recheck import recheck
from enrichment.verify import verify_lead
from icp.models import Lead
from tenants.context import current_schema
from tenants.models import PipelineRun
from tenants.tasks import enqueue, tenant_task

RECHECK_SECONDS = 200.0  # of one task; the queue ends tasks after 600
LATER = timedelta(minutes=15)
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
