"""The indexes that make names findable. They are made here because a first load makes them last.

``acra_company_words`` takes several times as long to build as all others together (two million
names: 8 to 30 s by version and cores), so the register is already in use while it is built.
"""

from __future__ import annotations

import re

from django.db import connection, transaction

from tenants.isolation import as_owner

__all__ = ["BUILD", "DROP_LIKE_INDEX", "WORDS", "ensure_search_indexes", "without_indexes"]

# Queries must use this very expression, or the index is not used.
WORDS = "array_to_tsvector(array_remove(string_to_array(name_key || ' ' || former_keys, ' '), ''))"
BUILD = {
    "acra_company_by_name": (
        "CREATE INDEX IF NOT EXISTS acra_company_by_name"
        " ON acra_registeredcompany (name_key varchar_pattern_ops)"
    ),
    "acra_company_words": (
        "CREATE INDEX IF NOT EXISTS acra_company_words"
        f" ON acra_registeredcompany USING gin ({WORDS})"
    ),
}
# Django gives a character key a second index for LIKE (65 MB). We ask by range instead.
DROP_LIKE_INDEX = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT indexname FROM pg_indexes WHERE schemaname = 'public'
              AND tablename = 'acra_registeredcompany' AND indexname LIKE '%%\\_like' LOOP
    EXECUTE format('DROP INDEX public.%%I', name);
  END LOOP;
END $$
"""


def ensure_search_indexes() -> None:
    """Build the search indexes that are missing. Costs nothing when all are there.

    Runs in a transaction of its own: writes to the register wait, reads do not.
    """
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname = ANY(%s)",
            [list(BUILD)],
        )
        present = {name for (name,) in cursor.fetchall()}
        if missing := [name for name in BUILD if name not in present]:
            cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
            for name in missing:
                cursor.execute(BUILD[name])
            # The words have statistics of their own: how many companies have one decides whether a
            # search walks the key or reads the index.
            cursor.execute("ANALYZE acra_registeredcompany")


def without_indexes() -> list[str]:
    """Drop the key and all indexes of the (empty) register; return what makes them again.

    To be called by the owner, in the transaction that fills the table: filling first and building
    after takes half the time. The search indexes are not in the list, ``ensure_search_indexes``
    makes them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE schemaname = 'public' AND tablename = 'acra_registeredcompany'"
        )
        found = dict(cursor.fetchall())
        key = next(name for name in found if name.endswith("_pkey"))
        cursor.execute(f'ALTER TABLE acra_registeredcompany DROP CONSTRAINT "{key}"')
        for name in found.keys() - {key}:
            cursor.execute(f'DROP INDEX public."{name}"')
    again = [f'ALTER TABLE acra_registeredcompany ADD CONSTRAINT "{key}" PRIMARY KEY (uen)']
    return again + [
        re.sub(r" ON public\.", " ON ", definition)
        for name, definition in sorted(found.items())
        if name != key and name not in BUILD
    ]
