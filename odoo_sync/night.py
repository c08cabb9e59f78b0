"""The last stage of the night: what was accepted, or is news, goes to Odoo."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count

from odoo_sync.choose import choose, choose_news
from odoo_sync.models import OdooPush
from odoo_sync.sync import can_go_on, connection_in_use, sync
from tenants.clock import database_now
from tenants.models import PipelineRun
from tenants.stages import BatchReport, Tally

State = OdooPush.State
LATER, AWAY = "a later try", "odoo_away"


def sync_batch(run: PipelineRun, *, seconds: float) -> BatchReport:
    """Send some of what the night has for Odoo. A tenant without one has nothing to do.

    Changes no lead and no score, so that the night's report is the same with and without Odoo.
    """
    connection = connection_in_use()
    if connection is None:
        return BatchReport()
    if not run.plan.get("odoo"):
        now = database_now()
        choose(connection, now=now, run_id=run.pk)
        choose_news(connection, now=now, run_id=run.pk)
        waiting = OdooPush.objects.filter(connection=connection, state=State.WAITING)
        waiting.update(run_id=run.pk)
        _remember(run, connection.pk)
    ended = sync(connection, seconds=seconds, run_id=run.pk)
    done = ended.pop(State.DONE, 0)
    held = {LATER: ended.pop(State.WAITING, 0) + ended.pop(State.SENDING, 0)}
    report = BatchReport(taken=done + sum(held.values()) + ended.total(), done=done)
    report.rejected.update({str(state).lower(): count for state, count in ended.items()})
    report.held.update(held)
    return report


def _remember(run: PipelineRun, connection_id: int) -> None:
    """That the night has chosen what goes. A second worker that chooses as well adds nothing."""
    with transaction.atomic():
        locked = PipelineRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
        locked.plan["odoo"] = connection_id
        locked.save(update_fields=["plan"])
    run.plan = locked.plan


def tally_sync(run: PipelineRun) -> Tally:
    """Counted from the rows. What waits for an Odoo that is away is held, not waited for."""
    mine = OdooPush.objects.filter(run_id=run.pk)
    states = dict(mine.values_list("state").annotate(n=Count("pk")))
    connection = connection_in_use()
    now = database_now()
    waiting = states.get(State.WAITING, 0)
    later = mine.filter(state=State.WAITING, not_before__gt=now).count()
    is_away = connection is None or not can_go_on(connection)
    held = {AWAY: waiting} if is_away else {LATER: later}
    stopped = mine.filter(state__in=OdooPush.WITH_REASON).values_list("code")
    return Tally(
        taken_in=sum(states.values()),
        done=states.get(State.DONE, 0),
        rejected=dict(stopped.annotate(n=Count("pk"))),
        held={reason: count for reason, count in held.items() if count},
        waiting=states.get(State.SENDING, 0) + waiting - sum(held.values()),
    )
