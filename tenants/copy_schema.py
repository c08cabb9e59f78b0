"""Make a new tenant's tables: a copy of the empty template, read from PostgreSQL's catalogue.

Running all migrations instead takes ten times as long, and django-tenants' clone takes longer with
every schema there is. This looks tables up by name, so its cost stays the same (bench.tenants).
"""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.db.backends.utils import CursorWrapper

# Schema names are plain (see Tenant.schema_name), so PostgreSQL shows them unquoted, too.
OIDS = "SELECT unnest(%s::text[])::regclass::oid"
INDEXES = f"""
SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid IN ({OIDS})
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k
                  WHERE k.conrelid = i.indrelid AND k.conindid = i.indexrelid
                    AND k.contype IN ('p', 'u', 'x'))
ORDER BY 1
"""
KEYS = f"""
SELECT k.conrelid::regclass::text, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k
WHERE k.conrelid IN ({OIDS}) AND k.contype IN ('p', 'u', 'x', 'f')
ORDER BY k.contype = 'f', 1, 2
"""


def tenant_tables() -> list[str]:
    """The tables every tenant's schema holds, by name."""
    models = [
        model
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS
        for model in config.get_models(include_auto_created=True)
    ]
    return sorted({model._meta.db_table for model in models} | {"django_migrations"})  # noqa: SLF001 -- Django's documented meta API


def copy_schema(cursor: CursorWrapper, *, source: str, target: str) -> None:
    """Create schema ``target`` with the tables, indexes and constraints of ``source``.

    Of the rows only the record of applied migrations is copied. Names of indexes and constraints
    stay the same, because later migrations refer to them. Run it as the owner.
    """
    tables = tenant_tables()
    new = f'"{target}"'  # "order" and "full" are good names, but also words of SQL
    full_names = [f"{source}.{table}" for table in tables]
    statements = [f"CREATE SCHEMA {new}"]
    statements += [
        f"CREATE TABLE {new}.{table} (LIKE {source}.{table} INCLUDING DEFAULTS"
        " INCLUDING CONSTRAINTS INCLUDING IDENTITY INCLUDING GENERATED INCLUDING STORAGE"
        " INCLUDING COMPRESSION)"
        for table in tables
    ]
    cursor.execute(INDEXES, [full_names])
    statements += [
        definition.replace(f" ON {source}.", f" ON {new}.", 1)
        for (definition,) in cursor.fetchall()
    ]
    cursor.execute(KEYS, [full_names])
    statements += [
        f'ALTER TABLE {table.replace(f"{source}.", f"{new}.", 1)} ADD CONSTRAINT "{name}" '
        + definition.replace(f"REFERENCES {source}.", f"REFERENCES {new}.")
        for table, name, definition in cursor.fetchall()
    ]
    statements.append(
        f"INSERT INTO {new}.django_migrations (app, name, applied)"
        f" SELECT app, name, applied FROM {source}.django_migrations ORDER BY id"
    )
    cursor.execute(";\n".join(statements))
