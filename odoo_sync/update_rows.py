"""Write other values into many rows by one statement.

``bulk_update`` builds an expression for each row and field: 6 ms of our own time for each lead on
its way to Odoo, two thirds of all we spent on it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.db import models
from django.db.backends.utils import CursorWrapper

from tenants.context import connection

AT_ONCE = 500


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Save ``fields`` of ``rows``, all of one model; a statement for each 500 rows."""
    if not rows:
        return
    about = type(rows[0])._meta  # noqa: SLF001 -- its documented API
    columns = [each for each in about.concrete_fields if each.name in fields]
    told = ", ".join(f'"{each.column}" {each.db_type(connection)}' for each in columns)
    changes = ", ".join(f'"{each.column}" = n."{each.column}"' for each in columns)
    statement = (
        f'UPDATE "{about.db_table}" AS r SET {changes}'
        f" FROM jsonb_to_recordset(%s::jsonb) AS n(id bigint, {told}) WHERE r.id = n.id"
    )
    names = {each.attname: str(each.column) for each in columns}
    with connection.cursor() as cursor:
        for start in range(0, len(rows), AT_ONCE):
            _write(cursor, statement, rows[start : start + AT_ONCE], names)


def _write(
    cursor: CursorWrapper, statement: str, rows: Sequence[models.Model], names: dict[str, str]
) -> None:
    said = [{"id": row.pk, **{column: getattr(row, name) for name, column in names.items()}}
            for row in rows]  # fmt: skip
    cursor.execute(statement, [json.dumps(said, default=str)])  # moments as PostgreSQL reads them
