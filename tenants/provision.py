"""Create and remove tenants: the row, the schema, the database role, in one transaction.

A crash in the middle leaves nothing behind.
"""

from __future__ import annotations

from datetime import time
from typing import Any

from django.conf import settings
from django.db import transaction
from django_tenants.utils import schema_exists
from psycopg import sql

from tenants import audit, isolation
from tenants.context import connection
from tenants.copy_schema import copy_schema
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
    if not schema_exists(settings.TENANT_BASE_SCHEMA):
        raise ProvisionError("The database is not set up yet. Run: manage.py migrate")
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
