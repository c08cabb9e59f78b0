"""Enrich a batch of candidates: find their sites, read them, store what was found.

Leads are claimed with a lease; no transaction is open while sites are asked. Crawling, extraction
and matching run in threads and know no database; rows are written here, in the calling thread, one
lead at a time, as results come in. A killed worker loses no lead: the lease ends and another takes
it, and what was already written stands.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.utils import timezone

from acra.models import RegisteredCompany
from enrichment.crawl import crawl_site
from enrichment.discover import candidate_sites
from enrichment.fetch import Fetcher
from enrichment.gate import HostGate
from enrichment.look import FAILED, Crawl, Finding, Task, look_for_site
from enrichment.match import THRESHOLD, CompanyFacts
from enrichment.pages import CrawlPolicy, CrawlResult
from enrichment.politeness import DatabaseGate
from enrichment.record import record
from enrichment.robots import RobotsCache
from icp.models import Lead
from tenants.models import PipelineRun
from tenants.stages import BatchReport

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=15)  # a batch takes less; the queue ends tasks after ten
MAX_CLAIMS = 3  # a lead whose worker ended without a word so often is put aside

_robots = RobotsCache()


@cache
def _gate_of(_process: int) -> HostGate:
    """The turn at each host, shared with all processes; its connection must not cross a fork."""
    return DatabaseGate()


def crawl_policy() -> CrawlPolicy:
    """The limits of a crawl as the settings have them."""
    return CrawlPolicy(
        user_agent=settings.CRAWL_USER_AGENT,
        max_pages=settings.CRAWL_MAX_PAGES,
        delay_seconds=float(settings.CRAWL_DELAY_SECONDS),
        proxy=settings.CRAWL_PROXY or None,
        allow_private=frozenset(_host_and_port(entry) for entry in settings.CRAWL_ALLOW_PRIVATE),
    )


def _host_and_port(entry: str) -> tuple[str, int]:
    host, _, port = entry.rpartition(":")
    return host.strip("[]"), int(port)


def enrich_batch(
    run: PipelineRun,
    *,
    count: int,
    crawl: Crawl | None = None,
    threshold: int = THRESHOLD,
    now: Callable[[], datetime] = timezone.now,
) -> BatchReport:
    """Enrich up to ``count`` free candidates of ``run``; an empty report when none is free.

    Each lead ends ENRICHED (with or without a site), NEEDS_OPERATOR (a wall), waits for another
    night (passing trouble), or is put aside after three tries that ended a worker. A second call
    goes on with the next leads; the same lead is never written twice.
    """
    waiting = Lead.objects.filter(run_id=run.pk).in_stage(Lead.Stage.CANDIDATE)
    leads = waiting.claim(count, lease=LEASE, now=now())
    report = BatchReport(taken=len(leads))
    leads = _without_poison(leads, report, now=now())
    if not leads:
        return report
    companies = _companies(leads)
    by_key = {lead.pk: lead for lead in leads}
    tasks = [task_for(lead, companies.get(lead.uen)) for lead in leads]
    for task, finding in _looked(tasks, crawl=crawl, threshold=threshold, now=now):
        lead = by_key[task.key]
        stage = record(lead, finding, company=companies.get(lead.uen), run_id=run.pk, now=now())
        _count(report, stage, finding)
    return report


def enrich_lead(
    lead: Lead, *, crawl: Crawl | None = None, now: datetime | None = None
) -> str | None:
    """Enrich one lead by hand, outside any night; returns its new stage.

    The lead must be a CANDIDATE and free; ``None`` when somebody else holds it.
    """
    at = now or timezone.now()
    mine = Lead.objects.filter(pk=lead.pk).in_stage(Lead.Stage.CANDIDATE)
    claimed = mine.claim(1, lease=LEASE, now=at)
    if not claimed:
        return None
    held = claimed[0]
    company = _companies([held]).get(held.uen)
    tasks = [task_for(held, company)]
    [(_, finding)] = _looked(tasks, crawl=crawl, threshold=THRESHOLD, now=timezone.now)
    return record(held, finding, company=company, run_id=None, now=timezone.now())


def task_for(lead: Lead, company: RegisteredCompany | None) -> Task:
    """What has to be looked for, as plain values for a thread."""
    given = lead.website
    former = tuple(company.former_names) if company else ()
    facts = CompanyFacts(
        name=company.name if company else lead.name,
        uen=lead.uen,
        former_names=former,
        postal_code=company.postal_code if company else "",
        street=f"{company.block} {company.street}".strip() if company else "",
        unit="-".join(p for p in (company.level, company.unit) if p) if company else "",
    )
    candidates = candidate_sites(
        facts.name, former_names=former, suffixes=settings.CRAWL_GUESS_SUFFIXES, given=given
    )
    return Task(lead.pk, facts, tuple(candidates))


def _companies(leads: Iterable[Lead]) -> dict[str, RegisteredCompany]:
    uens = [lead.uen for lead in leads if lead.uen]
    return {company.uen: company for company in RegisteredCompany.objects.filter(uen__in=uens)}


def _without_poison(leads: list[Lead], report: BatchReport, *, now: datetime) -> list[Lead]:
    """Put aside leads that ended their worker again and again."""
    sound = []
    for lead in leads:
        if lead.attempts <= MAX_CLAIMS:
            sound.append(lead)
            continue
        lead.reject(
            "enrichment_broke_off",
            f"{MAX_CLAIMS} workers ended without a word while enriching it."
            " See the log, then put it back by hand.",
            now=now,
        )
        report.rejected["enrichment_broke_off"] += 1
    return sound


def _looked(
    tasks: list[Task],
    *,
    crawl: Crawl | None,
    threshold: int,
    now: Callable[[], datetime],
) -> Iterable[tuple[Task, Finding]]:
    """Findings as they come in. An unexpected error in one look is that lead's alone."""
    own = None if crawl else _Crawler(now=now)
    ask: Crawl = crawl or own  # type: ignore[assignment]
    workers = min(settings.CRAWL_CONCURRENCY, len(tasks))
    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="crawl") as pool:
            futures = {
                pool.submit(look_for_site, task, crawl=ask, threshold=threshold): task
                for task in tasks
            }
            for future in as_completed(futures):
                yield futures.pop(future), _result(future)
    finally:
        if own:
            own.close()


def _result(future: Future[Finding]) -> Finding:
    error = future.exception()
    if error is None:
        return future.result()
    logger.error("a look for a site broke off", exc_info=error)
    return Finding(
        FAILED,
        may_pass=True,
        code="INTERNAL",
        sentence=f"Reading it ended in an error of ours ({type(error).__name__}); see the log.",
    )


class _Crawler:
    """``crawl_site`` with the settings' policy and connections kept for one batch."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._policy = crawl_policy()
        self._fetcher = Fetcher(self._policy)
        self._gate = _gate_of(os.getpid())
        self._now = now

    def __call__(self, site: str) -> CrawlResult:
        return crawl_site(
            site,
            policy=self._policy,
            fetcher=self._fetcher,
            gate=self._gate,
            now=self._now,
            robots=_robots,
        )

    def close(self) -> None:
        self._fetcher.close()


def _count(report: BatchReport, stage: str | None, finding: Finding) -> None:
    if stage is None:
        report.held["taken by another worker"] += 1
    elif stage == Lead.Stage.REJECTED:
        report.rejected["suppressed"] += 1
    elif stage == Lead.Stage.NEEDS_OPERATOR:
        report.held["an operator"] += 1
    elif stage == Lead.Stage.CANDIDATE:
        report.held["a later try"] += 1
    else:
        report.done += 1
