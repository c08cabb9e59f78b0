"""Moving 100,000 contacts in, against a bare read of the file and a COPY of the rows it comes to.

The file is made up, with a tenth of its rows dirty. The yardstick reads every row of the SQLite
file and copies the leads, contacts, evidence and originals the move wrote, from files, into the
same tables of another tenant: indexes, keys and all. ``BENCH_ROWS`` changes the size.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from bench.register import _Memory
from bench.result import Result
from bench.scratch import scratch_database
from icp import suppressions
from leadgen_project.moving_in.move import look, move_in
from leadgen_project.moving_in.undo import undo
from leadgen_project.tests.former_program import CONTACTS
from tenants.context import in_tenant

ROWS = int(os.environ.get("BENCH_ROWS", "100000"))
LIMIT = 4.0
MEMORY_MB = 300
NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
OPTIONS: dict[str, Any] = {"region": "", "mailbox": None, "with_variations": False}
TABLES = ("icp_move", "icp_lead", "enrichment_contact", "enrichment_evidence", "icp_movedrow")
CITIES = ("austin", "Dallas", "Singapore", "London", "New York", "Sydney")
DIRTY = ("12", "call me", "+", "\x00", "555", "(512) 555 0100 or 0101", "five one two")


def measure() -> list[Result]:
    """About two minutes at 100,000 rows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_database(tenants=2) as (mine, other),
        _Memory() as memory,
    ):
        path = Path(folder) / "master_contacts.db"
        _make(path)
        with in_tenant(mine):
            for number in range(100):
                suppressions.add("EMAIL", f"info{number * 7}@shop{number * 7}.example",
                                 reason="bench", actor="bench")  # fmt: skip
            how: dict[str, Any] = {"options": OPTIONS, "actor": "bench", "now": NOW}
            looking, looked = _timed(lambda: look([path], **how))
            moving, move = _timed(lambda: move_in([path], **how))
            again, _ = _timed(lambda: move_in([path], **how))
            _dump(Path(folder), move.pk)
        reading, _ = _timed(lambda: _bare_read(path))
        with in_tenant(other):
            copying, copied = _timed(lambda: _copy(Path(folder)))
            plain, _ = _timed(lambda: _plain_copy(path))
        with in_tenant(mine):
            undoing, _ = _timed(lambda: undo(move.pk, actor="bench", now=NOW))
    tables = move.report["tables"]["0 contacts"]
    outcome = ", ".join(f"{tables[name]:,} {name}" for name in
                        ("created", "linked", "refused", "suppressed"))  # fmt: skip
    floor = reading + copying
    return [
        Result(f"moving in: {ROWS:,} contacts / bare read + COPY of the rows they come to",
               moving / floor, LIMIT,
               note=f"{moving:.1f} s against {reading:.1f} + {copying:.1f} s; {outcome}"),
        Result("moving in: the look before / the same", looking / floor, LIMIT,
               note=f"{looking:.1f} s"),
        Result("moving in: the same file again / the same", again / floor, 1.0,
               note=f"{again:.1f} s"),
        Result("moving in: reports of look and move differ", float(looked != move.report), 0),
        Result("moving in: against a bare read + COPY of the file's own columns, as text",
               moving / (reading + plain), note=f"{reading:.1f} + {plain:.1f} s; COPY wrote"
               f" {copied:,} rows above, {ROWS:,} here"),
        Result("moving in: undo / bare read + COPY", undoing / floor, note=f"{undoing:.1f} s"),
        Result(f"moving in: memory of our process / {MEMORY_MB} MB", memory.peak_mb / MEMORY_MB,
               1.0, note=f"{memory.peak_mb:.0f} MB"),
    ]  # fmt: skip


def _timed(action: Any) -> tuple[float, Any]:
    started = time.monotonic()
    found = action()
    return time.monotonic() - started, found


def _make(path: Path) -> None:
    names = [line.split()[0] for line in CONTACTS.split("(", 1)[1].replace("\n", " ").split(",")]
    with sqlite3.connect(path) as file:
        file.execute(CONTACTS)
        marks = ", ".join("?" * len(names))
        file.executemany(f"INSERT INTO contacts VALUES ({marks})", _rows())
    file.close()


def _rows() -> Iterator[tuple[Any, ...]]:
    """Nine tenths clean; of the rest some are doubles, some cannot be read, some hold odd bytes."""
    chance = random.Random(4711)
    for number in range(ROWS):
        who = number
        phone, email = f"(512) {200 + who // 10_000 % 800}-{who % 10_000:04}", ""
        data = {"phone": phone, "name": f"Ann Lee{who}", "websiteUrl": f"http://shop{who}.example",
                "notes": "Found on the list; asked for a call back later. " * 3}  # fmt: skip
        email = f"Info{who}@Shop{who}.example"
        status: str = "PROCESSED"
        sent: str | None = "2026-05-01 10:00:00"
        kind = chance.random()
        if kind < 0.04:  # the same business again, spelt otherwise
            twin = max(who - 1, 0)
            phone = f"+1 512.{200 + twin // 10_000 % 800}.{twin % 10_000:04}"
            email = ""
        elif kind < 0.06:
            phone = chance.choice(DIRTY)
        elif kind < 0.07:
            email = "no address"
        elif kind < 0.08:
            status, sent = "WHATEVER", None
        elif kind < 0.09:
            data["notes"] = "caf\u00e9 \u65e5\u672c \x00"
        yield (
            number + 1, phone, f"Ann Lee{who}", email, sent, f"https://list.example/{number}",
            f"{number:016x}", f"Shop {who}", "Consulting", '["Training", "Consulting"]', status,
            "austin", json.dumps(data) if kind < 0.99 else b"\xff\xfe{", 1767225600 + number,
        )  # fmt: skip


def _bare_read(path: Path) -> None:
    file = sqlite3.connect(path)
    file.text_factory = bytes
    for _ in file.execute("SELECT * FROM contacts"):
        pass
    file.close()


def _dump(folder: Path, move: int) -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            with (
                (folder / table).open("wb") as out,
                cursor.copy(f"COPY {table} TO STDOUT") as rows,
            ):
                out.writelines(rows)


def _copy(folder: Path) -> int:
    count = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            with (
                (folder / table).open("rb") as source,
                cursor.copy(f"COPY {table} FROM STDIN") as copy,
            ):
                while chunk := source.read(256 * 1024):
                    copy.write(chunk)
                    count += chunk.count(b"\n")
    return count


def _plain_copy(path: Path) -> None:
    file = sqlite3.connect(path)
    file.text_factory = lambda text: text.decode("utf-8", "replace").replace("\x00", "")
    with connection.cursor() as cursor:
        columns = ", ".join(f"c{at} text" for at in range(14))
        cursor.execute(f"CREATE TEMPORARY TABLE bare ({columns})")
        with cursor.copy("COPY bare FROM STDIN") as copy:
            for row in file.execute("SELECT * FROM contacts"):
                copy.write_row(
                    [
                        each
                        if each is None or isinstance(each, str)
                        else str(each).replace("\\x00", "")
                        for each in row
                    ]
                )
    file.close()
