"""Kill parts of a running installation at random moments; ``python -m bench kills`` does it often.

A night of one tenant is disturbed, the same night of another is not: both must end with the same
report hash and the same rows.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle

import psutil
import requests

from leadgen_project import pipeline
from leadgen_project.lifeline import Child
from leadgen_project.report import report_lines
from leadgen_project.tests.night_rig import NightRig, kill_family
from tenants.context import in_tenant
from tenants.models import PipelineRun

LONGEST_PAUSE_SECONDS = 4.0
START_SECONDS = 15.0
SLEEP_SECONDS = 25.0  # the rig's leases end after 20


@dataclass(slots=True)
class Havoc:
    """Kills that hit, by what was hit, and the seconds the night took."""

    rig: NightRig
    dice: random.Random
    web: Child | None = None
    address: str = ""
    hits: Counter[str] = field(default_factory=Counter)

    def worker(self) -> None:
        """One of the processes that run tasks, busy or idle."""
        self.dice.choice(self._workers()).kill()

    def cluster(self) -> None:
        """The whole process group: main process, sentinel, workers, pusher, monitor."""
        os.killpg(self.rig.leader().pid, signal.SIGKILL)

    def supervisor(self) -> None:
        """The supervisor and everything below it; somebody starts it again."""
        kill_family(self.rig.supervisor.pid)
        self.rig.supervisor.wait()
        self.rig.start_workers()

    def sleeper(self) -> None:
        """Stop a worker process for longer than its lease, as a suspended machine does."""
        sleeping = self.dice.choice(self._workers())
        sleeping.suspend()
        threading.Timer(SLEEP_SECONDS, lambda: _wake(sleeping)).start()

    def _workers(self) -> list[psutil.Process]:
        """Those of a cluster that was killed a moment ago take some seconds to come."""
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at:
            with suppress(psutil.NoSuchProcess, IndexError):
                if workers := self.rig.queue_workers()[:2]:
                    return workers
            time.sleep(0.1)
        return []

    def database(self) -> None:
        """PostgreSQL's postmaster; the supervisor brings it back."""
        self.rig.database().kill()

    def web_server(self) -> None:
        """The console, in the middle of requests; somebody starts it again."""
        if self.web is not None:
            with suppress(requests.RequestException):
                requests.get(f"http://{self.address}/admin/login/", timeout=0.05)
            kill_family(self.web.pid)
        self.web, self.address = self.rig.start_web()

    def wreak(self, run: PipelineRun, *, kills: int) -> None:
        """Kill now this, now that, until ``kills`` have hit or the night is over."""
        ways = [self.worker, self.database, self.cluster, self.sleeper, self.worker,
                self.supervisor, self.web_server]  # fmt: skip
        self.wreak_by(ways, kills=kills, is_over=lambda: not self.rig.look(run).is_open)

    def wreak_by(
        self, ways: list[Callable[[], None]], *, kills: int, is_over: Callable[[], bool]
    ) -> None:
        """The same by ``ways`` of one's own choice."""
        self.dice.shuffle(ways)
        before = self.hits.total()
        for way in cycle(ways):
            if self.hits.total() - before == kills:
                return
            time.sleep(self.dice.uniform(0.3, LONGEST_PAUSE_SECONDS))
            if is_over():
                return
            with suppress(psutil.NoSuchProcess, IndexError, AttributeError, ProcessLookupError):
                way()  # what is just starting cannot be hit
                self.hits[way.__name__] += 1


def _wake(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):  # killed in its sleep
        process.resume()


def adds_up(run: PipelineRun) -> bool:
    """Whether every stage's leads went somewhere, once."""
    with in_tenant(run.tenant_id):
        stages = pipeline.tally_now(run).values()
    return all(
        counts["in"]
        == counts["done"] + sum(counts["rejected"].values()) + sum(counts["held"].values())
        and not counts["waiting"]
        for counts in stages
    )


def differences(run: PipelineRun, other: PipelineRun) -> Iterator[str]:
    """The companies of two runs of which not the same came, and what came of them."""
    reports = []
    for one in (run, other):
        with in_tenant(one.tenant_id):
            reports.append(dict(report_lines(one)))
    here, there = reports
    for company in sorted({*here, *there}):
        mine, its = here.get(company, {}), there.get(company, {})
        keys = [key for key in {**mine, **its} if mine.get(key) != its.get(key)]
        for key in keys:
            yield f"{company} {key}: {mine.get(key)} instead of {its.get(key)}"
