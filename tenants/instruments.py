"""What processes count as they work: requests and crawls. Shared by all processes of a machine.

Each process writes files of its own in ``METRICS_DIR``. They are named by a slot, not by the number
of the process: a worker that replaces a dead one takes over its slot and goes on counting there, so
there are never more files than processes that ran at once.
"""

from __future__ import annotations

import logging
import os
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

from django.conf import settings
from filelock import FileLock, Timeout
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector

from tenants.room import is_full

logger = logging.getLogger(__name__)

ROOM_BYTES = 1 << 20  # as prometheus_client makes them; room for 500 sets of labels
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 -- a folder of our own in it
_held: list[FileLock] = []  # kept for the life of the process


def slot() -> str:
    """The name under which this process counts."""
    return _slot(os.getpid())


@cache
def _slot(_pid: int) -> str:
    """By process: one that was forked takes a slot of its own."""
    for number in count():
        lock = FileLock(_directory() / f"slot-{number}.lock", timeout=0, is_singleton=False)
        try:
            lock.acquire()
        except Timeout:
            continue
        _held.append(lock)
        _make_room(number)
        return str(number)
    raise AssertionError("count() has no end")


def _make_room(number: int) -> None:
    """Give the slot's files their blocks before they are mapped.

    A mapped page that finds no room on a full disk ends its process (SIGBUS), and the console has
    to be there to say that the disk is full. A process that starts on a full disk counts for itself
    alone, in memory.
    """
    try:
        for kind in ("counter", "histogram"):
            with (_directory() / f"{kind}_{number}.db").open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, ROOM_BYTES)
    except OSError as exc:
        if not is_full(exc):
            raise
        logger.warning("no room to count in %s: this process counts for itself", _directory())
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(dir=MEMORY)


def _directory() -> Path:
    directory = Path(settings.METRICS_DIR)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


# Read by prometheus_client whenever a file is opened.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.METRICS_DIR)
_directory()
values.ValueClass = values.MultiProcessValue(process_identifier=slot)  # type: ignore[no-untyped-call]

REQUESTS = Histogram(
    "leadgen_request_seconds",
    "Requests by route, method and status.",
    ["route", "method", "status"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
CRAWL_ERRORS = Counter("crawl_errors", "Looks for a company's site that broke off.", ["code"])
CRAWL_SECONDS = Histogram(
    "crawl_seconds", "A look for one company's site.", ["outcome"], buckets=(1, 3, 10, 30, 100)
)


def counted() -> CollectorRegistry:
    """What all processes of this machine have counted, dead ones included."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(_directory()))  # type: ignore[no-untyped-call]
    return registry
