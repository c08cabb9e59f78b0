"""A django-q2 cluster that would rather end than fall silent. ``supervise`` starts the next one.

A worker waits for tasks holding a lock that it shares with its brothers. Killed there, it takes the
lock into its grave: the cluster lives, works nothing and cannot even be stopped (upstream issues
23 and 339). Written against django-q2 1.11.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

from django_q import cluster
from django_q.conf import Conf
from django_q.signals import post_spawn, pre_execute

from leadgen_project.held_tasks import HoldingBroker, begin, note_death, show_life
from leadgen_project.lifeline import follow_parent

logger = logging.getLogger(__name__)

IDLE = -1  # what a worker's timer says between two tasks
RECYCLED = -2  # when it ends to make room for a fresh one
TIMED_OUT = 0
# What people and supervisors send; every other end of a worker is one of its own making.
SENT_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
VMSTAT = Path("/proc/vmstat")
# A page that makes a worker eat all memory costs that worker its task, not the machine its life.
WORKER_MEMORY_BYTES = 2 * 1024**3


class WatchedSentinel(cluster.Sentinel):
    """Shows that it turns, and gives the whole cluster up when a dead process may hold a lock."""

    is_broken = False
    _memory_kills = 0

    def guard(self) -> None:
        self._memory_kills = memory_kills()
        super().guard()

    def status(self) -> str:
        """Asked by the guard twice a second, so the file is as fresh as the guard is alive."""
        show_life()
        return super().status()

    def reincarnate(self, process: Any) -> None:
        if self.is_broken:
            return
        if process in self.pool and process.timer.value != RECYCLED:
            note_death(process.pid, by_itself=self._died_by_itself(process))
        if not self._may_hold_a_lock(process):
            super().reincarnate(process)
            return
        logger.error("pid %s was killed holding the queue; the cluster starts anew", process.pid)
        self.is_broken = True
        self.stop_event.set()

    def _died_by_itself(self, process: Any) -> bool:
        """An exit, a crash, too much time or memory (the kernel's hunt), but no killing by hand."""
        if process.timer.value == TIMED_OUT:
            return True
        before, self._memory_kills = self._memory_kills, memory_kills()
        if process.exitcode == -signal.SIGKILL and self._memory_kills > before:
            return True
        return -process.exitcode not in SENT_FROM_OUTSIDE

    def _may_hold_a_lock(self, process: Any) -> bool:
        """Killed while it waited for work. The busy hold no lock; who exits lets go of it."""
        was_killed = process.exitcode is not None and process.exitcode < 0
        is_worker = process not in (self.monitor, self.pusher)
        return was_killed and (not is_worker or process.timer.value == IDLE)

    def stop(self) -> None:
        if not self.is_broken:
            super().stop()
            return
        self.event_out.set()  # the pusher fetches no more
        give_up_at = time.monotonic() + Conf.TIMEOUT
        while time.monotonic() < give_up_at and any(
            worker.is_alive() and worker.timer.value > 0 for worker in self.pool
        ):
            show_life()
            time.sleep(0.1)
        time.sleep(1)  # the monitor writes down what was finished
        _end_group()


def _end_group() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)


def memory_kills() -> int:
    """How many processes the kernel of this machine has killed for lack of memory; 0 off Linux."""
    lines = VMSTAT.read_text().splitlines() if VMSTAT.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def sign_for_task(task: dict[str, Any], **_kwargs: Any) -> None:
    """Before each task: leave word who runs it."""
    if "ack_id" in task:
        begin(task["ack_id"])


def limit_memory(**_kwargs: Any) -> None:
    """In each new worker: more memory than this is a MemoryError in its task."""
    resource.setrlimit(resource.RLIMIT_DATA, (WORKER_MEMORY_BYTES, WORKER_MEMORY_BYTES))


def refuse_to_work_as_orphan(**_kwargs: Any) -> None:
    """Before each task: without the group's leader nobody could stop us, or count us."""
    try:
        os.kill(os.getpgrp(), 0)
    except ProcessLookupError:
        _end_group()


def run() -> None:
    """Work the queue until SIGTERM. Only in a process that ``supervise`` has started."""
    follow_parent()
    post_spawn.connect(limit_memory, dispatch_uid="cluster.limit_memory")
    pre_execute.connect(refuse_to_work_as_orphan, dispatch_uid="cluster.refuse_to_work_as_orphan")
    pre_execute.connect(sign_for_task, dispatch_uid="cluster.sign_for_task")
    cluster.Sentinel = WatchedSentinel  # Cluster.start looks it up by this name
    if Conf.ORM:
        Conf.BROKER_CLASS = f"{HoldingBroker.__module__}.{HoldingBroker.__name__}"
    cluster.Cluster().start()
