"""A whole installation of its own, to be hurt: database server, made-up web, workers, web server.

with NightRig(Path("/tmp/x"), tenants=["calm", "wild"], count=80) as rig:
    rig.start_workers()
    run = rig.start_night("wild")
    rig.leader().kill()
    rig.wait_for(run)

While it is open, this process's own database connection leads into it.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

import psutil
from django.conf import settings
from django.core.management import call_command
from django.test.utils import override_settings

from acra.load import load_register
from enrichment.models import Contact, EnrichmentRun, Evidence, Page
from icp.models import Lead
from icp.save_rule import save_rule
from leadgen_project import embedded_postgres, pipeline
from leadgen_project.lifeline import Child
from leadgen_project.postgres_place import find_server
from leadgen_project.processes import SANDBOX_SUFFIXES, start_web
from leadgen_project.supervise import MANAGE
from scoring.models import LeadScore, ScoreLine, ShortlistEntry
from tenants.context import connection, in_tenant
from tenants.lifecycle.provision import create_tenant
from tenants.models import AuditEvent, PipelineRun, Tenant
from tenants.outage import outlast

NIGHT = datetime(2026, 11, 20, 17, tzinfo=UTC)  # ages in the report are reckoned from this day
COUNTED = (Lead, EnrichmentRun, Page, Evidence, Contact, LeadScore, ScoreLine, ShortlistEntry)
GAP_SECONDS = 0.02


class NightRig:
    """``home``: a new directory that every account can enter. ``count``: entities in the register.

    ``env`` are further settings of its processes.
    """

    cluster = ""  # whose workers are started

    def __init__(
        self, home: Path, *, tenants: Sequence[str], count: int, env: dict[str, str] | None = None
    ) -> None:
        self.home = home
        self.env = {**_environment(home), **(env or {})}
        self.supervisor: subprocess.Popen[bytes] | None = None
        self._tenants, self._count = tenants, count
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(own_server(self.home))
            told = opening.enter_context(_sandbox(self._count))
            self.env["CRAWL_PROXY"] = told["CRAWL_PROXY"]
            opening.enter_context(
                override_settings(
                    CRAWL_PROXY=told["CRAWL_PROXY"],
                    CRAWL_GUESS_SUFFIXES=SANDBOX_SUFFIXES.split(","),
                    CRAWL_DELAY_SECONDS=GAP_SECONDS,
                )
            )
            opening.callback(self.stop_workers)
            files = sorted(Path(told["register_folder"]).glob("*.csv"))
            load_register(files, source="Sandbox", now=NIGHT, actor="rig")
            for key in self._tenants:
                self.add_tenant(key)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add_tenant(self, key: str, **choices: Any) -> None:
        """A tenant whose rule takes every living company; ``choices`` as for its settings."""
        choices = {"nightly_enabled": False, **choices}
        tenant = create_tenant(key, name=key.title(), actor="rig", **choices)
        with in_tenant(tenant.pk):
            save_rule("default", {"status": ["live"]}, actor="rig")

    # -- nights -------------------------------------------------------------------------------
    def start_night(self, key: str) -> PipelineRun:
        with in_tenant(key):
            return pipeline.start_night(Tenant.objects.get(pk=key), started_by="rig", now=NIGHT)

    def run_undisturbed(self, key: str) -> PipelineRun:
        """A whole night of the tenant in this process."""
        run = self.start_night(key)
        with in_tenant(key):
            while pipeline.step(run):
                pass
        run.refresh_from_db()
        return run

    def look(self, run: PipelineRun) -> PipelineRun:
        """The run as it is now, whatever happens to the database meanwhile."""
        outlast(run.refresh_from_db)
        return run

    def wait_for(self, *runs: PipelineRun, seconds: float = 300) -> float:
        """Wait until none is open; return for how long."""
        began = time.monotonic()
        while any(self.look(run).is_open for run in runs):
            assert time.monotonic() - began < seconds, [run.stage for run in runs]
            time.sleep(0.1)
        return time.monotonic() - began

    def footprint(self, key: str) -> dict[str, Any]:
        """How many rows of each kind a tenant has, and which marks it left on the audit trail."""
        with in_tenant(key):
            rows = {model.__name__: model.objects.count() for model in COUNTED}
            stages = Counter(Lead.objects.values_list("stage", "rejection_code"))
        actions = AuditEvent.objects.filter(tenant_id=key).values_list("action", flat=True)
        return {"rows": rows, "stages": stages, "audit": Counter(actions)}

    # -- processes ----------------------------------------------------------------------------
    def start_workers(self, count: int = 2, *, env: dict[str, str] | None = None) -> int:
        """Start a supervisor with its cluster; returns its pid."""
        command = [sys.executable, str(MANAGE), "worker", "--workers", str(count)]
        self.supervisor = subprocess.Popen(
            [*command, "--cluster", self.cluster] if self.cluster else command,
            cwd=MANAGE.parent,
            env=self.env | (env or {}),
            start_new_session=True,
        )
        return self.supervisor.pid

    def stop_workers(self) -> None:
        if self.supervisor is None or self.supervisor.poll() is not None:
            return
        family = _family(self.supervisor.pid)
        self.supervisor.terminate()
        try:
            self.supervisor.wait(120)
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def leader(self) -> psutil.Process:
        """The main process of the cluster, which leads its group."""
        return psutil.Process(self.supervisor.pid).children()[0]

    def queue_workers(self) -> list[psutil.Process]:
        """The processes that run tasks; those of a young cluster may be missing."""
        sentinel = self.leader().children()[0]
        return sorted(sentinel.children(), key=lambda child: child.create_time())

    def database(self) -> psutil.Process:
        return find_server(self.home)

    def elsewhere(self, name: str) -> dict[str, str]:
        """Settings of workers on another machine, which share the database and nothing else."""
        params = embedded_postgres.connection_params(self.home)
        url = f"host={params['HOST']} user={params['USER']} dbname={params['NAME']}"
        return {"DATABASE_URL": url, "LEADGEN_DATA_DIR": str(self.home / name)}

    def revive_database(self) -> None:
        """What a supervisor does when there is one."""
        embedded_postgres.ensure(self.home)

    def start_web(self) -> tuple[Child, str]:
        """A web server and its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        child = start_web(address, env=self.env)
        self._open.callback(child.kill)
        return child, address


def kill_family(pid: int) -> None:
    """Kill a process and all below it, so quickly that none can do anything about it."""
    family = _family(pid)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _family(pid: int) -> list[psutil.Process]:
    """All but the database, which whoever found it dead has started, and which outlives him."""
    parent = psutil.Process(pid)
    below = parent.children(recursive=True)
    return [parent, *(process for process in below if process.name() != "postgres")]


def _environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return inherited | {
        "LEADGEN_DATA_DIR": str(home),
        "DATABASE_ROLE_PREFIX": settings.DATABASE_ROLE_PREFIX,
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
        "CRAWL_GUESS_SUFFIXES": SANDBOX_SUFFIXES,
        "CRAWL_DELAY_SECONDS": str(GAP_SECONDS),
        "LEASE_SECONDS": "20",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def own_server(home: Path) -> Iterator[None]:
    """A database server of its own, to which this process's connection leads meanwhile.

    It has all tables and no tenant.
    """
    home.mkdir(mode=0o755)
    files = _migrated_files()
    subprocess.run(["cp", "-a", str(files), str(home)], check=True)
    try:
        with _connection_into(home):
            yield
    finally:
        shutil.rmtree(home, ignore_errors=True)


@cache
def _migrated_files() -> Path:
    """The files of a stopped server, made once by each process that runs tests.

    To migrate takes seven seconds of computing, to copy the outcome a fraction of one.
    """
    home = Path(tempfile.mkdtemp(prefix="leadgen-tables-", dir="/tmp"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    home.chmod(0o755)
    with _connection_into(home):
        call_command("migrate", verbosity=0)
        connection.close()
        embedded_postgres.stop(home)
    return home / "postgres"


@contextmanager
def _connection_into(home: Path) -> Iterator[None]:
    """Start the server below ``home``; meanwhile this process's connection leads there."""
    usual = dict(connection.settings_dict)
    connection.close()
    try:
        connection.settings_dict.update(embedded_postgres.ensure(home))
        connection.set_schema_to_public()
        yield
    finally:
        connection.close()
        connection.settings_dict.update(usual)
        connection.set_schema_to_public()
        if (server := find_server(home)) is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nobody will read it again
            server.wait(60)


@contextmanager
def _sandbox(count: int) -> Iterator[dict[str, Any]]:
    """The made-up web without traps, since how long those hold a crawl up depends on the moment."""
    command = [sys.executable, "-m", "leadgen_project.sandbox", "--no-traps", "--count", str(count)]
    child = Child.start(command, cwd=MANAGE.parent, stdout=subprocess.PIPE)
    try:
        yield json.loads(child.first_line())
    finally:
        child.kill()
