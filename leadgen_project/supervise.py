"""Keep one queue cluster alive: start it, watch it, start it anew, stop it cleanly.

The cluster runs in its own process group. It is started anew when its main process ends, or when
its guard, which turns twice a second, has shown no sign of life for ``SILENCE_SECONDS``. Looks are
counted, not clocks compared, so a machine that was suspended is no reason.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from leadgen_project import embedded_postgres, heartbeat
from leadgen_project.held_tasks import WATCH_VARIABLE, make_watch_dir
from leadgen_project.lifeline import Child, follow_parent
from leadgen_project.mourn import mourn_clusters, mourn_processes
from tenants.process_name import GROUP_VARIABLE, group_name
from tenants.stopping import STOP_FILE_VARIABLE

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LOOKS_PER_ROUND = 20  # after which the dead of this machine are looked for, and a sign is given
SILENCE_SECONDS = 60  # longer than a database takes to refuse the scheduler's connection
LONGEST_PAUSE_SECONDS = 30  # between two starts of a cluster that does not live
DATABASE_LOOK_SECONDS = 1  # each look costs less than 1 ms
LASTING_SECONDS = 10  # a cluster that lived this long is no failed start

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"


@dataclass(slots=True)
class Supervisor:
    """Runs ``command`` as the cluster, with notes below ``root``. ``name`` is for the log."""

    command: Sequence[str]
    name: str
    root: Path
    env: dict[str, str] = field(default_factory=dict)
    silence_seconds: float = SILENCE_SECONDS
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, then end within 30 seconds, whatever the tasks do."""
        follow_parent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        failures = 0
        while not self._stop.is_set():
            with make_watch_dir(self.root) as directory:
                lived_seconds = self._run_cluster(directory)
            self._in_database(lambda: mourn_clusters(self.root))
            if self._stop.is_set():
                break
            failures = 0 if lived_seconds > LASTING_SECONDS else failures + 1
            pause = min(2**failures - 1, LONGEST_PAUSE_SECONDS)
            logger.error("worker %s starts its cluster anew in %s s", self.name, pause)
            self._stop.wait(pause)
        self._in_database(heartbeat.end)
        logger.info("worker %s has stopped", self.name)

    def _run_cluster(self, directory: Path) -> float:
        """One cluster from its start until nothing is left of it; for how long it lived."""
        stop_file = directory / "stop"
        names = {
            WATCH_VARIABLE: str(directory),
            GROUP_VARIABLE: group_name(directory.name),
            STOP_FILE_VARIABLE: str(stop_file),
        }
        cluster = Child.start(self.command, env={**self.env, **names})
        lived_seconds = self._watch(cluster, directory)
        if self._stop.is_set():
            stop_file.touch()  # tasks that look at it finish early
            cluster.stop()
        else:
            cluster.kill()
        return lived_seconds

    def _in_database(self, action: Callable[[], None]) -> None:
        try:
            action()
        except DatabaseError as exc:  # the next look comes soon; what the dead held is on file
            logger.warning("worker %s cannot look after its work: %s", self.name, exc)
        finally:
            connection.close()

    def _watch(self, cluster: Child, directory: Path) -> float:
        """Return when the cluster ended, fell silent or shall stop; for how long it lived."""
        looks = silent_looks = beat_at = 0
        sign = directory / "alive"
        last_sign = _modified(sign)
        while not self._stop.wait(LOOK_SECONDS):
            looks += 1
            if cluster.has_ended():
                logger.error(
                    "worker %s: its cluster ended (%s)", self.name, cluster.process.returncode
                )
                break
            latest = _modified(sign)
            silent_looks = silent_looks + 1 if latest == last_sign else 0
            last_sign = latest
            if silent_looks * LOOK_SECONDS > self.silence_seconds:
                logger.error("worker %s: its cluster (%s) is silent", self.name, cluster.pid)
                break
            if latest and not silent_looks and looks >= beat_at:
                self._in_database(heartbeat.beat)
                beat_at = looks + LOOKS_PER_ROUND
            if any((directory / "dead").iterdir()):
                self._in_database(lambda: mourn_processes(directory))
            if looks % LOOKS_PER_ROUND == 1:
                self._in_database(lambda: mourn_clusters(self.root))
        return looks * LOOK_SECONDS


def keep_database(data_dir: Path) -> None:
    """Bring the embedded database back whenever it dies, until this process ends.

    A thread, since the recovery of a big database takes longer than a stop may.
    """

    def look_after() -> None:
        while True:
            time.sleep(DATABASE_LOOK_SECONDS)
            try:
                embedded_postgres.ensure(data_dir)
            except embedded_postgres.EmbeddedPostgresError:
                logger.exception("the embedded database is down")
                time.sleep(LONGEST_PAUSE_SECONDS)

    threading.Thread(target=look_after, name="keep-database", daemon=True).start()


def _modified(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def supervise(*, cluster: str = "", workers: int | None = None) -> None:
    """Run the workers of one queue until told to stop. ``cluster`` is one of ALT_CLUSTERS."""
    # One arena per thread lets glibc keep 50 MB more after a crawl of big pages.
    env = {"MALLOC_ARENA_MAX": "2"}
    if cluster:
        env["Q_CLUSTER_NAME"] = cluster
    if workers is not None:
        env["MAIL_WORKERS" if cluster else "WORKERS"] = str(workers)
    if not settings.DATABASE_URL:
        keep_database(settings.DATA_DIR)
    command = [sys.executable, str(MANAGE), "cluster"]
    root = settings.DATA_DIR / "workers"
    Supervisor(command, name=cluster or "default", root=root, env=env).run()
