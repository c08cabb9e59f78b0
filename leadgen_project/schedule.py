"""Start what is due, once, and pick up what was dropped. Called every minute, by any cluster.

Every act here is guarded by a row, so two clusters ticking at once, a clock that jumps or a tick
that comes late start nothing twice and miss nothing.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django_q.models import Schedule
from django_tenants.utils import tenant_context

from acra import keep_up
from chat.tend import tend_chat
from enrichment.captcha.tidy import tidy
from enrichment.harvest.call import call_due
from enrichment.tasks import recheck_addresses
from leadgen_project import pipeline
from leadgen_project.notices.look import look
from leadgen_project.notices.mail import is_mail_due
from leadgen_project.notices.tasks import mail_notices
from leadgen_project.vendor_figures import reconcile_vendors
from odoo_sync.import_dsn import import_dsn
from odoo_sync.tend import tend_odoo
from outreach.sending.after_restore import stop_sending
from outreach.tasks import ask_about_held_mail, clear_stray_drafts
from outreach.tend import tend
from tenants import restored
from tenants.clock import database_now
from tenants.models import PipelineRun, Tenant, TenantSettings

logger = logging.getLogger(__name__)

TICK = "leadgen_project.tasks.tick"
# A night that was missed (machine off) still starts this much later, and says so.
LATEST = timedelta(hours=20)
SILENCE = timedelta(seconds=45)
FURTHEST_TICK = timedelta(minutes=2)  # the queue puts the next one by its machine's clock


def ensure_schedule() -> None:
    """The one schedule the queue knows; everything else is decided in ``tick``.

    Also with DISABLE_SCHEDULER, which starts no nights but still revives those under way.
    """
    Schedule.objects.update_or_create(
        name="tick", defaults={"func": TICK, "schedule_type": Schedule.MINUTES, "minutes": 1}
    )


def import_odoo() -> None:
    """``ODOO_POSTGRES_DSN`` becomes the default tenant's connection. Once; nothing without it."""
    if not settings.ODOO_POSTGRES_DSN:
        return
    tenants = Tenant.objects.filter(is_active=True)
    tenant = tenants.filter(pk="default").first() or tenants.order_by("created_at").first()
    if tenant is None:
        return
    with tenant_context(tenant):
        try:
            import_dsn(settings.ODOO_POSTGRES_DSN, actor="settings")
        except ValueError as exc:
            logger.error("%s", exc)  # noqa: TRY400 -- a traceback would quote it


def mend_schedule(*, now: datetime) -> None:
    """Bring the tick back that a wrong clock has put into the future: it is due every minute."""
    astray = Schedule.objects.filter(name="tick", next_run__gt=now + FURTHEST_TICK)
    astray.update(next_run=now)


def tick(*, now: datetime | None = None) -> None:
    """Start due nights and looks at the register (unless DISABLE_SCHEDULER), revive what lost its
    tasks.
    """
    now = now or database_now()
    heed_restore()
    if not settings.DISABLE_SCHEDULER:
        start_due_nights(now=now)
        keep_up.call_if_due(now=now)
    revive_runs(now=now)
    tend_mail(now=now)
    tend_harvests(now=now)
    tend_desks(now=now)
    tend_chats(now=now)
    tell_people(now=now)
    import_odoo()


def heed_restore() -> None:
    """Send nothing from a database that was restored: what was sent since it does not know."""
    if why := restored.why_older():
        logger.error("%s Sending is switched off for all tenants.", why)
        for tenant in Tenant.objects.all():
            with tenant_context(tenant):
                stop_sending(why)
        restored.accept()
    restored.count_minute()


def tend_mail(*, now: datetime) -> None:
    """See that follow-ups are queued, and mailboxes and Odoos with something to do have a task."""
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_context(tenant):
            tend(now=now)
            tend_odoo(now=now)


def tend_harvests(*, now: datetime) -> None:
    """See that each harvest that waits, and that nobody holds, has a batch coming."""
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_context(tenant):
            call_due(now=now)


def tend_desks(*, now: datetime) -> None:
    """Give up pages nobody came to in time, so that their leads go on; see ``captcha.tidy``."""
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_context(tenant):
            tidy(now=now)


def tend_chats(*, now: datetime) -> None:
    """End answers whose web server died in the middle, so that no conversation hangs."""
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_context(tenant):
            tend_chat(now=now)


def tell_people(*, now: datetime) -> None:
    """Note what a tenant's people should know; a task mails it to those who want it."""
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_context(tenant):
            look(now=now)
            if is_mail_due(now=now):
                mail_notices.enqueue()


def start_due_nights(*, now: datetime) -> list[PipelineRun]:
    """Start each tenant's night whose time has come; returns the runs that were started."""
    started = []
    for chosen in TenantSettings.objects.filter(nightly_enabled=True, tenant__is_active=True):
        night = due_night(chosen, now=now)
        if night is None or _was_started(chosen.tenant_id, night):
            continue
        with tenant_context(chosen.tenant):
            try:
                run = pipeline.start_night(
                    chosen.tenant, started_by="schedule", now=now, night_of=night
                )
            except pipeline.RunError as exc:
                logger.info("%s", exc)
                continue
            recheck_addresses.enqueue()
            reconcile_vendors.enqueue()
            ask_about_held_mail.enqueue()
            clear_stray_drafts.enqueue()
        started.append(run)
    return started


def due_night(chosen: TenantSettings, *, now: datetime) -> date | None:
    """The date of the night that should have started by ``now``, or None when it is too late.

    Reckoned in the deployment's nightly zone. A night belongs to the date it starts on; a tenant
    created today does not get the nights before.
    """
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY))
    start = datetime.combine(local.date(), chosen.nightly_at, tzinfo=local.tzinfo)
    if start > local:
        start -= timedelta(days=1)
    if local - start > LATEST or start < chosen.tenant.created_at:
        return None
    return start.date()


def next_start(chosen: TenantSettings, *, now: datetime) -> datetime:
    """When the tenant's next scheduled night begins, in the nightly zone."""
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY))
    start = datetime.combine(local.date(), chosen.nightly_at, tzinfo=local.tzinfo)
    return start if start > local else start + timedelta(days=1)


def revive_runs(*, now: datetime) -> None:
    """Queue work for open runs that no worker has touched for ``SILENCE``.

    For tasks that died with their machine: the queue gives those out again only after its own
    ``retry``. Claimed leads come free with their lease. Extra tasks find nothing to take and end.
    """
    silent = PipelineRun.objects.filter(
        status=PipelineRun.Status.RUNNING, touched_at__lt=now - SILENCE
    )
    for run in silent.select_related("tenant"):
        with tenant_context(run.tenant), transaction.atomic():
            # A locked row is in the hands of a long statement, which is a sign of life.
            if silent.filter(pk=run.pk).select_for_update(skip_locked=True, of=("self",)).first():
                pipeline.revive(run, now=now)


def _was_started(tenant_id: str, night: date) -> bool:
    return PipelineRun.objects.filter(tenant_id=tenant_id, night_of=night).exists()
