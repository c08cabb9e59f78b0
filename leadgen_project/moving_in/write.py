"""Write many rows at once: ids taken beforehand, rows as lines of COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tenants.context import connection, current_schema
from tenants.isolation import as_owner

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_CHUNK = 256 * 1024


def take_ids(table: str, count: int) -> list[int]:
    """``count`` new ids of ``table``. The sequences belong to the owner, so it is asked as such."""
    if not count:
        return []
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [f'{current_schema()}."{table}"', count],
        )
        return [pk for (pk,) in cursor.fetchall()]


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows of text, whole numbers, booleans and None into ``table``. No text may hold a NUL."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        lines: list[str] = []
        size = 0
        for row in rows:
            line = "\t".join(map(_text, row))
            lines.append(line)
            size += len(line)
            if size > _CHUNK:
                copy.write("\n".join(lines) + "\n")
                lines, size = [], 0
        if lines:
            copy.write("\n".join(lines) + "\n")


def _text(value: Any) -> str:
    if value.__class__ is str:
        if "\\" in value or "\n" in value or "\t" in value or "\r" in value:
            return value.translate(_ESCAPES)
        return value
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
