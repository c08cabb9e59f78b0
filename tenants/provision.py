"""Create and remove tenants: the row, the schema, the database role, in one transaction.

A new schema is a copy of the empty template's tables, read from PostgreSQL's own catalogue. Running
all migrations instead takes ten times as long; django-tenants' clone grows with the number of
schemas. A crash in the middle leaves nothing behind.
"""

from __future__ import annotations

from datetime import time
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from tenants import audit, isolation
from tenants.models import Domain, Tenant, TenantSettings

COLOURS = ("#2563eb", "#0f766e", "#b45309", "#7c3aed", "#be123c", "#15803d", "#0369a1", "#a16207")


class ProvisionError(Exception):
    """The tenant cannot be made or removed as asked; the text says why."""


def create_tenant(
    schema_name: str, *, name: str, actor: str, host: str = "", **choices: Any
) -> Tenant:
    """Make a tenant ready for work and return it.

    ``host`` is the host name that leads to it, ``<schema_name>.localhost`` when empty;
    ``choices`` are fields of ``TenantSettings``. Raises ``ValidationError`` for a bad or taken
    name and ``ProvisionError`` when the database has no template yet. Takes well under a second,
    whatever the number of tenants. A second call with the same name is refused, and changes
    nothing.
    """
    tenant = Tenant(schema_name=schema_name, name=name)
    tenant.full_clean()
    domain = Domain(tenant=tenant, domain=host or f"{schema_name}.localhost", is_primary=True)
    with transaction.atomic():
        number = Tenant.objects.count()
        tenant.save()
        domain.full_clean(exclude=["tenant"])
        domain.save()
        defaults = {
            "colour": COLOURS[number % len(COLOURS)],
            "nightly_at": free_minute(),
            "shortlist_cap": settings.SHORTLIST_CAP,
            **choices,
        }
        TenantSettings.objects.create(tenant=tenant, **defaults)
        with isolation.as_owner(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [isolation.ADVISORY_LOCK])
            copy_schema(cursor, source=settings.TENANT_BASE_SCHEMA, target=schema_name)
            isolation.admit(cursor, schema_name)
        audit.record("tenants.create", actor=actor, subject=schema_name, after={"name": name})
    return tenant


def remove_tenant(tenant: Tenant, *, actor: str, reason: str) -> None:
    """Drop the tenant's schema, role and rows. There is no way back but a backup."""
    key = tenant.pk
    with transaction.atomic():
        with isolation.as_owner(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [isolation.ADVISORY_LOCK])
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(key)))
            isolation.expel(cursor, key)
            cursor.execute("DELETE FROM tenants_auditevent WHERE tenant_id = %s", [key])
        Tenant.objects.filter(pk=key).delete()
        audit.record("tenants.remove", actor=actor, subject=key, reason=reason)


def free_minute() -> time:
    """The first minute from the deployment's nightly time at which no tenant starts yet.

    Staggered starts spread the load on vendors and sites.
    """
    taken = set(TenantSettings.objects.values_list("nightly_at", flat=True))
    first = settings.NIGHTLY_AT.hour * 60 + settings.NIGHTLY_AT.minute
    for offset in range(24 * 60):
        minute = (first + offset) % (24 * 60)
        candidate = time(minute // 60, minute % 60)
        if candidate not in taken:
            return candidate
    return settings.NIGHTLY_AT  # more tenants than minutes: share one


def copy_schema(cursor: CursorWrapper, *, source: str, target: str) -> None:
    """Create schema ``target`` with the tables, indexes and constraints of ``source``.

    Of the rows only the record of applied migrations is copied. Names of indexes and constraints
    stay the same, because later migrations refer to them.
    """
    tables = _tables(cursor, source)
    if not tables:
        raise ProvisionError(f"The schema {source!r} is missing. Run: manage.py migrate")
    statements = [f"CREATE SCHEMA {_quoted(target)}"]
    statements += [
        f"CREATE TABLE {_quoted(target)}.{_quoted(table)} (LIKE {_quoted(source)}.{_quoted(table)}"
        " INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY INCLUDING GENERATED"
        " INCLUDING STORAGE INCLUDING COMPRESSION)"
        for table in tables
    ]
    statements += [
        definition.replace(f" ON {_quoted_as_shown(source)}.", f" ON {_quoted(target)}.", 1)
        for definition in _plain_indexes(cursor, source)
    ]
    statements += [
        f"ALTER TABLE {_quoted(target)}.{_quoted(table)} ADD CONSTRAINT {_quoted(name)} "
        + definition.replace(
            f"REFERENCES {_quoted_as_shown(source)}.", f"REFERENCES {_quoted(target)}."
        )
        for table, name, definition in _keys(cursor, source)
    ]
    statements.append(
        f"INSERT INTO {_quoted(target)}.django_migrations (app, name, applied)"  # noqa: S608 -- quoted
        f" SELECT app, name, applied FROM {_quoted(source)}.django_migrations ORDER BY id"
    )
    cursor.execute(";\n".join(statements))


def _tables(cursor: CursorWrapper, schema: str) -> list[str]:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
        " ORDER BY relname",
        [schema],
    )
    return [row[0] for row in cursor.fetchall()]


def _plain_indexes(cursor: CursorWrapper, schema: str) -> list[str]:
    """Definitions of the indexes that no constraint brings along."""
    cursor.execute(
        "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE c.relnamespace = to_regnamespace(%s)"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid"
        "                 AND k.contype IN ('p', 'u', 'x'))"
        " ORDER BY c.relname",
        [schema],
    )
    return [row[0] for row in cursor.fetchall()]


def _keys(cursor: CursorWrapper, schema: str) -> list[tuple[str, str, str]]:
    """Primary, unique and foreign keys, foreign keys last; checks come with the table."""
    cursor.execute(
        "SELECT t.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k"
        " JOIN pg_class t ON t.oid = k.conrelid"
        " WHERE t.relnamespace = to_regnamespace(%s) AND k.contype IN ('p', 'u', 'x', 'f')"
        " ORDER BY k.contype = 'f', t.relname, k.conname",
        [schema],
    )
    return list(cursor.fetchall())


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string()


def _quoted_as_shown(name: str) -> str:
    """The name as PostgreSQL prints it in definitions; ours need no quotes."""
    return name
