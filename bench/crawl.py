"""Fetch, read and store against a Scrapy spider: same sites, same politeness, same two cores.

Ours is a night's enrich stage as it runs: a supervised worker with two processes, leads claimed,
hosts' turns taken in the database, evidence, contacts and snapshots written. The yardstick
(``bench.plain_spider``) runs as two processes over halves of the sites and writes the same kinds of
rows to the same PostgreSQL. Both are timed from the word to go to the last row; what starts the
processes is left out. They take turns, and the median of the ratios counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.utils import timezone

from acra.load import load_register
from acra.models import RegisteredCompany
from bench import real_web
from bench.plain_spider import TABLES
from bench.result import Result
from bench.scratch import conninfo, environment, scratch_database
from enrichment.models import Evidence, Page
from icp.models import Lead
from leadgen_project import pipeline
from leadgen_project.lifeline import Child
from leadgen_project.processes import start_worker
from leadgen_project.sandbox.companies import companies
from leadgen_project.sandbox.expectations import Expect
from tenants.context import connection, in_tenant
from tenants.isolation import as_owner
from tenants.models import PipelineRun

LIMIT = 1.0  # pages a second, ours / Scrapy's
ROUNDS = 3
COUNT = 900  # entities of the sandbox; about half of them have a site
COPIES = 8  # of each real site
WARM_UP = 20  # sites a fresh worker reads before it is timed
PROCESSES = 2
PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Measured:
    """One crawl of all sites. ``cpu``: seconds of the crawling processes; ``database``: its own."""

    pages: int
    values: int
    seconds: float
    cpu: float
    database: float

    @property
    def rate(self) -> float:
        return self.pages / self.seconds

    @property
    def cpu_a_page(self) -> float:
        return (self.cpu + self.database) / self.pages

    def sentence(self, name: str) -> str:
        return (
            f"{name}: {self.pages} pages, {self.values} values, {self.rate:.1f} pages/s,"
            f" CPU ms a page {self.cpu / self.pages * 1000:.1f}"
            f" + database {self.database / self.pages * 1000:.1f}"
        )


@dataclass(frozen=True, slots=True)
class Site:
    """A company whose site both are given."""

    reference: str
    uen: str
    name: str
    host: str


@dataclass(frozen=True, slots=True)
class Web:
    """Sites, and the proxy behind which they stand."""

    name: str
    proxy: str
    sites: list[Site]


def measure() -> list[Result]:
    """Ratios of pages a second and of CPU seconds a page, on made-up pages and on real ones."""
    results = []
    with scratch_database(tenants=2 * ROUNDS + 1) as [warm, *keys]:
        for number, there in enumerate((_made_up, _real)):
            with there() as web:
                if web is not None:
                    own = keys[number * ROUNDS : (number + 1) * ROUNDS]
                    results += _results(web, _pairs(web, warm=warm, keys=own))
    return results


def _pairs(web: Web, *, warm: str, keys: list[str]) -> list[tuple[Measured, Measured]]:
    pairs = []
    timed = replace(web, sites=web.sites[WARM_UP:])
    for key in keys:
        with in_tenant(warm):
            Lead.objects.all().delete()
        pair = _ours(web, key=key, warm=warm), _scrapy(timed)
        pairs.append(pair)
        for name, each in zip(("ours", "scrapy"), pair, strict=True):
            print(f"     {web.name}: {each.sentence(name)}", flush=True)
    return pairs


def _results(web: Web, pairs: list[tuple[Measured, Measured]]) -> list[Result]:
    rates = [ours.rate / plain.rate for ours, plain in pairs]
    cpu = [ours.cpu_a_page / plain.cpu_a_page for ours, plain in pairs]
    return [
        Result(f"crawl: {web.name} pages a second, ours / a Scrapy spider's",
               statistics.median(rates), LIMIT, at_least=True, note=f"runs {_listed(rates)}"),
        Result(f"crawl: {web.name} CPU seconds a page with the database's, ours / Scrapy's",
               statistics.median(cpu), note=f"runs {_listed(cpu)}"),
    ]  # fmt: skip


def _listed(ratios: list[float]) -> str:
    return ", ".join(f"{ratio:.2f}" for ratio in ratios)


@contextmanager
def _made_up() -> Iterator[Web]:
    """The sandbox's companies with a site, in the register too."""
    with _served("leadgen_project.sandbox", "--no-traps", "--seed", "1", "--count", str(COUNT)) as (
        told
    ):
        files = sorted(Path(told["register_folder"]).glob("*.csv"))
        load_register(files, source="bench", now=timezone.now(), actor="bench")
        made = companies(seed=1, count=COUNT, traps=())
        hosts = {one.uen: one.host for one in made if one.expect is Expect.CONTACTS}
        names = RegisteredCompany.objects.filter(uen__in=hosts).values_list("uen", "name")
        sites = [Site(uen, uen, name, hosts[uen]) for uen, name in names.order_by("uen")]
        yield Web("made-up", told["CRAWL_PROXY"], sites)


@contextmanager
def _real() -> Iterator[Web | None]:
    """The real pages, where they are."""
    if not real_web.SITES.is_dir():
        yield None
        return
    with _served("bench.real_web", str(COPIES)) as told:
        sites = [Site(host, "", name, host) for host, name in told["sites"].items()]
        yield Web("real", told["CRAWL_PROXY"], sites)


@contextmanager
def _served(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """A web in a process of its own, which says in one line where it is."""
    child = Child.start([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE)
    try:
        yield json.loads(child.first_line())
    finally:
        child.kill()


# --- ours --------------------------------------------------------------------------------------
def _ours(web: Web, *, key: str, warm: str) -> Measured:
    env = {
        **environment(),
        "CRAWL_PROXY": web.proxy,
        "CRAWL_DELAY_SECONDS": "0",
        "LOG_LEVEL": "WARNING",
    }
    worker = start_worker(PROCESSES, env=env)
    try:
        with in_tenant(warm):
            _enrich(_leads(web.sites[:WARM_UP]))
        with in_tenant(key):
            run = _leads(web.sites[WARM_UP:])
            cpu, database = _cpu_of(worker.pid), _cpu_of_database()
            seconds = _enrich(run)
            return Measured(
                pages=Page.objects.count(),
                values=Evidence.objects.filter(source="PAGE").count(),
                seconds=seconds,
                cpu=_cpu_of(worker.pid) - cpu,
                database=_cpu_of_database() - database,
            )
    finally:
        worker.stop()


def _leads(sites: list[Site]) -> PipelineRun:
    """Candidates with their sites given, in a run that stands before its enrich stage."""
    now = timezone.now()
    key = connection.schema_name
    run = PipelineRun.objects.create(
        tenant_id=key, stage="enrich", started_by="bench", started_at=now, stage_started_at=now,
        plan={"match_threshold": 70},
    )  # fmt: skip
    Lead.objects.bulk_create(
        Lead(source_ref=site.reference, uen=site.uen, name=site.name,
             website=f"http://{site.host}/", run_id=run.pk, stage_since=now)
        for site in sites
    )  # fmt: skip
    return run


def _enrich(run: PipelineRun) -> float:
    """Let the worker do the stage; seconds until the run moved on."""
    began = time.monotonic()
    pipeline._enqueue(run)
    while run.stage == "enrich":
        time.sleep(0.02)
        run.refresh_from_db()
        if time.monotonic() - began > PATIENCE_SECONDS or run.note:
            raise RuntimeError(f"The stage did not end: {run.note}")
    seconds = time.monotonic() - began
    pipeline.cancel(run, actor="bench", reason="measured")
    return seconds


# --- the yardstick -----------------------------------------------------------------------------
def _scrapy(web: Web) -> Measured:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.execute("RESET search_path")
    hosts = [site.host for site in web.sites]
    spiders = [_spider(hosts[number::PROCESSES], web.proxy) for number in range(PROCESSES)]
    for spider in spiders:
        assert spider.stdout is not None
        assert spider.stdout.readline() == "ready\n"
    database, began = _cpu_of_database(), time.monotonic()
    for spider in spiders:
        assert spider.stdin is not None
        spider.stdin.write("go\n")
        spider.stdin.flush()
    told = [json.loads(spider.communicate()[0]) for spider in spiders]
    return Measured(
        pages=sum(one["pages"] for one in told),
        values=sum(one["values"] for one in told),
        seconds=min(time.monotonic() - began, max(one["seconds"] for one in told)),
        cpu=sum(one["cpu"] for one in told),
        database=_cpu_of_database() - database,
    )


def _spider(hosts: list[str], proxy: str) -> subprocess.Popen[str]:
    spider = subprocess.Popen(
        [sys.executable, "-m", "bench.plain_spider"], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**environment(), "http_proxy": proxy, "PATH": ""},
    )  # fmt: skip
    order = {
        "conninfo": conninfo(),
        "hosts": hosts,
        "max_pages": settings.CRAWL_MAX_PAGES,
        "concurrency": settings.CRAWL_CONCURRENCY,
        "user_agent": settings.CRAWL_USER_AGENT,
    }
    assert spider.stdin is not None
    spider.stdin.write(json.dumps(order) + "\n")
    spider.stdin.flush()
    return spider


# --- CPU ---------------------------------------------------------------------------------------
def _cpu_of(pid: int) -> float:
    """CPU seconds of a process and all below it, those that ended included."""
    top = psutil.Process(pid)
    return sum(_seconds(each) for each in (top, *top.children(recursive=True)))


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0  # its parent has its seconds
    return float(times.user + times.system + times.children_user + times.children_system)


def _cpu_of_database() -> float:
    """CPU seconds of the server, as far as it runs here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    try:
        server = psutil.Process(pid).parent()
    except psutil.NoSuchProcess:
        return 0.0
    return _cpu_of(server.pid) if server else 0.0
