"""Find what a load changes, in the database, one statement per step.

``acra_register_staging`` holds the published lines of the load, ``acra_register_delta`` those the
register does not hold, ``acra_register_typed`` the same with typed columns,
``acra_register_difference`` what that means: new, changed (which columns), ceased, or the same in
another spelling. All four are unlogged work tables; the register itself is not touched here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from psycopg import sql

from acra.columns import FORMER_NAMES, MISSING, PLACE, PUBLISHED
from acra.normalise import SEPARATOR, TYPED
from acra.scan import KEPT
from acra.values import ENTITY_TYPES

__all__ = [
    "Delta", "compete_with_known", "copy_into", "copy_into_emptied", "drop_duplicates",
    "drop_known", "drop_work_tables", "find_delta", "find_differences", "keep_absent_columns",
    "lines_of_delta", "make_staging", "make_typed",
]  # fmt: skip

STAGING, DELTA = "acra_register_staging", "acra_register_delta"
TYPED_ROWS, DIFFERENCE = "acra_register_typed", "acra_register_difference"
SEVERAL = "acra_register_several"  # rows have these numbers
PAGES_AT_ONCE = 1024  # of the delta, 8 MB

# Of several rows for one UEN the best stays: with the most former names (renamed later), then the
# one that is not live (a dead company is never written to), then the first in text order. So the
# order of rows and files does not matter.
BEST_FIRST = """
cardinality(array_remove(array_remove(
    (string_to_array(published, {separator}))[{first}:{last}], 'na'), {kept})) DESC,
upper((string_to_array(published, {separator}))[{status}]) LIKE 'LIVE%%',
published
"""
# What two published values must share to mean the same.
MEANING = """
CREATE OR REPLACE FUNCTION pg_temp.acra_meaning(value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN folded IN ({missing}) THEN ''
        WHEN folded IN ({types}) THEN CASE folded {long_types} END
        ELSE folded END
    FROM (SELECT lower(btrim(regexp_replace(value, '\\s+', ' ', 'g'))) AS folded) AS f
$$
"""


def make_staging() -> None:
    drop_work_tables()
    _run(f"CREATE UNLOGGED TABLE {STAGING} (line text NOT NULL)")


def make_typed() -> None:
    _run(
        f"CREATE UNLOGGED TABLE {TYPED_ROWS} AS"
        f" SELECT {', '.join(TYPED)} FROM acra_registeredcompany WITH NO DATA"
    )


def drop_work_tables() -> None:
    _run(f"DROP TABLE IF EXISTS {STAGING}, {DELTA}, {TYPED_ROWS}, {DIFFERENCE}")


def copy_into(table: str, columns: tuple[str, ...], blocks: Iterable[bytes]) -> None:
    """COPY blocks in text format into ``table``."""
    with transaction.atomic():
        _copy("COPY {} ({}) FROM STDIN", table, columns, blocks)


def copy_into_emptied(table: str, columns: tuple[str, ...], blocks: Iterable[bytes]) -> None:
    """COPY into a table that this transaction has emptied: no log, no later vacuum.

    The server then writes the table to disk once, and begins at once, not at the end.
    """
    _run("SET LOCAL backend_flush_after = '1MB'")
    _copy("COPY {} ({}) FROM STDIN (FREEZE)", table, columns, blocks)


def _copy(statement: str, table: str, columns: tuple[str, ...], blocks: Iterable[bytes]) -> None:
    command = sql.SQL(statement).format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        for block in blocks:
            copy.write(block)


def drop_duplicates(table: str) -> list[str]:
    """Keep the best row of each UEN in ``table``; return the UENs of the others."""
    best_first = sql.SQL(BEST_FIRST).format(
        separator=sql.Literal(SEPARATOR), kept=sql.Literal(KEPT),
        first=sql.Literal(PLACE[FORMER_NAMES[0]] + 1),
        last=sql.Literal(PLACE[FORMER_NAMES[-1]] + 1),
        status=sql.Literal(PLACE["entity_status_description"] + 1),
    )  # fmt: skip
    # Apart from the deletion, because only a query that writes nothing uses several processes; and
    # by sorting, which they share; hashing two million numbers falls to one.
    _run(f"SET LOCAL enable_hashagg = off; DROP TABLE IF EXISTS {SEVERAL}")
    _run(
        f"CREATE UNLOGGED TABLE {SEVERAL} AS"
        f" SELECT uen FROM {table} GROUP BY uen HAVING count(*) > 1"
    )
    _run("SET LOCAL enable_hashagg = on")
    statement = sql.SQL("""
        DELETE FROM {table} AS t USING (
            SELECT ctid AS place, row_number() OVER (PARTITION BY uen ORDER BY {best_first}) AS rank
            FROM {table} WHERE uen IN (SELECT uen FROM {several})
        ) AS ranked
        WHERE t.ctid = ranked.place AND ranked.rank > 1
        RETURNING t.uen
    """).format(table=sql.Identifier(table), several=sql.Identifier(SEVERAL), best_first=best_first)
    with connection.cursor() as cursor:
        cursor.execute(statement, [])
        dropped = sorted(uen for (uen,) in cursor.fetchall())
    _run(f"DROP TABLE {SEVERAL}")
    return dropped


def keep_absent_columns() -> None:
    """Where a file lacks a column, put the value the register knows; ``na`` for new companies."""
    statement = sql.SQL("""
        UPDATE {staging} AS s SET line = filled.line
        FROM (
            SELECT one.ctid AS place, regexp_replace(
                string_agg(CASE WHEN new.value = {kept} THEN coalesce(old.value, 'na')
                           ELSE new.value END, {separator} ORDER BY new.number),
                {tail}, '') AS line
            FROM {staging} AS one
            LEFT JOIN acra_registeredcompany AS known ON known.uen = upper(regexp_replace(
                split_part(one.line, {separator}, 1), '[^0-9A-Za-z]', '', 'g'))
            CROSS JOIN LATERAL unnest(string_to_array(one.line, {separator}))
                WITH ORDINALITY AS new (value, number)
            LEFT JOIN LATERAL unnest(string_to_array(known.published, {separator}))
                WITH ORDINALITY AS old (value, number) ON old.number = new.number
            WHERE strpos(one.line, {kept}) > 0
            GROUP BY one.ctid
        ) AS filled
        WHERE s.ctid = filled.place
    """).format(
        staging=sql.Identifier(STAGING), kept=sql.Literal(KEPT), separator=sql.Literal(SEPARATOR),
        tail=sql.Literal(f"({SEPARATOR}na)+$"),
    )  # fmt: skip
    _run(statement)


@dataclass(frozen=True, slots=True)
class Delta:
    """``lines`` the register does not hold; ``repeated`` ones that it holds, beyond the first."""

    lines: int
    repeated: int


def find_delta(*, staged: int) -> Delta:
    """Part the ``staged`` lines into known and unknown, by the hash of the line alone.

    The delta gets the unknown lines and, beside them, the companies that no line of the load shows
    as they are known. Two million lines against as many companies: two seconds.
    """
    _run(f"""
        CREATE UNLOGGED TABLE {DELTA} AS SELECT s.line, c.uen FROM {STAGING} AS s
        FULL JOIN (SELECT uen, row_hash FROM acra_registeredcompany) AS c
            ON c.row_hash = hashtextextended(s.line, 0)
        WHERE s.line IS NULL OR c.uen IS NULL
    """)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(line), count(uen), (SELECT count(*) FROM acra_registeredcompany)"
            f" FROM {DELTA}"
        )
        unknown, unseen, companies = cursor.fetchone()
    return Delta(lines=unknown, repeated=(staged - unknown) - (companies - unseen))


def compete_with_known() -> None:
    """Put beside typed rows what is known of the same company, where the load holds that as well.

    Then ``drop_duplicates`` finds the best of them, and ``drop_known`` takes it away if it was no
    news.
    """
    columns = ", ".join(TYPED)
    _run(f"""
        WITH several AS MATERIALIZED (
            SELECT uen FROM {TYPED_ROWS} EXCEPT SELECT uen FROM {DELTA} WHERE uen IS NOT NULL
        )
        INSERT INTO {TYPED_ROWS} ({columns}) SELECT {columns} FROM acra_registeredcompany
        WHERE uen IN (SELECT uen FROM several)
    """)


def drop_known() -> None:
    _run(
        f"DELETE FROM {TYPED_ROWS} AS t USING acra_registeredcompany AS c"
        " WHERE t.uen = c.uen AND t.published = c.published"
    )


def lines_of_delta() -> Iterator[list[str]]:
    """The lines of the delta, a few thousand at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s) / current_setting('block_size')::int", [DELTA])
        pages = int(cursor.fetchone()[0])
        for page in range(0, pages, PAGES_AT_ONCE):
            cursor.execute(
                f"SELECT line FROM {DELTA}"
                " WHERE ctid >= %s::tid AND ctid < %s::tid AND line IS NOT NULL"
                " ORDER BY line",  # so that the examples of what is odd are the same each time
                [f"({page},0)", f"({page + PAGES_AT_ONCE},0)"],
            )
            if lines := [line for (line,) in cursor.fetchall()]:
                yield lines


def find_differences() -> dict[str, int]:
    """Say for each typed row what it means; return kind -> rows.

    ``NEW``, ``CEASED`` (live before, ending or ceased now), ``CHANGED``, or ``SAME``: only the
    spelling differs (spaces, capitals, ``na``, a lost zero), which is no news.
    """
    _run(_meaning_function())
    old, new = (f"string_to_array({t}.published, E'\\x{ord(SEPARATOR):02x}')" for t in "ct")
    _run(f"""
        CREATE UNLOGGED TABLE {DIFFERENCE} AS
        SELECT t.uen, d.fields,
            CASE WHEN c.uen IS NULL THEN 'NEW'
                 WHEN c.status_class IN ('LIVE', 'AT_RISK')
                      AND t.status_class IN ('PENDING', 'CEASED') THEN 'CEASED'
                 WHEN cardinality(d.fields) > 0 THEN 'CHANGED'
                 ELSE 'SAME' END AS kind
        FROM {TYPED_ROWS} AS t LEFT JOIN acra_registeredcompany AS c USING (uen)
        CROSS JOIN LATERAL (
            SELECT coalesce(array_agg(('{{{",".join(PUBLISHED)}}}'::text[])[v.place]
                                      ORDER BY v.place), '{{}}') AS fields
            FROM unnest({old}, {new}) WITH ORDINALITY AS v (old, new, place)
            WHERE c.uen IS NOT NULL AND v.old IS DISTINCT FROM v.new
            AND CASE WHEN v.place = {PLACE["postal_code"] + 1} THEN c.postal_code <> t.postal_code
                ELSE pg_temp.acra_meaning(coalesce(v.old, ''))
                     <> pg_temp.acra_meaning(coalesce(v.new, '')) END
        ) AS d
    """)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT kind, count(*) FROM {DIFFERENCE} GROUP BY kind")
        return dict(cursor.fetchall())


def _meaning_function() -> sql.Composed:
    words = {short.lower(): long.lower() for short, long in ENTITY_TYPES.items()}
    return sql.SQL(MEANING).format(
        missing=sql.SQL(", ").join(map(sql.Literal, sorted(MISSING))),
        types=sql.SQL(", ").join(map(sql.Literal, words)),
        long_types=sql.SQL(" ").join(
            sql.SQL("WHEN {} THEN {}").format(sql.Literal(short), sql.Literal(long))
            for short, long in words.items()
        ),
    )


def _run(statement: str | sql.Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
