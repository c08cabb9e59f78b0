"""The keeper: one thread a process that writes what its runs have made, and says they are alive.

Events of all runs of a tenant go into one statement, at most every ``TOGETHER_SECONDS``: fifty
streams cost about as much as one. The log of these rows is not waited for (a crash of PostgreSQL
itself could lose the last half second of chunks); messages and states, written by the runs, are.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from django.db import DatabaseError, DataError, IntegrityError, transaction

from chat.live import Event, Live, all_live, wake_keeper
from chat.models import RunEvent
from tenants.context import connection, in_tenant

TOGETHER_SECONDS = 0.04
BEAT_SECONDS = 1.0  # also how soon a cancel of another process is seen
_LATER_SECONDS = 0.5  # after the database refused
# A run is gone, or another process has settled it; or it holds what no database takes. Trying again
# would hold up the runs of all others.
UNWRITABLE = (IntegrityError, DataError, ValueError)

logger = logging.getLogger(__name__)
_lock = threading.Lock()
_keeper: threading.Thread | None = None

_BEAT = """
UPDATE chat_chatrun SET heartbeat_at = clock_timestamp()
WHERE id = ANY(%s) AND status IN ('pending', 'running') RETURNING id, cancel
"""


def ensure_keeper() -> None:
    """Start the thread unless it is there. It lives as long as the process."""
    global _keeper  # noqa: PLW0603 -- one a process
    with _lock:
        if _keeper is None or not _keeper.is_alive():
            _keeper = threading.Thread(target=_keep, name="chat-keeper", daemon=True)
            _keeper.start()


def _keep() -> None:
    beat_at = 0.0
    while True:
        wake_keeper.wait(max(0.0, beat_at - time.monotonic()) if all_live() else None)
        wake_keeper.clear()
        runs = all_live()
        is_fine = _each_tenant(write, [run for run in runs if run.taken < len(run.events)])
        if time.monotonic() >= beat_at:
            is_fine = _each_tenant(beat, runs) and is_fine
            beat_at = time.monotonic() + BEAT_SECONDS
        time.sleep(TOGETHER_SECONDS if is_fine else _LATER_SECONDS)


def _each_tenant(action: Callable[[list[Live]], None], runs: Iterable[Live]) -> bool:
    by_schema: dict[str, list[Live]] = defaultdict(list)
    for run in runs:
        by_schema[run.schema].append(run)
    is_fine = True
    for schema, theirs in by_schema.items():
        try:
            with in_tenant(schema):
                action(theirs)
        except DatabaseError:
            logger.exception("The events of %s runs cannot be written now", len(theirs))
            is_fine = False
        finally:
            connection.close()
    return is_fine


def write(runs: list[Live]) -> None:
    """Write what these runs of the current tenant have added, then let it be seen."""
    taken = [(run, run.take()) for run in runs]
    try:
        _insert([(run, event) for run, events in taken for event in events])
    except UNWRITABLE:
        for run, events in taken:
            _write_alone(run, events)
    except DatabaseError:
        for run, events in taken:
            run.taken -= len(events)
        raise
    else:
        for run, events in taken:
            run.note_written(run.written + len(events))


def _write_alone(run: Live, events: list[Event]) -> None:
    try:
        _insert([(run, event) for event in events])
    except UNWRITABLE as exc:
        if not isinstance(exc, IntegrityError):
            logger.exception("The events of run %s cannot be written at all", run.run_id)
        run.lose()
    except DatabaseError:
        run.taken -= len(events)
        raise
    else:
        run.note_written(run.written + len(events))


def _insert(rows: list[tuple[Live, Event]]) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
        RunEvent.objects.bulk_create(
            RunEvent(run_id=run.run_id, seq=event.seq, event=event.event, data=event.data,
                     checkpoint_id=event.checkpoint)
            for run, event in rows
        )  # fmt: skip


def beat(runs: list[Live]) -> None:
    """Say that these are alive, and hear which are to stop or are no longer ours."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [[run.run_id for run in runs]])
        found = dict(cursor.fetchall())
    for run in runs:
        if run.run_id not in found and not run.is_over:
            run.lose()
        elif found.get(run.run_id):
            run.ask_to_stop(found[run.run_id])
