"""A SQLite file of the former program, read from a copy that nobody else has open.

Nothing in it is run: views, triggers, virtual tables and computed columns are not looked at, and
the connection may do no more than read the plan's tables.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from leadgen_project.moving_in.source import (
    MOST_CELL,
    TOO_BIG,
    Columns,
    Row,
    UnreadableFileError,
    known_table,
)

MAGIC = b"SQLite format 3\x00"
MOST_TOO_BIG = 1_000  # rows; each is looked up on its own
MOST_COLUMNS = 200
_CHUNK = 1 << 20
_WAIT_SECONDS = 3
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ}
_ASKS = {"table_xinfo", "quick_check", "query_only", "trusted_schema", "cell_size_check",
         "ignore_check_constraints", "mmap_size", "encoding"}  # fmt: skip


class SqliteFile:
    """The plan's tables of one file. Raises ``UnreadableFileError`` with what to do."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.left_alone: list[str] = []
        self._folder = Path(tempfile.mkdtemp(prefix="moving-in-"))
        try:
            self.sha256 = _copy(path, self._folder / "copy.db")
            self._connection = _open(self._folder / "copy.db")
            shutil.rmtree(self._folder)  # open as it is: no kill leaves people's data behind
            self._tables = self._look()
        except sqlite3.Error as exc:
            self.close()
            raise UnreadableFileError(_damaged(self.name, exc)) from exc
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with suppress(AttributeError):
            self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def tables(self) -> dict[str, Columns]:
        return {name: columns for name, (_, columns, _) in self._tables.items()}

    def rows(self, table: str, *, after: int) -> Iterator[Row]:
        """In the order of the file. A row that is too large comes with a reason, and its rest."""
        real, columns, names = self._tables[table]
        shown = ", ".join(map(_quoted, names))
        position, too_big = after, 0
        while True:
            query = f"SELECT {shown} FROM {_quoted(real)} LIMIT -1 OFFSET {position}"
            try:
                for values in self._connection.execute(query):
                    position += 1
                    yield columns.row(position, values)
            except sqlite3.DataError:  # in this row, or in the next, which is looked at already
                position += 1
                values, is_whole = self._one(real, names, position)
                too_big += not is_whole
                if too_big > MOST_TOO_BIG:
                    raise UnreadableFileError(
                        f"{self.name}: more than {MOST_TOO_BIG:,} rows of {real} are too large."
                    ) from None
                yield columns.row(position, values, reason="" if is_whole else TOO_BIG)
            except sqlite3.Error as exc:
                raise UnreadableFileError(_damaged(self.name, exc)) from exc
            else:
                return

    def _one(self, real: str, names: list[str], position: int) -> tuple[list[Any], bool]:
        """The cells of one row that can be read, and whether these are all."""
        found: list[Any] = []
        is_whole = True
        for name in names:
            query = f"SELECT {_quoted(name)} FROM {_quoted(real)} LIMIT 1 OFFSET {position - 1}"
            try:
                found.append(self._connection.execute(query).fetchone()[0])
            except sqlite3.DataError:
                found.append(None)
                is_whole = False
        return found, is_whole

    def _look(self) -> dict[str, tuple[str, Columns, list[str]]]:
        found: dict[str, tuple[str, Columns, list[str]]] = {}
        master = "SELECT type, name, sql FROM sqlite_master ORDER BY rowid"
        for kind, name, sql in self._connection.execute(master).fetchall():
            if kind not in {"table", "view"} or str(name).startswith("sqlite_"):
                continue
            known = known_table(str(name))
            is_plain = kind == "table" and not str(sql or "").upper().startswith("CREATE VIRTUAL")
            if not known or not is_plain or known in found:
                self.left_alone.append(str(name)[:100])
                continue
            rows = self._connection.execute(f"PRAGMA table_xinfo({_quoted(name)})").fetchall()
            names = [row[1] for row in rows if row[6] == 0]  # neither hidden nor computed
            if not names or len(names) > MOST_COLUMNS:
                raise UnreadableFileError(f"{self.name}: {name} has {len(names)} columns.")
            found[known] = (str(name), Columns.of(names), names)
        if not found:
            raise UnreadableFileError(
                f"{self.name} holds none of the tables contacts, processor_queue, templates,"
                " email_queue."
            )
        return found


def is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _copy(path: Path, target: Path) -> str:
    """Copy the file, with what stands in its write-ahead log; returns the SHA-256 of both.

    Held for reading meanwhile, so that the former program cannot write in between. A log is not
    held: both are copied again when either changed.
    """
    if _size(path.with_name(f"{path.name}-journal")):
        raise UnreadableFileError(
            f"{path.name}: the former program stopped in the middle of a change (there is a"
            f" {path.name}-journal). Start it once, let it finish, close it, then again."
        )
    log = path.with_name(f"{path.name}-wal")
    for _ in range(3):
        before = [_stamp(path), _stamp(log)]
        digest = sha256()
        with _held(path):
            _copy_one(path, target, digest)
            if _size(log):
                _copy_one(log, target.with_name(f"{target.name}-wal"), digest)
        if before == [_stamp(path), _stamp(log)]:
            return digest.hexdigest()
    raise UnreadableFileError(f"{path.name} changes all the time. Close the former program.")


def _copy_one(path: Path, target: Path, digest: Any) -> None:
    with path.open("rb") as source, target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the file for reading, unless it keeps a log: then readers and writers go apart."""
    with path.open("rb") as file:
        head = file.read(20)
    if head[18:20] == b"\x02\x02":
        yield
        return
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS,
                                 isolation_level=None)) as connection:  # fmt: skip
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc):
                raise
            raise UnreadableFileError(
                f"{path.name} is being written to. Close the former program, then again."
            ) from exc
        yield


def _open(path: Path) -> sqlite3.Connection:
    """The copy, checked from end to end, and closed for all but reading the plan's tables."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")  # what the log holds goes into the copy
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
        for setting in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0",
                        "ignore_check_constraints = ON", "query_only = ON"):  # fmt: skip
            connection.execute(f"PRAGMA {setting}")
        connection.set_authorizer(_allow)
        _check(connection)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_CELL)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    with closing(connection.execute("PRAGMA quick_check(1)")) as checked:
        said = str(checked.fetchone()[0])
    if said != "ok":
        raise sqlite3.DatabaseError(said)


def _allow(action: int, first: str | None, *_: str | None) -> int:
    if action in _READS or (action == sqlite3.SQLITE_PRAGMA and first in _ASKS):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _damaged(name: str, exc: sqlite3.Error) -> str:
    return (
        f"{name} is damaged or no SQLite database ({str(exc)[:200]}). Nothing was taken from it;"
        " mend it with `sqlite3 OLD .recover | sqlite3 NEW`, then again."
    )


def _quoted(name: str) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _stamp(path: Path) -> tuple[int, int]:
    if not path.exists():
        return 0, 0
    state = path.stat()
    return state.st_size, state.st_mtime_ns
