"""What waits for a person in the current tenant."""

from __future__ import annotations

from dataclasses import dataclass

from enrichment.captcha.figures import waiting_count
from enrichment.listings.link_twins import open_pairs
from icp.models import FileRecall, PersonRequest
from odoo_sync.models import OdooConflict, OdooPush, OdooRecall
from outreach.answer_models import Reply
from outreach.models import Mailbox, Message
from outreach.opt_outs import unheeded
from scoring.models import Shortlist, ShortlistEntry
from tenants.models import PipelineRun

_SILENT = (Mailbox.State.RECONNECT, Mailbox.State.STOPPED)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Numbers of things; ``failed_runs`` is 1 when the newest run failed, else 0.

    ``unheeded``: people who opted out and whom mail still goes to; ``of_people``: their requests.
    """

    to_review: int
    for_operator: int
    failed_runs: int
    replies: int
    silent_mailboxes: int  # that a person has to sign in to, or a brake has stopped
    unheeded: int = 0
    of_people: int = 0
    held_mail: int = 0
    doubted_mail: int = 0
    parked_in_odoo: int = 0
    odoo_conflicts: int = 0
    recalls: int = 0
    duplicates: int = 0


def count_waiting() -> Waiting:
    """Sixteen small queries, each on an index."""
    newest = PipelineRun.objects.order_by("-started_at").values_list("status", flat=True).first()
    return Waiting(
        to_review=_to_review(),
        for_operator=waiting_count(),
        failed_runs=int(newest == PipelineRun.Status.FAILED),
        replies=Reply.objects.filter(state=Reply.State.WAITING).count(),
        silent_mailboxes=Mailbox.objects.filter(state__in=_SILENT).count(),
        unheeded=len(unheeded()),
        of_people=PersonRequest.objects.filter(done_at=None).count(),
        held_mail=Message.objects.filter(status="HELD", not_before=None).count(),
        doubted_mail=Message.objects.filter(status="IN_DOUBT").count(),
        parked_in_odoo=OdooPush.objects.filter(state=OdooPush.State.PARKED).count(),
        odoo_conflicts=OdooConflict.objects.filter(choice=OdooConflict.Choice.OPEN).count(),
        recalls=OdooRecall.objects.filter(done_at=None).count()
        + FileRecall.objects.filter(done_at=None).count(),
        duplicates=open_pairs().count(),
    )


def _to_review() -> int:
    """Open places on the newest shortlist; older ones were overtaken by it."""
    newest = Shortlist.objects.order_by("-run_id").first()
    if newest is None:
        return 0
    return ShortlistEntry.objects.filter(shortlist=newest, decision="OPEN").count()
