"""Loads of the register against a bare COPY of the same file into an all-text unlogged table.

The file is made up (``make_register.py``, seed 7) and kept in the data directory. ``BENCH_ROWS``
changes its size; the limits are meant for two million rows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import psutil
from django.conf import settings
from django.db import connection

from acra.columns import PUBLISHED
from acra.load import load_register
from acra.models import RegisterImport
from bench.result import Result
from bench.scratch import scratch_database
from tenants.isolation import as_owner

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
ROWS = int(os.environ.get("BENCH_ROWS", "2000000"))
MEMORY_MB = 300
CHANGED_EVERY = 20  # rows: 5 %


def measure() -> list[Result]:
    """About two minutes at two million rows, and as long again to make the file the first time."""
    path, changed = _made_up(), _changed()
    with scratch_database(tenants=0), _Memory() as memory:
        copies = [_seconds(lambda: _bare_copy(path))]
        first, account = _load(path)
        copies.append(_seconds(lambda: _bare_copy(path)))
        again, unchanged = _load(path)
        copies.append(_seconds(lambda: _bare_copy(path)))
        fresh, partly = _load(changed)
        copies.append(_seconds(lambda: _bare_copy(path)))
    words = account.seconds["indexes on names"]

    def against(seconds: float, *, before: int) -> float:
        """Against the mean of the copies before and after, as other work comes and goes."""
        return seconds / ((copies[before] + copies[before + 1]) / 2)

    written = unchanged.new + unchanged.changed
    return [
        Result(f"register: first load of {account.read:,} rows / bare COPY",
               against(first - words, before=0), 3.0,
               note=f"{first - words:.1f} s; {_steps(account)}"),
        Result("register: the same with the indexes on names, built once it is in use",
               against(first, before=0), note=f"{first:.1f} s"),
        Result("register: unchanged reload / bare COPY", against(again, before=1), 1.6,
               note=f"{again:.1f} s, {written} companies written"),
        Result("register: companies written by an unchanged reload", written, 0),
        Result("register: reload with 5 % changed / bare COPY", against(fresh, before=2), 2.2,
               note=f"{fresh:.1f} s, {partly.changed:,} changed"),
        Result(f"register: memory of all our processes / {MEMORY_MB} MB",
               memory.peak_mb / MEMORY_MB, 1.0,
               note=f"{memory.peak_mb:.0f} MB"),
    ]  # fmt: skip


def _load(path: Path) -> tuple[float, RegisterImport]:
    started = time.monotonic()
    account = load_register([path], now=NOW, actor="bench")
    return time.monotonic() - started, account


def _bare_copy(path: Path) -> None:
    columns = ", ".join(f"{name} text" for name in PUBLISHED)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"CREATE UNLOGGED TABLE bare ({columns})")
        with (
            cursor.copy("COPY bare FROM STDIN (FORMAT csv, HEADER)") as copy,
            path.open("rb") as file,
        ):
            while block := file.read(256 * 1024):
                copy.write(block)
        cursor.execute("DROP TABLE bare")


def _seconds(action: Callable[[], None]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _made_up() -> Path:
    path = Path(settings.DATA_DIR) / "bench" / f"register-{ROWS}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shared = os.environ.get("LEADGEN_SHARED_DATA", settings.BASE_DIR.parent / "shared" / "data")
        script, part = Path(shared) / "make_register.py", path.with_suffix(".part")
        options = ("--rows", str(ROWS), "--seed", "7", "--out", str(part))
        subprocess.run([sys.executable, str(script), *options], check=True)
        part.rename(path)
    return path


def _changed() -> Path:
    """The same with another block number in every twentieth row."""
    source = _made_up()
    path = source.with_name(f"{source.stem}-changed.csv")
    if not path.exists():
        part = path.with_suffix(".part")
        with source.open("rb") as lines, part.open("wb") as out:
            for number, line in enumerate(lines):
                hit = number % CHANGED_EVERY == 1
                out.write(line.replace(b",LOCAL,", b",LOCAL,9", 1) if hit else line)
        part.rename(path)
    return path


class _Memory:
    """The most that this process and its children held at one time, looked at ten times a second.

    Without the database server, which may be a child of ours: its memory is set, not used up.
    Not ``ru_maxrss``: a child starts with that of its parent.
    """

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._process = psutil.Process()
        self._done = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            with suppress(psutil.NoSuchProcess):
                children = self._process.children(recursive=True)
                family = [self._process, *(c for c in children if "postgres" not in c.name())]
                held = sum(one.memory_info().rss for one in family) / 1024**2
                self.peak_mb = max(self.peak_mb, held)


def _steps(account: RegisterImport) -> str:
    return ", ".join(f"{step} {seconds:.1f}" for step, seconds in account.seconds.items())
