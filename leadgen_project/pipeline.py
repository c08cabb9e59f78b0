"""The night: which stage follows which, and how a run gets from one to the next.

The only module that knows all stages. The run row says which stage is due; the leads' own rows say
how far it is. So any process may be killed at any line, and the next task goes on from there.
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from leadgen_project import night_stages as stages
from leadgen_project import vendor_stages
from leadgen_project.report import report_hash, report_lines
from leadgen_project.turns import queue_turns
from leadgen_project.vendor_figures import reconcile_after_run
from tenants import audit
from tenants.clock import database_now
from tenants.context import current_schema
from tenants.models import PipelineRun, Tenant
from tenants.outage import is_outage
from tenants.stages import Stage
from tenants.vendor_models import VendorUsage

logger = logging.getLogger(__name__)

NIGHTLY = (
    Stage("normalise", stages.look_at_register, stages.tally_register),
    Stage("select", stages.select, stages.tally_select),
    Stage("enrich", stages.enrich, stages.tally_enrich, parallel=True),
    *vendor_stages.COMPLETING,
    Stage("score", stages.score, stages.tally_score, parallel=True),
    Stage("shortlist", stages.shortlist, stages.tally_shortlist),
    vendor_stages.EXPLAINING,
    Stage("export", stages.export, stages.tally_export),
    Stage("tidy", stages.tidy, stages.tally_tidy),
    vendor_stages.SYNCING,
)
MOST_FAILURES = 5  # of a stage in one run; then an operator has to look


class RunError(Exception):
    """The run cannot be started or changed as asked; the text says why and what to do."""


class Preview(NamedTuple):
    """What a night would take. ``plan`` given to ``start_night`` holds the night to just that."""

    sentences: list[str]
    plan: str


def start_night(
    tenant: Tenant,
    *,
    started_by: str,
    now: datetime,
    night_of: date | None = None,
    plan: str = "",
) -> PipelineRun:
    """Open a run of ``tenant`` and queue its first step.

    With the ``plan`` of a ``dry_run`` it fails before it does anything if it would take something
    else by now: another rule, card, register, limit, price or lead.

    Raises ``RunError`` when one is open already, or when a scheduled night was started before.
    Called inside the tenant.
    """
    try:
        with transaction.atomic():
            run = PipelineRun.objects.create(
                tenant=tenant,
                stage=NIGHTLY[0].name,
                started_by=started_by,
                started_at=now,
                stage_started_at=now,
                touched_at=now,
                night_of=night_of,
                plan=stages.make_plan(tenant, now=now) | ({"planned": plan} if plan else {}),
            )
            audit.record("tenants.run.start", actor=started_by, subject=str(run))
            _enqueue(run)
    except IntegrityError as exc:
        raise RunError(
            f"{tenant}: a night is under way already. Watch it under Runs, or cancel it there."
        ) from exc
    return run


def dry_run(tenant: Tenant, *, now: datetime) -> Preview:
    """What a night started now would take, in sentences: the same code, rolled back at the end.

    Raises ``RunError`` when a night is under way, ``MissingInputError`` when something is missing.
    """
    with transaction.atomic():
        run = start_night(tenant, started_by="dry run", now=now)
        stages.look_at_register(run)
        stages.select(run)
        found = stages.tally_select(run).as_json()
        pages = stages.most_pages(run)
        transaction.set_rollback(True)
    sentences = [
        f"Rule {run.plan['rule']}, card {run.plan['card'] or 'none'}, as of {run.plan['as_of']}.",
        f"Companies that meet the rule and are new: {found.get('new', 0)}.",
        f"This night would work on {found['done']} of {found['in']} waiting candidates.",
        f"It would fetch at most {pages} pages.",
        *run.plan["price"],
        f"The shortlist holds at most {run.plan['shortlist_cap']}.",
    ]
    return Preview(sentences, run.plan["taken"])


def step(run: PipelineRun) -> bool:
    """Do one piece of the due stage; returns whether there may be more to do at once.

    Safe to call from any number of processes. False means: the run is over or paused, or all
    that is left is held by others.
    """
    run.refresh_from_db()
    if run.status != PipelineRun.Status.RUNNING:
        return False
    stage = _stage(run)
    try:
        if not stage.parallel:
            return _run_whole(run, stage)
        run.touch(now=database_now())
        report = stage.run_batch(run)
    except stages.MissingInputError as exc:
        _fail(run, str(exc))  # trying again would not help
        return False
    except Exception as exc:
        if not is_outage(exc):  # which is no fault of the stage
            _count_failure(run, stage)
        raise
    if report.taken:
        return True
    return _finish_stage(run, stage)


def has_waiting(run: PipelineRun) -> bool:
    """Whether many could still work on the due stage."""
    return _is_parallel(run) and _stage(run).tally(run).waiting > 0


def is_held_up(run: PipelineRun) -> bool:
    """After ``step`` found nothing: whether leads that others hold may come free again."""
    run.refresh_from_db()
    return run.status == PipelineRun.Status.RUNNING and _is_parallel(run)


def pause(run: PipelineRun, *, actor: str, reason: str = "") -> None:
    """Let running batches end and start no more."""
    allowed = [PipelineRun.Status.RUNNING]
    _change(run, PipelineRun.Status.PAUSED, actor=actor, reason=reason, allowed=allowed)


def resume(run: PipelineRun, *, actor: str, reason: str = "") -> None:
    """Go on where the run was paused."""
    allowed = [PipelineRun.Status.PAUSED]
    with transaction.atomic():
        _change(run, PipelineRun.Status.RUNNING, actor=actor, reason=reason, allowed=allowed)
        _enqueue(run)


def cancel(run: PipelineRun, *, actor: str, reason: str) -> None:
    """End the run. What it did stays; what it did not do waits for the next night.

    Raises ``RunError`` without a reason: there is no way back.
    """
    if not reason.strip():
        raise RunError("Say why it is cancelled: the reason stays with the run.")
    allowed = list(PipelineRun.OPEN)
    _change(run, PipelineRun.Status.CANCELLED, actor=actor, reason=reason, allowed=allowed)


def revive(run: PipelineRun, *, now: datetime) -> None:
    """Queue work for an open run again, in case the tasks that carried it are gone."""
    run.touch(now=now)
    _enqueue(run)


def tally_now(run: PipelineRun) -> dict[str, dict[str, Any]]:
    """Counts of every stage so far: those of finished stages as kept, the due one's live."""
    reports = {stage.name: run.report(stage.name) for stage in NIGHTLY}
    if run.is_open:
        stage = _stage(run)
        reports[stage.name] = stage.tally(run).as_json()
    return {name: counts for name, counts in reports.items() if counts}


def _run_whole(run: PipelineRun, stage: Stage) -> bool:
    """A stage of statements only: effect, counts and the next stage in one transaction."""
    with transaction.atomic():
        locked = _lock(run, stage)
        if locked is None:
            return False  # somebody else is at it
        locked.touched_at = database_now()
        stage.run_batch(locked)
        _move_on(locked, stage)
    run.refresh_from_db()
    return run.is_open


def _finish_stage(run: PipelineRun, stage: Stage) -> bool:
    """Move on when nothing of a parallel stage is waiting. False when others hold the rest."""
    with transaction.atomic():
        locked = _lock(run, stage, patiently=True)
        if locked is None:
            return run.is_open  # it has just moved on
        if stage.tally(locked).waiting:
            return False
        _move_on(locked, stage)
    run.refresh_from_db()
    return run.is_open


def _lock(run: PipelineRun, stage: Stage, *, patiently: bool = False) -> PipelineRun | None:
    due = PipelineRun.objects.filter(pk=run.pk, status=PipelineRun.Status.RUNNING, stage=stage.name)
    return due.select_for_update(skip_locked=not patiently, of=("self",)).first()


def _move_on(run: PipelineRun, stage: Stage) -> None:
    now = database_now()
    counts = stage.tally(run).as_json()
    counts["seconds"] = round((now - run.stage_started_at).total_seconds(), 1)
    run.reports[stage.name] = counts
    following = NIGHTLY[NIGHTLY.index(stage) + 1 :]
    run.stage_started_at = now
    if following:
        run.stage = following[0].name
        run.save(update_fields=["reports", "stage", "stage_started_at", "touched_at"])
        _enqueue(run)
        return
    run.stage = ""
    run.status = PipelineRun.Status.FINISHED
    run.finished_at = now
    run.report_hash = report_hash(report_lines(run))
    run.save()
    if VendorUsage.objects.filter(run_id=run.pk).exists():
        reconcile_after_run()
    logger.info("%s: run %s finished, report %s", run.tenant_id, run.pk, run.report_hash[:12])


def _enqueue(run: PipelineRun) -> None:
    queue_turns(run, parallel=_stage(run).parallel)


def _is_parallel(run: PipelineRun) -> bool:
    return run.is_open and _stage(run).parallel


def _stage(run: PipelineRun) -> Stage:
    return next(stage for stage in NIGHTLY if stage.name == run.stage)


def _count_failure(run: PipelineRun, stage: Stage) -> None:
    """Remember an unforeseen failure; give the run up after ``MOST_FAILURES``."""
    with transaction.atomic():
        locked = PipelineRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
        failures = locked.plan.setdefault("failures", {})
        failures[stage.name] = failures.get(stage.name, 0) + 1
        if failures[stage.name] >= MOST_FAILURES and locked.is_open:
            _fail(
                locked,
                f"The stage {stage.name} failed {MOST_FAILURES} times. The log of the worker says"
                " why. What was done so far is kept; start a new night when it is repaired.",
            )
        locked.save(update_fields=["plan"])


def give_up(run: PipelineRun, why: str) -> None:
    """End a run whose stage ends its workers, as failed."""
    if run.is_open:
        _fail(
            run,
            f"The stage {run.stage} was given up: {why} The log of the worker says more. What was"
            " done so far is kept; start a new night when it is repaired.",
        )


def _fail(run: PipelineRun, note: str) -> None:
    """End the run with a sentence for the operator."""
    now = database_now()
    PipelineRun.objects.filter(pk=run.pk, status__in=PipelineRun.OPEN).update(
        status=PipelineRun.Status.FAILED, finished_at=now, note=note
    )
    logger.error("%s: run %s failed: %s", run.tenant_id, run.pk, note)


def _change(
    run: PipelineRun,
    status: PipelineRun.Status,
    *,
    actor: str,
    reason: str,
    allowed: list[PipelineRun.Status],
) -> None:
    ended = None if status in PipelineRun.OPEN else database_now()
    with transaction.atomic():
        changed = PipelineRun.objects.filter(pk=run.pk, status__in=allowed).update(
            status=status, finished_at=ended
        )
        if not changed:
            run.refresh_from_db()
            raise RunError(
                f"Run {run.pk} of {current_schema()} is {run.get_status_display().lower()};"
                f" it cannot become {status.label.lower()}."
            )
        audit.record(
            f"tenants.run.{status.lower()}", actor=actor, subject=str(run), before=run.status,
            after=status, reason=reason,
        )  # fmt: skip
    run.refresh_from_db()
