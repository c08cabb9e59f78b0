"""What a cluster has taken from the queue, so that it can be given back when it dies.

The queue itself forgets who took a task, and leaves it alone for ``retry`` (25 minutes). So each
cluster has a directory below ``<data_dir>/workers``. In it: ``held/<task>`` for each task taken and
not yet done, with the pid of the process that runs it; ``dead/<pid>`` for each process of it that
died and has not been mourned yet; ``alive``, which the cluster touches twice a second; and
``supervisor``, which is locked for as long as somebody watches over it.
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

from django import db
from django_q.conf import Conf
from django_q.models import OrmQ
from filelock import FileLock, Timeout

from tenants.clock import database_now
from tenants.tasks import TimedQueue

logger = logging.getLogger(__name__)

WATCH_VARIABLE = "LEADGEN_WATCH"  # the directory, for the cluster
DEAD_SECONDS = 10  # without a touch of ``alive``; an orphaned cluster may take 20 s to end
BY_ITSELF = "by itself"

# First come, first served, also among tasks of one instant; two clusters never wait for each other.
_TAKE = """
WITH next AS MATERIALIZED (
    SELECT id FROM django_q_ormq WHERE key = %(key)s AND lock < statement_timestamp()
    ORDER BY lock, id LIMIT %(bulk)s FOR UPDATE SKIP LOCKED
)
UPDATE django_q_ormq q SET lock = statement_timestamp() + make_interval(secs => %(retry)s)
FROM next WHERE q.id = next.id
RETURNING q.id, q.payload
"""


class HoldingBroker(TimedQueue):
    """The queue in PostgreSQL, first come first served, with a list of what this cluster took."""

    def dequeue(self) -> list[tuple[int, str]] | None:
        db.close_old_connections()
        values = {"key": self.list_key, "retry": Conf.RETRY, "bulk": Conf.BULK}
        with db.connection.cursor() as cursor:
            cursor.execute(_TAKE, values)
            taken: list[tuple[int, str]] = cursor.fetchall()
        if not taken:
            time.sleep(Conf.POLL)
            return None
        for task_id, _payload in taken:
            _note(task_id, "")
        return taken

    def delete(self, task_id: int) -> None:
        super().delete(task_id)
        (watch_dir() / "held" / str(task_id)).unlink(missing_ok=True)


def watch_dir() -> Path:
    """In a cluster: its directory."""
    return Path(os.environ[WATCH_VARIABLE])


def show_life() -> None:
    (watch_dir() / "alive").touch()


def begin(task_id: int) -> None:
    """In a worker: this process now runs the task."""
    _note(task_id, str(os.getpid()))


def _note(task_id: int, text: str) -> None:
    """Without room for the note the task is worked all the same; who dies gives it back late."""
    try:
        (watch_dir() / "held" / str(task_id)).write_text(text)
    except OSError as exc:
        logger.warning("task %s is not noted as held: %s", task_id, exc)


def note_death(pid: int, *, by_itself: bool) -> None:
    """In a cluster's sentinel: a process of it has died, perhaps by fault of its work."""
    (watch_dir() / "dead" / str(pid)).write_text(BY_ITSELF if by_itself else "")


@contextmanager
def make_watch_dir(root: Path) -> Iterator[Path]:
    """In a supervisor: a new directory for a cluster that is dead when the block ends.

    It stays there for ``mourn.mourn_clusters``, which removes it.
    """
    root.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
    for name in ("held", "dead"):
        (directory / name).mkdir()
    with FileLock(directory / "supervisor"):
        yield directory
        (directory / "ended").touch()


def deaths(directory: Path) -> Iterator[tuple[int, bool]]:
    """The pids noted as dead, with whether they died by themselves."""
    for note in _notes(directory, "dead"):
        yield int(note.name), note.read_text() == BY_ITSELF


def forget_death(directory: Path, pid: int) -> None:
    (directory / "dead" / str(pid)).unlink(missing_ok=True)


def give_back(directory: Path, *, pid: int | None = None) -> int:
    """Let others take at once what a dead cluster, or one process of it, held.

    Returns how many tasks that were. What was running is repeated, as after any crash.
    """
    ids = tasks_of(directory, pid=pid)
    count: int = OrmQ.objects.filter(pk__in=ids).update(lock=database_now()) if ids else 0
    for task_id in ids:
        (directory / "held" / str(task_id)).unlink(missing_ok=True)
    return count


def tasks_of(directory: Path, *, pid: int | None = None) -> list[int]:
    """What a cluster, or one process of it, had taken and not done."""
    held = _notes(directory, "held")
    return [int(path.name) for path in held if pid is None or _runs(path, pid)]


def _notes(directory: Path, kind: str) -> list[Path]:
    """None where another supervisor has cleared the directory but for a lock made anew."""
    try:
        return list((directory / kind).iterdir())
    except FileNotFoundError:
        return []


def _runs(held: Path, pid: int) -> bool:
    """Whether the process runs that task. Others end theirs meanwhile, and their notes vanish."""
    try:
        return held.read_text() == str(pid)
    except FileNotFoundError:
        return False


def abandoned(root: Path) -> Iterator[Path]:
    """Directories of dead clusters that nobody watches over any more; held while in hand."""
    for directory in sorted(root.iterdir()):
        try:
            with FileLock(directory / "supervisor", timeout=0):
                if not _cluster_lives(directory):
                    yield directory
                    # Whoever waits for the lock may make its file anew meanwhile; the next clears.
                    shutil.rmtree(directory, ignore_errors=True)
        except (Timeout, FileNotFoundError):  # it lives, or another one was quicker
            continue


def _cluster_lives(directory: Path) -> bool:
    if (directory / "ended").exists():
        return False
    alive = directory / "alive"
    shown_at = (alive if alive.exists() else directory).stat().st_mtime
    return time.time() - shown_at < DEAD_SECONDS
