"""Load the published files of the register: stage, compare, write only what differs.

What is promised: the account adds up (read = new + changed + unchanged + rejected). A load that
ends early, however, leaves the register as it was: one transaction at the end writes. A row that is
absent from the files means nothing; only a status says that a company has ended.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from acra import compare
from acra.indexes import ensure_search_indexes, without_indexes
from acra.models import RegisteredCompany, RegisterImport
from acra.normalise import TYPED, Normaliser
from acra.scan import Tally, Task
from acra.scan_parallel import PARALLEL_FROM, scan_all, split
from acra.sources import RegisterFileError, find_sources, read_header
from tenants.context import in_public
from tenants.isolation import as_owner
from tenants.outage import LOST
from tenants.room import NoRoomError, is_full, what_is_full

__all__ = ["LoadInProgressError", "LoadRefusedError", "load_register"]

logger = logging.getLogger(__name__)

LOCK = 7_301_002  # one load of the register at a time
MOST_ROWS = 20_000_000
LARGEST_DROP = 0.05  # of a file's rows, from one complete release to the next
EXAMPLES = 5
LONGEST_SOURCE = 500
ROOM_PER_BYTE = 10  # of a file, unpacked; 8 were measured: staging, typed rows, indexes, log
Report = Callable[[str, int, int], None]


class LoadInProgressError(Exception):
    """Another load is running."""


class LoadRefusedError(Exception):
    """The files are readable but cannot be a whole release; nothing was changed."""


def load_register(
    paths: Iterable[str | Path],
    *,
    now: datetime,
    actor: str,
    source: str = "",
    dataset: str = "",
    published_at: datetime | None = None,
    complete: bool = False,
    dry_run: bool = False,
    report: Report | None = None,
) -> RegisterImport:
    """Load files (CSV, gzip, zip, folders of them) into the register; return the account.

    A second run with the same files writes no company. What two million rows cost is measured by
    ``python -m bench register``; memory stays under 300 MB. ``complete`` says that the files are a
    whole release: then a file that lost over 5 % of its rows since the last complete load, or is
    missing, raises ``LoadRefusedError``. ``dry_run`` gives the account and keeps nothing.
    ``report(step, bytes done, bytes in all)`` is called now and then.

    Raises ``RegisterFileError`` (a file is unusable: which, why), ``LoadInProgressError`` (who),
    ``NoRoomError`` (the disk is full: how much room there is, how much it takes).
    """
    given = [Path(path) for path in paths]
    source = source or ", ".join(path.name for path in given)
    with in_public(), as_owner(), _the_only_load(), _kept(not dry_run):
        record = RegisterImport.objects.create(
            source=source[:LONGEST_SOURCE], dataset=dataset, published_at=published_at,
            actor=actor, process=f"{socket.gethostname()} {os.getpid()}", started_at=now,
        )  # fmt: skip
        load = _Load(record, now=now, complete=complete, report=report or (lambda *_: None))
        try:
            load.run(given)
        except (RegisterFileError, LoadRefusedError, DatabaseError, OSError) as exc:
            error = _no_room(exc, given) if is_full(exc) else exc
            record.status, record.error = RegisterImport.Status.FAILED, str(error)
            record.finished_at = timezone.now()
            with suppress(*LOST):  # the next load closes it
                record.save()
            raise error from exc
        return record


@contextmanager
def _the_only_load() -> Iterator[None]:
    """Hold the lock of the register; what an earlier load left open is closed as failed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (is_free,) = cursor.fetchone()
    running = RegisterImport.objects.filter(status=RegisterImport.Status.RUNNING)
    if not is_free:
        other = running.order_by("-pk").first()
        who = (
            f"load {other.pk} by {other.actor or 'somebody'} since {other.started_at:%H:%M} UTC "
            f"({other.process}), now at: {other.stage or 'start'}"
            if other
            else "another process"
        )
        raise LoadInProgressError(f"The register is being loaded already: {who}.")
    try:
        running.update(
            status=RegisterImport.Status.FAILED,
            finished_at=timezone.now(),
            error="Ended in the middle; the register is as it was before. Load it again.",
        )
        yield
    finally:
        with suppress(*LOST), connection.cursor() as cursor:  # a session that is gone holds nothing
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


@contextmanager
def _kept(is_kept: bool) -> Iterator[None]:
    """Keep what the block writes, or take all of it back."""
    if is_kept:
        yield
        return
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _no_room(error: Exception, paths: list[Path]) -> NoRoomError:
    size = sum(path.stat().st_size for path in paths if path.is_file())
    return NoRoomError(
        f"{what_is_full(error)} The register is as it was before. Make room, about"
        f" {ROOM_PER_BYTE} times the size of the unpacked files (packed or not, they have"
        f" {size / 1e6:,.0f} MB), and load again."
    )


class _Load:
    def __init__(
        self, record: RegisterImport, *, now: datetime, complete: bool, report: Report
    ) -> None:
        self._record, self._now, self._complete, self._report = record, now, complete, report
        self._tally = Tally()

    def run(self, paths: list[Path]) -> None:
        with self._step("headers"):
            sources = find_sources(paths)
            tasks = [Task(one, read_header(one)) for one in sources]
            self._note_headers(tasks)
        is_first = not RegisteredCompany.objects.exists()
        if is_first and sum(source.size for source in sources) >= PARALLEL_FROM:
            self._fill(tasks)
        else:
            self._update(tasks, is_first=is_first)
        with self._step("indexes on names"):
            ensure_search_indexes()

    # -- the usual way -------------------------------------------------------------------

    def _update(self, tasks: list[Task], *, is_first: bool) -> None:
        with self._step("stage"):
            compare.make_staging()
            compare.copy_into(compare.STAGING, ("line",), self._blocks(tasks))
        with self._step("compare"), _roomy():
            self._check_completeness()
            if any(task.header.missing for task in tasks):
                compare.keep_absent_columns()
            delta = compare.find_delta(staged=self._tally.accepted)
            self._reject_duplicates(delta.repeated)
        with self._step("normalise"), _roomy():
            compare.make_typed()
            self._type_delta()
            compare.compete_with_known()
            self._drop_duplicates(compare.TYPED_ROWS)
            compare.drop_known()
        with self._step("differences"), _roomy():
            kinds = compare.find_differences()
        with self._step("write"), transaction.atomic(), _roomy():
            if delta.lines:
                _write(self._record, now=self._now, with_log=not is_first)
            self._close(kinds)
        with self._step("tidy up"):
            compare.drop_work_tables()
            if delta.lines > self._tally.accepted // 10:
                _vacuum()

    def _type_delta(self) -> None:
        normaliser = Normaliser(today=self._now.date())
        for lines in compare.lines_of_delta():
            block = "\n".join(normaliser.rows(lines)) + "\n"
            compare.copy_into(compare.TYPED_ROWS, TYPED, [block.encode()])
        self._tally.warnings += normaliser.warnings
        for kind, examples in normaliser.examples.items():
            self._tally.note(kind, *examples)

    # -- the first time ------------------------------------------------------------------

    def _fill(self, tasks: list[Task]) -> None:
        """Into an empty register: typed rows straight into the table, indexes afterwards."""
        today = self._now.date().isoformat()
        tasks = [Task(t.source, t.header, today=today) for t in tasks]
        with transaction.atomic(), _roomy():
            again = without_indexes()
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE acra_registeredcompany")
            stamps = ("first_seen_at", "changed_at")
            _alter(*(f"ALTER {stamp} SET DEFAULT '{self._now.isoformat()}'" for stamp in stamps))
            with self._step("stage", is_shown=False):
                blocks = self._blocks(tasks)
                compare.copy_into_emptied("acra_registeredcompany", TYPED, blocks)
            with self._step("compare", is_shown=False):
                self._drop_duplicates("acra_registeredcompany")
                self._check_completeness()
            with self._step("indexes", is_shown=False), connection.cursor() as cursor:
                for statement in again:
                    cursor.execute(statement)
            _alter(*(f"ALTER {stamp} DROP DEFAULT" for stamp in stamps))
            self._close({"NEW": self._tally.accepted})
        with self._step("tidy up"):
            _vacuum()

    # -- both ----------------------------------------------------------------------------

    def _blocks(self, tasks: list[Task]) -> Iterator[bytes]:
        total = sum(task.source.size for task in tasks)
        done = 0
        for block in scan_all(list(chain.from_iterable(map(split, tasks))), self._tally):
            yield block
            done += len(block)
            self._report("reading", min(done, total), total)
            if self._tally.rows > MOST_ROWS:
                raise RegisterFileError(
                    f"More than {MOST_ROWS:,} rows; the register has 2 million."
                )

    def _note_headers(self, tasks: list[Task]) -> None:
        for task in tasks:
            name = task.source.name
            for column in task.header.missing:
                self._tally.warn(f"column missing: {column}; known values stay", name)
            if task.header.unknown:
                extra = ", ".join(task.header.unknown)[:200]
                self._tally.warn("columns that are not used", f"{name}: {extra}")

    def _drop_duplicates(self, table: str) -> None:
        dropped = compare.drop_duplicates(table)
        self._reject_duplicates(len(dropped), *dropped[:EXAMPLES])

    def _reject_duplicates(self, count: int, *examples: str) -> None:
        if count:
            self._tally.rejected["duplicate"] += count
            self._tally.accepted -= count
            self._tally.note("duplicate", *examples)

    def _check_completeness(self) -> None:
        """Refuse a release whose files shrank: a cut or missing file is no wave of strike-offs."""
        if not self._complete:
            return
        done = RegisterImport.objects.filter(
            status=RegisterImport.Status.FINISHED, dataset=self._record.dataset
        ).exclude(files={})
        last = done.order_by("-pk").first()
        shrunk = [
            f"{name}: {self._tally.files.get(name, 0):,} rows, {rows:,} before"
            for name, rows in sorted(last.files.items() if last else ())
            if self._tally.files.get(name, 0) < rows * (1 - LARGEST_DROP)
        ]
        if shrunk:
            raise LoadRefusedError(
                f"This cannot be a whole release, nothing was changed. {'; '.join(shrunk[:10])}. "
                "Fetch the files again, or load them without the check for completeness."
            )

    def _close(self, kinds: dict[str, int]) -> None:
        record, tally = self._record, self._tally
        record.new = kinds.get("NEW", 0)
        record.ceased = kinds.get("CEASED", 0)
        record.changed = kinds.get("CHANGED", 0) + record.ceased
        record.unchanged = tally.accepted - record.new - record.changed
        record.rejected = sum(tally.rejected.values())
        record.read = tally.rows
        if kinds.get("SAME"):
            tally.warnings["only spelt in another way"] += kinds["SAME"]
        record.rejections = _with_examples(tally.rejected, tally.examples)
        record.warnings = _with_examples(tally.warnings, tally.examples)
        record.files = dict(tally.files) if self._complete else {}
        record.status, record.stage = RegisterImport.Status.FINISHED, ""
        record.finished_at = timezone.now()
        record.save()

    @contextmanager
    def _step(self, name: str, *, is_shown: bool = True) -> Iterator[None]:
        """Measure a step; ``is_shown``: others see it at once, so not inside a transaction."""
        self._report(name, 0, 0)
        if is_shown and self._record.status == RegisterImport.Status.RUNNING:
            self._record.stage, self._record.read = name, self._tally.rows
            self._record.save(update_fields=["stage", "read"])
        started = time.monotonic()
        yield
        self._record.seconds[name] = round(time.monotonic() - started, 2)
        logger.info("register load %s: %s took %.1f s", self._record.pk, name,
                    self._record.seconds[name])  # fmt: skip
        if self._record.status == RegisterImport.Status.FINISHED:
            self._record.save(update_fields=["seconds"])


def _write(record: RegisterImport, *, now: datetime, with_log: bool) -> None:
    """Bring the differences into the register, and into the log of changes."""
    columns = [column for column in TYPED if column != "uen"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE acra_registeredcompany AS c SET {', '.join(f'{x} = t.{x}' for x in columns)},"
            " changed_at = CASE WHEN d.kind = 'SAME' THEN c.changed_at ELSE %s END"
            f" FROM {compare.TYPED_ROWS} AS t JOIN {compare.DIFFERENCE} AS d USING (uen)"
            " WHERE c.uen = t.uen AND d.kind <> 'NEW'",
            [now],
        )
        cursor.execute(
            f"INSERT INTO acra_registeredcompany ({', '.join(TYPED)}, first_seen_at, changed_at)"
            f" SELECT {', '.join(f't.{x}' for x in TYPED)}, %s, %s FROM {compare.TYPED_ROWS} AS t"
            f" JOIN {compare.DIFFERENCE} AS d USING (uen) WHERE d.kind = 'NEW'",
            [now, now],
        )
        if with_log:
            cursor.execute(
                "INSERT INTO acra_registerchange (load_id, uen, kind, fields)"
                f" SELECT %s, uen, kind, to_jsonb(fields) FROM {compare.DIFFERENCE}"
                " WHERE kind <> 'SAME' ORDER BY uen",
                [record.pk],
            )


def _with_examples(counts: dict[str, int], examples: dict[str, list[str]]) -> dict[str, Any]:
    return {
        kind: {"rows": rows, "examples": examples.get(kind, [])[:EXAMPLES]}
        for kind, rows in sorted(counts.items(), key=lambda item: -item[1])
    }


@contextmanager
def _roomy() -> Iterator[None]:
    """Memory and parallel workers for statements over the whole register."""
    settings = {
        "work_mem": "256MB",
        "maintenance_work_mem": "512MB",
        "parallel_setup_cost": "0",
        "parallel_tuple_cost": "0.01",
        "min_parallel_table_scan_size": "1MB",
        "gin_pending_list_limit": "64MB",  # words are sorted in by the vacuum that follows
        "synchronous_commit": "on",
    }
    with transaction.atomic(), connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute(f"SET LOCAL {name} = '{value}'")
        yield


def _alter(*changes: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE acra_registeredcompany {', '.join(changes)}")


def _vacuum() -> None:
    """Let previews read the indexes alone, and tell the planner what there is now."""
    with connection.cursor() as cursor:
        # Inside a transaction (a dry run) nothing stays that could be read.
        command = "ANALYZE" if connection.in_atomic_block else "VACUUM (ANALYZE)"
        cursor.execute(f"{command} acra_registeredcompany")
