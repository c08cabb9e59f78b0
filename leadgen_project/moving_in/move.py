"""Move the former program's files in: look first, then do it, by the very same steps.

A look does everything inside one transaction and takes it back. A move commits batch by batch, with
how far it came; begun again after a kill, it goes on behind the last batch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from icp.models import Move
from leadgen_project.import_config import ConfigFileError, import_config
from leadgen_project.moving_in.contacts import take_contacts
from leadgen_project.moving_in.csv_file import CsvFile, write_refused
from leadgen_project.moving_in.email_queue import take_email_queue
from leadgen_project.moving_in.refused import refused_of
from leadgen_project.moving_in.report import Tally, chained
from leadgen_project.moving_in.requests import take_requests
from leadgen_project.moving_in.rows import Place
from leadgen_project.moving_in.source import TABLES, Row, Source, UnreadableFileError, batches
from leadgen_project.moving_in.sqlite_file import SqliteFile, is_sqlite
from leadgen_project.moving_in.templates import take_templates
from leadgen_project.moving_in.variations import take_variations
from tenants import audit
from tenants.context import connection, current_schema

Status = Move.Status
LOCK = 7_301_007  # one move or undo of a tenant at a time
TRIES, PAUSE_SECONDS = 60, 0.5  # the database lets go of a process that was killed only then


class MoveError(ValueError):
    """It cannot be moved, or undone, as asked; the text says why."""


def look(
    paths: Sequence[Path],
    *,
    options: dict[str, Any],
    actor: str,
    now: datetime,
    errors: Path | None = None,
) -> dict[str, Any]:
    """The report the move would give. Changes nothing: all of it is taken back.

    ``errors``: where the rows that would be refused are written. Raises ``UnreadableFileError``
    and ``MoveError``.
    """
    with _files(paths) as (sources, configs), one_at_a_time(), transaction.atomic():
        move = _new(sources, configs, options=options, actor=actor, now=now)
        _work(move, sources)
        report = dict(move.report)
        if errors:
            write_refused(lambda: refused_of(move), errors)
        transaction.set_rollback(True)
    report["config"] = _config(configs, actor=actor, is_real=False)
    return report


def move_in(paths: Sequence[Path], *, options: dict[str, Any], actor: str, now: datetime) -> Move:
    """Move the files in; the same files a second time change nothing.

    A move of the same files that was broken off is gone on with. Raises ``UnreadableFileError``
    and ``MoveError``, before anything is written.
    """
    with _files(paths) as (sources, configs), one_at_a_time():
        move = _begun(sources, configs, options=options) or _new(
            sources, configs, options=options, actor=actor, now=now
        )
        _work(move, sources)
        move.report["config"] = _config(configs, actor=actor, is_real=True)
        _check(move)
        with transaction.atomic():
            move.status, move.finished_at = Status.DONE, now
            move.save(update_fields=["status", "finished_at", "report"])
            audit.record("moving_in.move", actor=actor, subject=str(move),
                         after={"files": move.files, "read": _sums(move.report)})  # fmt: skip
    return move


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Raises ``MoveError`` when another process moves or undoes for this tenant, and goes on so."""
    key = [LOCK, current_schema()]
    for _ in range(TRIES):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key)
            (is_free,) = cursor.fetchone()
        if is_free:
            break
        time.sleep(PAUSE_SECONDS)
    else:
        raise MoveError("Another move of this tenant is under way; wait until it has ended.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


# --- files --------------------------------------------------------------------------------------
@contextmanager
def _files(paths: Sequence[Path]) -> Iterator[tuple[list[Source], list[Path]]]:
    """The files that hold tables, opened, and those that hold settings."""
    sources: list[Source] = []
    configs: list[Path] = []
    try:
        for path in paths:
            if not path.is_file():
                raise UnreadableFileError(f"There is no file {path}.")
            if is_sqlite(path):
                sources.append(SqliteFile(path))
            elif path.suffix.lower() == ".json":
                configs.append(path)
            elif path.suffix.lower() == ".csv":
                sources.append(CsvFile(path))
            else:
                raise UnreadableFileError(
                    f"{path.name} is no SQLite database, no config.json and no CSV of refused rows."
                )
        yield sources, configs
    finally:
        for source in sources:
            source.close()


def _new(
    sources: list[Source], configs: list[Path], *, options: dict[str, Any], actor: str,
    now: datetime,
) -> Move:  # fmt: skip
    return Move.objects.create(files=_named(sources, configs), options=options, created_at=now,
                               created_by=actor)  # fmt: skip


def _begun(
    sources: list[Source], configs: list[Path], *, options: dict[str, Any]
) -> Move | None:  # fmt: skip
    """The move of these very files that was broken off."""
    running = Move.objects.filter(status=Status.RUNNING).order_by("-pk")
    for move in running:
        if move.files == _named(sources, configs) and move.options == options:
            return move
    return None


def _named(sources: list[Source], configs: list[Path]) -> list[dict[str, str]]:
    named = [{"name": each.name, "kind": each.kind, "sha256": each.sha256} for each in sources]
    return [*named, *({"name": each.name, "kind": "config", "sha256": ""} for each in configs)]


def _config(configs: list[Path], *, actor: str, is_real: bool) -> dict[str, str]:
    return {path.name: _config_of(path, actor=actor, is_real=is_real) for path in configs}


def _config_of(path: Path, *, actor: str, is_real: bool) -> str:
    """What the settings of the file come to; a file with a mistake is left as it is."""
    try:
        with transaction.atomic():
            text = path.read_text(encoding="utf-8-sig")
            preview = import_config(text, file_name=path.name, actor=actor, is_admin=False)
            transaction.set_rollback(not is_real)
    except (ConfigFileError, OSError, UnicodeDecodeError) as exc:
        return f"not taken: {exc}"
    changes = ", ".join(f"{name}: {now} -> {then}" for name, (now, then) in preview.changes.items())
    return changes or "as it is already"


# --- the work -----------------------------------------------------------------------------------
def _work(move: Move, sources: list[Source]) -> None:
    """Every table of every file, each behind what is done already."""
    move.report.setdefault("files", [each.name for each in sources])
    move.report["left_alone"] = [f"{each.name}: {name}" for each in sources
                                 for name in each.left_alone]  # fmt: skip
    for table in TABLES:
        for number, source in enumerate(sources):
            if table in source.tables():
                _take_table(move, source, number, table)


def _take_table(move: Move, source: Source, number: int, table: str) -> None:
    place = Place(move, number, table, source.name)
    key = f"{number} {table}"
    done = move.progress.get(key, 0)
    tally = Tally.of(move.report["tables"][key]) if done else Tally()
    move.report.setdefault("tables", {})[key] = tally.as_json()
    for batch in batches(source, table, after=done):
        with transaction.atomic():
            tally.read += len(batch)
            _take(batch, place=place, tally=tally, move=move)
            if not tally.holds:
                raise AssertionError(f"{key}: the outcomes of its rows do not add up.")
            move.progress[key] = batch[-1].position
            move.report["tables"][key] = tally.as_json()
            move.save(update_fields=["progress", "report"])


def _take(batch: list[Row], *, place: Place, tally: Tally, move: Move) -> None:
    now = move.created_at
    match place.table:
        case "contacts":
            take_contacts(batch, place=place, tally=tally, now=now,
                          region=move.options.get("region", ""))  # fmt: skip
        case "templates":
            take_templates(batch, place=place, tally=tally, now=now)
        case "processor_queue":
            take_requests(batch, place=place, tally=tally, now=now)
        case "email_queue":
            take_email_queue(batch, place=place, tally=tally, now=now,
                             mailbox_id=move.options.get("mailbox"),
                             region=move.options.get("region", ""))  # fmt: skip
        case "variation_storage" if move.options.get("with_variations"):
            take_variations(batch, place=place, tally=tally, now=now)
        case _:
            tally.count("skipped", len(batch))


def _check(move: Move) -> None:
    """What stands in the database is what was read, row by row. Raises ``MoveError``."""
    for key, kept in move.report.get("tables", {}).items():
        file, _, table = key.partition(" ")
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(
                "SELECT encode(sha256(convert_to(original, 'UTF8')), 'hex') FROM icp_movedrow"
                ' WHERE move_id = %s AND file = %s AND "table" = %s ORDER BY "position"',
                [move.pk, int(file), table],
            )
            digest, count = "", 0
            while rows := cursor.fetchmany(10_000):
                for (row_hash,) in rows:
                    digest, count = chained(digest, row_hash), count + 1
        if (count, digest) != (kept["kept"], kept["sha256"]):
            raise MoveError(f"{key}: {count:,} rows stand here of {kept['kept']:,} that were read,"
                            " or they differ. Undo this move and look into it.")  # fmt: skip


def _sums(report: dict[str, Any]) -> dict[str, int]:
    return {key: kept["read"] for key, kept in report.get("tables", {}).items()}
