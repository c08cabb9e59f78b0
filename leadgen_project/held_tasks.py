"""What a cluster has taken from the queue, so that it can be given back when the cluster dies.

The queue itself forgets who took a task, and leaves it alone for ``retry`` (25 minutes). So each
supervisor has a directory below ``<data_dir>/workers``: a file ``held/<id>`` for each task taken
and not yet done, ``alive``, which the cluster touches twice a second, and ``supervisor``, which is
locked for as long as the supervisor lives.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.models import OrmQ
from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

WATCH_VARIABLE = "LEADGEN_WATCH"  # the directory, for the cluster
DEAD_SECONDS = 10  # without a touch of ``alive``; an orphaned cluster may take 20 s to end


class HoldingBroker(ORM):
    """The queue in PostgreSQL, with a list of what this cluster has taken out of it."""

    def dequeue(self) -> list[tuple[int, str]] | None:
        taken: list[tuple[int, str]] | None = super().dequeue()
        for task_id, _payload in taken or ():
            (watch_dir() / "held" / str(task_id)).touch()
        return taken

    def delete(self, task_id: int) -> None:
        super().delete(task_id)
        (watch_dir() / "held" / str(task_id)).unlink(missing_ok=True)


def watch_dir() -> Path:
    """In a cluster: its supervisor's directory."""
    return Path(os.environ[WATCH_VARIABLE])


def show_life() -> None:
    (watch_dir() / "alive").touch()


@contextmanager
def make_watch_dir(root: Path) -> Iterator[Path]:
    """In a supervisor: a new directory for its clusters, removed at the end."""
    root.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
    (directory / "held").mkdir()
    with FileLock(directory / "supervisor"):
        yield directory
        shutil.rmtree(directory)


def give_back(directory: Path) -> int:
    """Let others take at once what a dead cluster held; return how many tasks that were.

    What was running is repeated, as after any crash.
    """
    held = directory / "held"
    ids = [int(path.name) for path in held.iterdir()]
    count: int = OrmQ.objects.filter(pk__in=ids).update(lock=timezone.now()) if ids else 0
    for task_id in ids:
        (held / str(task_id)).unlink()
    if count:
        logger.warning("%s tasks that a dead cluster had taken are given back", count)
    return count


def give_back_for_the_dead(root: Path) -> int:
    """The same for supervisors of this machine that were killed together with their clusters."""
    count = 0
    for directory in root.iterdir():
        try:
            with FileLock(directory / "supervisor", timeout=0):
                if not _cluster_lives(directory):
                    count += give_back(directory)
                    shutil.rmtree(directory)
        except (Timeout, FileNotFoundError):  # it lives, or another one was quicker
            continue
    return count


def _cluster_lives(directory: Path) -> bool:
    alive = directory / "alive"
    shown_at = (alive if alive.exists() else directory).stat().st_mtime
    return time.time() - shown_at < DEAD_SECONDS
