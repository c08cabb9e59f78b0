"""See what has happened that somebody should know of, and note each thing once.

Looks at states, not at events: whatever brought a mailbox to its stop, the stop is noticed. Texts
name numbers and pages, never a person, an address or a company.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from enrichment.harvest_models import HarvestSource
from icp.models import Notice, PersonRequest
from leadgen_project.notices.draft import Draft, page_of
from leadgen_project.notices.odoo import odoo_drafts
from leadgen_project.notices.watched import look_at_watched
from outreach.models import Mailbox
from outreach.opt_outs import unheeded
from tenants.models import PipelineRun
from tenants.paid import balances
from tenants.paid.vendor_state import marked_gauges, stops

Kind = Notice.Kind
RECENT = timedelta(days=2)  # older ends of nights are no news
SOON = timedelta(days=7)
KEPT = timedelta(days=180)


def look(*, now: datetime) -> int:
    """Note what is new in the current tenant; returns how many. About ten small statements.

    A second look adds nothing. Notices older than half a year are forgotten.
    """
    return look_at_watched(now=now) + _look_for_all(now=now)


def _look_for_all(*, now: datetime) -> int:
    drafts = [*_nights(now), *_mailboxes(), *_vendors(now), *_people(now), *_sources(),
              *odoo_drafts(now)]  # fmt: skip
    if not drafts:
        return 0
    known = set(Notice.objects.filter(key__in=[one.key for one in drafts])
                .values_list("key", flat=True))  # fmt: skip
    fresh = [Notice(**draft._asdict(), at=now) for draft in drafts if draft.key not in known]
    Notice.objects.bulk_create(fresh, ignore_conflicts=True)
    if fresh:
        Notice.objects.filter(at__lt=now - KEPT).delete()
    return len(fresh)


def _nights(now: datetime) -> Iterator[Draft]:
    ended = PipelineRun.objects.filter(
        tenant_id=connection.schema_name,  # type: ignore[attr-defined]  # of our backend
        finished_at__gt=now - RECENT, status__in=["FINISHED", "FAILED"],
    )  # fmt: skip
    for run in ended.order_by("pk").only("pk", "status", "stage"):
        page = page_of("tenants_pipelinerun_change", run.pk)
        if run.status == PipelineRun.Status.FAILED:
            text = "Its page says where and why. What it had done is kept."
            yield Draft(f"run {run.pk} failed", Kind.NIGHT_FAILED, f"Run {run.pk} has failed",
                        text, page)  # fmt: skip
        else:
            yield Draft(f"run {run.pk} done", Kind.NIGHT_DONE, f"Run {run.pk} has finished",
                        "Its shortlist is ready to be reviewed.", page)  # fmt: skip


def _mailboxes() -> Iterator[Draft]:
    states = {Mailbox.State.RECONNECT: "somebody has to sign in again",
              Mailbox.State.STOPPED: "a brake has stopped it"}  # fmt: skip
    for box in Mailbox.objects.filter(state__in=list(states)).order_by("pk"):
        yield Draft(
            f"mailbox {box.pk} {box.state} {box.state_since:%Y-%m-%dT%H:%M}", Kind.MAILBOX,
            f"Mailbox {box.pk} does not send", f"Because {states[Mailbox.State(box.state)]}.",
            page_of("outreach_mailbox_change", box.pk),
        )  # fmt: skip


def _vendors(now: datetime) -> Iterator[Draft]:
    day, page = balances.local_day(now), page_of("vendors")
    for vendor, _ in stops(now=now):
        yield Draft(f"key of {vendor} refused {day}", Kind.BUDGET,
                    f"{vendor.label} refuses its key", "It is not asked until that is put right.",
                    page)  # fmt: skip
    for vendor, gauge in marked_gauges(now=now):
        period = day if "day" in gauge.title.lower() else day.replace(day=1)
        if gauge.mark == balances.MARKS[-1]:
            title = f"The {vendor.label} budget is used up"
        else:
            title = f"{gauge.mark} % of the {vendor.label} budget is used"
        yield Draft(
            f"budget {vendor} {gauge.title} {gauge.mark} {period}"[:120],
            Kind.BUDGET,
            title,
            f"{gauge.title}. Nights go on, and skip what costs too much.",
            page,
        )


def _people(now: datetime) -> Iterator[Draft]:
    today = timezone.localdate(now)
    if number := len(unheeded()):
        yield Draft(
            f"opt-outs {today}",
            Kind.PEOPLE,
            f"{number} {'opt-out is' if number == 1 else 'opt-outs are'} not heeded",
            "Mail waits or has gone out to people who said no.",
            page_of("opt-outs"),
        )
    due = PersonRequest.objects.filter(done_at=None, due_on__lte=today + SOON)
    for request in due.order_by("pk"):
        is_late = request.due_on < today
        yield Draft(
            f"{request} {'late' if is_late else 'soon'}", Kind.PEOPLE,
            f"A person's request {'is late' if is_late else 'has to be answered soon'}",
            f"By {request.due_on:%d %b %Y}.", page_of("icp_personrequest_change", request.pk),
        )  # fmt: skip


def _sources() -> Iterator[Draft]:
    for source in HarvestSource.objects.filter(paused_at__isnull=False).order_by("pk"):
        yield Draft(
            f"source {source.pk} paused {source.paused_at:%Y-%m-%dT%H:%M}", Kind.SOURCE,
            f"Harvest source {source.pk} has paused itself",
            "Too many of its pages stood behind walls. Look, and resume it or leave it.",
            page_of("enrichment_captchachallenge_changelist"),
        )  # fmt: skip
