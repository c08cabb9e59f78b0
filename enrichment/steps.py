"""Steps that complete an enriched lead by asking a vendor: what all of them share.

A step takes leads of its run that stand ENRICHED and have no row of the step yet, works on them
with no transaction open, and writes each lead's result together with that row, if the claim is
still its own. So a killed worker loses at most the answer it was waiting for, and the next one
finds that answer in the vendor's cache, or its price in the ledger.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from enrichment.clients.exchange import ClientError
from enrichment.models import LeadStep
from icp.models import Lead, LeadQuerySet
from tenants.context import current_schema, in_tenant
from tenants.models import PipelineRun
from tenants.outage import LOST, outlast
from tenants.paid import governor
from tenants.permits import NoPermitError, VendorError
from tenants.stages import BatchReport, Tally

Outcome = LeadStep.Outcome
HELD = {Outcome.LATER, Outcome.SKIPPED}


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step came to for one lead.

    ``write`` stores it, inside the transaction that also writes the step's row and with the lead
    locked; it may reject the lead (outcome REJECTED). What it learns only then it says by returning
    another result, which counts instead. ``calls`` are the paid ones.
    """

    outcome: LeadStep.Outcome
    code: str = ""
    sentence: str = ""
    calls: int = 0
    from_cache: int = 0
    figures: Mapping[str, Any] = field(default_factory=dict)  # further ones, for the report
    write: Callable[[], StepResult | None] | None = None

    @classmethod
    def refused(cls, error: NoPermitError) -> StepResult:
        """No permit: the lead goes on without; what passes by itself is tried another night."""
        passing = error.code in {"rate", "down", "lost"}
        outcome = Outcome.LATER if passing else Outcome.SKIPPED
        return cls(outcome, code=error.code, sentence=governor.sentence_of(error))

    @classmethod
    def failed(cls, error: VendorError) -> StepResult:
        """Asked in vain: what may pass is tried another night, the rest needs somebody."""
        code = error.code if isinstance(error, ClientError) else "vendor"
        outcome = Outcome.LATER if error.retryable else Outcome.SKIPPED
        return cls(outcome, code=code, sentence=str(error), calls=1)


Work = Callable[[Sequence[Lead]], Iterator[tuple[Lead, StepResult]]]


def work_step(
    run: PipelineRun,
    *,
    step: str,
    work: Work,
    count: int,
    now: Callable[[], datetime] = timezone.now,
) -> BatchReport:
    """Claim up to ``count`` leads for ``step`` and do ``work`` on them; empty when none is free.

    ``work`` yields each lead with its result as soon as it has it. A lead it does not yield is
    freed and taken up again by the next batch. The claims are renewed meanwhile.
    """
    leads = outlast(lambda: waiting_for(run, step=step).claim(count))
    report = BatchReport(taken=len(leads))
    left = {lead.pk: lead for lead in leads}
    try:
        with _kept_alive(leads):
            for lead, result in work(leads) if leads else ():
                _count(report, _write(lead, result, run_id=run.pk, step=step, now=now()))
                del left[lead.pk]
    finally:
        if left:
            outlast(lambda: Lead.objects.of_claims(list(left.values())).let_go())
    report.held["another look"] += len(left)
    return report


def work_by_hand(
    lead: Lead, *, step: str, work: Work, now: Callable[[], datetime] = timezone.now
) -> StepResult | None:
    """Do ``work`` on one lead outside any night, whatever its stage; each time anew.

    ``None`` when another worker holds the lead. Its row of the step has no run.
    """
    leads = outlast(lambda: Lead.objects.filter(pk=lead.pk).claim(1))
    done = None
    try:
        with _kept_alive(leads):
            for mine, result in work(leads) if leads else ():
                done = _write(mine, result, run_id=None, step=step, now=now())
    finally:
        if leads and done is None:
            outlast(lambda: Lead.objects.of_claims(leads).let_go())
    return done


def waiting_for(run: PipelineRun, *, step: str) -> LeadQuerySet:
    """Leads of ``run`` that ``step`` has yet to look at, those in a worker's hands included."""
    seen = LeadStep.objects.filter(lead=OuterRef("pk"), run_id=run.pk, step=step)
    mine = Lead.objects.filter(run_id=run.pk).in_stage(Lead.Stage.ENRICHED)
    return mine.filter(~Exists(seen))


def skip_all(run: PipelineRun, *, step: str, error: NoPermitError) -> int:
    """Pass all waiting leads of ``run`` by, because the vendor cannot be asked; how many."""
    return pass_by(run, step=step, result=StepResult.refused(error))


def pass_by(
    run: PipelineRun, *, step: str, result: StepResult, leads: LeadQuerySet | None = None
) -> int:
    """Give all waiting leads of ``run``, or those among ``leads``, the same result; how many."""
    waiting = waiting_for(run, step=step)
    if leads is not None:
        waiting = waiting.filter(pk__in=leads.values("pk"))
    rows = [
        LeadStep(lead_id=pk, run_id=run.pk, step=step, outcome=result.outcome,
                 code=result.code, sentence=result.sentence[:300])
        for pk in waiting.values_list("pk", flat=True)
    ]  # fmt: skip
    return len(LeadStep.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000))


def tally_step(run: PipelineRun, *, step: str) -> Tally:
    """Counts of ``step`` from its rows: skipped and postponed leads are held, by their code."""
    rows = LeadStep.objects.filter(run_id=run.pk, step=step)
    tally = Tally(waiting=waiting_for(run, step=step).count())
    facts: Counter[str] = Counter()
    for outcome, code, n in rows.values_list("outcome", "code").annotate(n=Count("pk")):
        if outcome == Outcome.REJECTED:
            tally.rejected[code] = tally.rejected.get(code, 0) + n
        elif outcome in HELD:
            tally.held[code] = tally.held.get(code, 0) + n
        else:
            tally.done += n
        facts[outcome.lower()] += n
    tally.taken_in = (
        tally.done + tally.waiting + sum(tally.rejected.values()) + sum(tally.held.values())
    )
    tally.facts = {"outcomes": dict(sorted(facts.items()))}
    return tally


def _write(
    lead: Lead, result: StepResult, *, run_id: int | None, step: str, now: datetime
) -> StepResult:
    """Store ``result`` with the row of the step; returns the result that counts."""

    def once() -> StepResult:
        with transaction.atomic():
            mine = Lead.objects.of_claims([lead]).select_for_update()
            if not mine.exists():
                return result  # slept past its lease: somebody else has the lead
            told = (result.write() if result.write else None) or result
            LeadStep.objects.bulk_create(
                [LeadStep(lead=lead, run_id=run_id, step=step, outcome=told.outcome,
                          code=told.code[:40], sentence=told.sentence[:300],
                          calls=told.calls, from_cache=told.from_cache,
                          figures=dict(told.figures), at=now)],
                ignore_conflicts=True,
            )  # fmt: skip
            Lead.objects.of_claims([lead]).let_go()
            return told

    return outlast(once)


def _count(report: BatchReport, result: StepResult) -> None:
    if result.outcome == Outcome.REJECTED:
        report.rejected[result.code] += 1
    elif result.outcome in HELD:
        report.held[result.code] += 1
    else:
        report.done += 1


@contextmanager
def _kept_alive(leads: Sequence[Lead]) -> Iterator[None]:
    """Renew the claims while a vendor is waited for, which may take longer than a lease.

    In a thread of its own, with a connection of its own. When the process stops, so does it.
    """
    done = threading.Event()
    schema = current_schema()

    def renew() -> None:
        while not done.wait(settings.LEASE_SECONDS / 3):
            try:
                with in_tenant(schema):
                    Lead.objects.of_claims(leads).hold_longer()
            except LOST:
                connection.close()  # the database is away; the next round finds it or not
        connection.close()

    keeper = threading.Thread(target=renew, name="leases", daemon=True)
    if leads:
        keeper.start()
    try:
        yield
    finally:
        done.set()
        if leads:
            keeper.join()
