"""Enrich a batch of candidates: find their sites, read them, store what was found.

Leads are claimed with a lease; no transaction is open while sites are asked. Crawling, extraction
and matching run in threads and know no database; rows are written here, in the calling thread, as
results come in. A killed worker loses no lead: its leads are freed, at the
latest when the lease ends, and what was already written stands.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError
from django.utils import timezone

from acra.models import RegisteredCompany
from enrichment.listings.decide_match import match_after_reading
from enrichment.models import Evidence
from enrichment.record import Found, record
from enrichment.site.discover import candidate_sites
from enrichment.site.in_flight import InFlight, Landed
from enrichment.site.look import Crawl, Task
from enrichment.site.match import THRESHOLD, CompanyFacts
from icp.models import Lead, LeadQuerySet
from icp.suppressions import shown
from tenants.clock import database_now
from tenants.models import PipelineRun
from tenants.outage import outlast
from tenants.stages import BatchReport
from tenants.stopping import is_stopping

logger = logging.getLogger(__name__)

MAX_DEATHS = 3  # a lead over which so many workers died is put aside


def enrich_batch(
    run: PipelineRun,
    *,
    count: int,
    seconds: float = 60.0,
    crawl: Crawl | None = None,
    threshold: int = THRESHOLD,
    now: Callable[[], datetime] = timezone.now,
) -> BatchReport:
    """Enrich up to ``count`` free candidates of ``run``; an empty report when none is free.

    A candidate is claimed when there is a thread for it, and none after ``seconds`` or when the
    worker is to stop; so a batch takes ``seconds`` and one look, at most about four minutes. Each
    lead ends ENRICHED (with or without a site), NEEDS_OPERATOR (a wall), waits for another night
    (passing trouble), or is put aside when it was in hand at three deaths of a worker. A lead that
    was in hand at one is a batch of its own, so that it takes no other along. A second call goes
    on with the next leads; the same lead is never written twice. Outlasts a database restart.
    """
    mine = Lead.objects.filter(run_id=run.pk).in_stage(Lead.Stage.CANDIDATE)
    last_call = time.monotonic() + seconds
    with InFlight(crawl=crawl, threshold=threshold, now=now) as flight:
        batch = _Batch(run, flight, now)
        batch.take(mine.suspect(), count=1)
        if batch.report.taken:
            count = 1
        batch.take(mine.sound(), count=count)
        while flight:
            batch.write_landed()
            if time.monotonic() < last_call and not is_stopping():
                batch.take(mine.sound(), count=count)
    return batch.report


def task_for(lead: Lead, company: RegisteredCompany | None, *, listed: str = "") -> Task:
    """What has to be looked for, as plain values for a thread.

    ``listed``: the site a listing names, when that is where ``lead.website`` comes from. A lead
    that the register does not know is told by what its listing says.
    """
    given = "" if listed else lead.website
    former = tuple(company.former_names) if company else ()
    facts = CompanyFacts(
        name=company.name if company else lead.name,
        uen=lead.uen,
        former_names=former,
        postal_code=company.postal_code if company else shown(lead.facts, "postal_code"),
        street=f"{company.block} {company.street}".strip() if company else "",
        unit="-".join(p for p in (company.level, company.unit) if p) if company else "",
        phones=() if company else _numbers(lead),
        is_trade_name=company is None and lead.source == Lead.Source.HARVEST,
    )
    candidates = candidate_sites(
        facts.name, former_names=former, suffixes=settings.CRAWL_GUESS_SUFFIXES, given=given,
        listed=listed,
    )  # fmt: skip
    return Task(lead.pk, facts, tuple(candidates))


def _numbers(lead: Lead) -> tuple[str, ...]:
    known = lead.facts.get("phones", {}).get("value", ())
    return tuple(known) if isinstance(known, list | tuple) else ()


def _listed_sites(leads: Iterable[Lead]) -> dict[int, str]:
    """Lead -> its site, for those that have it from a listing and from nobody else."""
    mine = {lead.pk: lead.website for lead in leads
            if lead.website and lead.source == Lead.Source.HARVEST}  # fmt: skip
    said = Evidence.objects.filter(lead__in=mine, field="website", source="LISTING",
                                   value__in=set(mine.values()), superseded_at=None)  # fmt: skip
    pairs = set(said.values_list("lead", "value")) if mine else set()
    return {lead: site for lead, site in mine.items() if (lead, site) in pairs}


def _companies(leads: Iterable[Lead]) -> dict[str, RegisteredCompany]:
    uens = [lead.uen for lead in leads if lead.uen]
    return {company.uen: company for company in RegisteredCompany.objects.filter(uen__in=uens)}


@dataclass(slots=True)
class _Batch:
    """Leads of one batch from their claim until what was found is written."""

    run: PipelineRun
    flight: InFlight
    now: Callable[[], datetime]
    report: BatchReport = field(default_factory=BatchReport)
    companies: dict[str, RegisteredCompany] = field(default_factory=dict)

    def take(self, waiting: LeadQuerySet, *, count: int) -> None:
        """Claim as many as there is room for, ``count`` in all, and begin to look at them."""
        room = min(self.flight.room, count - self.report.taken)
        if room < 1:
            return
        leads = outlast(lambda: waiting.claim(room))
        self.report.taken += len(leads)
        leads = [lead for lead in leads if not self._was_deadly(lead)]
        self.companies |= _companies(leads)
        listed = _listed_sites(leads)
        tasks = [
            task_for(lead, self.companies.get(lead.uen), listed=listed.get(lead.pk, ""))
            for lead in leads
        ]
        self.flight.start(leads, tasks=tasks)

    def write_landed(self) -> None:
        landed = self.flight.landed()
        for one, stage in _record(landed, self.companies, run_id=self.run.pk, now=self.now()):
            self._count(one, stage)
        if self.flight.renew():
            self.run.touch(now=database_now())

    def _was_deadly(self, lead: Lead) -> bool:
        if lead.attempts < MAX_DEATHS:
            return False
        lead.reject(
            "enrichment_broke_off",
            f"{lead.attempts} workers died or ran out of memory while reading its site."
            " See the log, then put it back by hand.",
            now=self.now(),
        )
        self.report.rejected["enrichment_broke_off"] += 1
        return True

    def _count(self, landed: Landed, stage: str | None) -> None:
        report = self.report
        if landed.finding is None:
            report.held["another look"] += 1
        elif stage is None:
            report.held["taken by another worker"] += 1
        elif stage == Lead.Stage.REJECTED:
            report.rejected[landed.lead.rejection_code] += 1
        elif stage == Lead.Stage.NEEDS_OPERATOR:
            report.held["an operator"] += 1
        elif stage == Lead.Stage.CANDIDATE:
            report.held["a later try"] += 1
        else:
            report.done += 1


def _record(
    landed: Iterable[Landed],
    companies: Mapping[str, RegisteredCompany],
    *,
    run_id: int | None,
    now: datetime,
) -> Iterator[tuple[Landed, str | None]]:
    """Write down what looks came to; each lead's new stage, ``None`` if nothing was written.

    Together, because the busier a worker is, the more looks have ended when it comes to write.
    """
    told: list[tuple[Landed, Found]] = []
    for one in landed:
        if one.finding is not None:
            told.append((one, Found(one.lead, one.finding, companies.get(one.lead.uen))))
        else:
            _let_go(one)
            yield one, None
    stages = _written([found for _, found in told], run_id=run_id, now=now)
    unknown = [found.lead.pk for _, found in told if not found.lead.uen]
    outlast(lambda: match_after_reading(unknown, now=now))
    yield from ((one, stage) for (one, _), stage in zip(told, stages, strict=True))


def _let_go(landed: Landed) -> None:
    mine = Lead.objects.of_claims([landed.lead])
    outlast(lambda: mine.let_go(blamed=landed.is_suspect))


def _written(found: list[Found], *, run_id: int | None, now: datetime) -> list[str | None]:
    """One transaction for all; where the row of one is refused, one for each.

    Raises the first refusal when all others are written.
    """
    if not found:
        return []
    try:
        return outlast(lambda: record(found, run_id=run_id, now=now))
    except (DataError, IntegrityError):
        if len(found) == 1:
            raise
        logger.warning("%s findings are written one by one", len(found), exc_info=True)
    stages: list[str | None] = []
    refusals: list[DatabaseError] = []
    for one in found:
        try:
            stages += _written([one], run_id=run_id, now=now)
        except (DataError, IntegrityError) as exc:
            refusals.append(exc)
    if refusals:
        raise refusals[0]
    return stages
