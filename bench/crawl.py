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
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings
from django.utils import timezone

from acra.load import load_register
from acra.models import RegisteredCompany
from bench.plain_spider import TABLES
from bench.result import Result
from bench.scratch import scratch_database
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

    def sentence(self, name: str) -> str:
        return (
            f"{name}: {self.pages} pages, {self.values} values, {self.rate:.1f} pages/s,"
            f" CPU ms a page {self.cpu / self.pages * 1000:.1f}"
            f" + database {self.database / self.pages * 1000:.1f}"
        )


def measure() -> list[Result]:
    """The ratio of pages a second, and of CPU seconds a page (ours / Scrapy's)."""
    made = companies(seed=1, count=COUNT, traps=())
    sites = {one.uen: one.host for one in made if one.expect is Expect.CONTACTS}
    warm = dict(list(sites.items())[:WARM_UP])
    timed = dict(list(sites.items())[WARM_UP:])
    pairs: list[tuple[Measured, Measured]] = []
    with scratch_database(tenants=ROUNDS + 1) as keys, _sandbox() as (proxy, register):
        load_register(sorted(register.glob("*.csv")), source="bench", now=timezone.now(),
                      actor="bench")  # fmt: skip
        for key in keys[1:]:
            pairs.append((_ours(key, keys[0], timed, warm, proxy), _scrapy(timed, proxy)))
            for name, each in zip(("ours", "scrapy"), pairs[-1], strict=True):
                print(f"     {each.sentence(name)}", flush=True)
    return _results(pairs, sites=len(timed))


def _results(pairs: list[tuple[Measured, Measured]], *, sites: int) -> list[Result]:
    rates = [ours.rate / plain.rate for ours, plain in pairs]
    cpu = [(ours.cpu / ours.pages) / (plain.cpu / plain.pages) for ours, plain in pairs]
    spread = ", ".join(f"{rate:.2f}" for rate in rates)
    return [
        Result("crawl: pages a second, ours / a Scrapy spider's", statistics.median(rates), LIMIT,
               at_least=True, note=f"{sites} sites, runs {spread}"),
        Result("crawl: CPU seconds a page, ours / a Scrapy spider's", statistics.median(cpu)),
    ]  # fmt: skip


@contextmanager
def _sandbox() -> Iterator[tuple[str, Path]]:
    """The made-up web in a process of its own: its proxy and the folder of its register."""
    command = [sys.executable, "-m", "leadgen_project.sandbox", "--no-traps", "--seed", "1",
               "--count", str(COUNT)]  # fmt: skip
    child = Child.start(command, stdout=subprocess.PIPE)
    try:
        told = json.loads(child.first_line())
        yield told["CRAWL_PROXY"], Path(told["register_folder"])
    finally:
        child.stop()


# --- ours --------------------------------------------------------------------------------------
def _ours(
    key: str, warm_key: str, timed: dict[str, str], warm: dict[str, str], proxy: str
) -> Measured:
    env = {
        **_environment(),
        "CRAWL_PROXY": proxy,
        "CRAWL_DELAY_SECONDS": "0",
        "LOG_LEVEL": "WARNING",
    }
    worker = start_worker(PROCESSES, env=env)
    try:
        with in_tenant(warm_key):
            Lead.objects.all().delete()
            _enrich(_leads(warm))
        with in_tenant(key):
            run = _leads(timed)
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


def _environment() -> dict[str, str]:
    """What leads a worker into the scratch database."""
    return {
        "DATABASE_URL": _conninfo(),
        "DATABASE_ROLE_PREFIX": settings.DATABASE_ROLE_PREFIX,
        "LEADGEN_DATA_DIR": str(settings.DATA_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
    }


def _conninfo() -> str:
    given = connection.settings_dict
    parts = {"host": given["HOST"], "port": given["PORT"], "user": given["USER"],
             "password": given["PASSWORD"], "dbname": given["NAME"]}  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


def _leads(sites: dict[str, str]) -> PipelineRun:
    """Candidates with their sites given, in a run that stands before its enrich stage."""
    now = timezone.now()
    key = connection.schema_name
    run = PipelineRun.objects.create(
        tenant_id=key, stage="enrich", started_by="bench", started_at=now, stage_started_at=now,
        plan={"match_threshold": 70},
    )  # fmt: skip
    names = dict(RegisteredCompany.objects.filter(uen__in=sites).values_list("uen", "name"))
    Lead.objects.bulk_create(
        Lead(source_ref=uen, uen=uen, name=names[uen], website=host, run_id=run.pk, stage_since=now)
        for uen, host in sites.items()
    )
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
    pipeline.cancel(run, actor="bench")
    return seconds


# --- the yardstick -----------------------------------------------------------------------------
def _scrapy(sites: dict[str, str], proxy: str) -> Measured:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.execute("RESET search_path")
    hosts = sorted(sites.values())
    spiders = [_spider(hosts[number::PROCESSES], proxy) for number in range(PROCESSES)]
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
        env={**_environment(), "http_proxy": proxy, "PATH": ""},
    )  # fmt: skip
    order = {
        "conninfo": _conninfo(),
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
