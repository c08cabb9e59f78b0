"""Write many rows at once: ids taken beforehand, rows as lines of COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tenants.context import connection, current_schema
from tenants.isolation import as_owner

_CHUNK = 256 * 1024


def take_ids(table: str, count: int) -> Sequence[int]:
    """``count`` new ids of ``table``. The sequences belong to the owner, so it is asked as such."""
    if not count:
        return ()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(v), max(v), CASE WHEN max(v) - min(v) + 1 <> count(*) THEN array_agg(v) END"
            " FROM (SELECT nextval(pg_get_serial_sequence(%s, 'id')) AS v"
            "       FROM generate_series(1, %s)) taken",
            [f'{current_schema()}."{table}"', count],
        )
        first, last, apart = cursor.fetchone()
    return apart or range(first, last + 1)  # apart: somebody else took some in between


def copied(text: str) -> str:
    """``text`` as COPY wants it."""
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return text


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows of text, whole numbers, booleans and None into ``table``. No text may hold a NUL."""
    copy_lines(table, columns, ("\t".join(map(_text, row)) for row in rows))


def copy_lines(table: str, columns: Sequence[str], rows: Iterable[str]) -> None:
    """Rows written out already, see ``copied``."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        lines: list[str] = []
        size = 0
        for line in rows:
            lines.append(line)
            size += len(line)
            if size > _CHUNK:
                copy.write("\n".join(lines) + "\n")
                lines, size = [], 0
        if lines:
            copy.write("\n".join(lines) + "\n")


def _text(value: Any) -> str:
    if value.__class__ is str:
        return copied(value)
    if value is None:
        return "\\N"
    if value is True:
        return "t"
    if value is False:
        return "f"
    return str(value)


def reserve_ids(table: str, highest: int) -> None:
    """Number new rows of ``table`` behind ``highest``, an id that was given by hand."""
    with as_owner(), connection.cursor() as cursor:
        name = f'{current_schema()}."{table}"'
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [name])
        (sequence,) = cursor.fetchone()
        cursor.execute(f"SELECT setval('{sequence}', greatest(%s, last_value)) FROM {sequence}",
                       [highest])  # fmt: skip
