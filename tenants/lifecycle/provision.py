"""Create and remove tenants: the row, the schema, the database role, in one transaction.

A crash in the middle leaves nothing behind.
"""

from __future__ import annotations

from datetime import time
from time import monotonic, sleep
from typing import Any

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.backends.utils import CursorWrapper
from django_tenants.utils import schema_exists
from psycopg import sql
from psycopg.errors import LockNotAvailable

from tenants import audit, isolation
from tenants.context import connection
from tenants.copy_schema import copy_schema
from tenants.models import Domain, Tenant, TenantSettings

COLOURS = ("#2563eb", "#0f766e", "#b45309", "#7c3aed", "#be123c", "#15803d", "#0369a1", "#a16207")

PATIENCE_SECONDS, AGAIN_SECONDS = 60, 0.05  # until nobody works in a tenant that is removed


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
            "retention_days": settings.RETENTION_DAYS,
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
    """Drop the tenant's schema, role and rows. There is no way back but a backup.

    Raises ``ProvisionError``; nothing is changed then.
    """
    key = tenant.pk
    with transaction.atomic():
        with isolation.as_owner(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [isolation.ADVISORY_LOCK])
            _take_alone(cursor, key)
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(key)))
            isolation.expel(cursor, key)
            cursor.execute("DELETE FROM tenants_auditevent WHERE tenant_id = %s", [key])
        Tenant.objects.filter(pk=key).delete()
        audit.record("tenants.remove", actor=actor, subject=key, reason=reason)


def _take_alone(cursor: CursorWrapper, key: str) -> None:
    """Lock all tables of the tenant, all at once or none, once nobody holds any of them.

    Work that is under way (a run of the chat, a batch of a night) takes them in an order of its
    own: who waited for one while holding others would be ended as a deadlock.
    """
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [key])
    names = [sql.Identifier(key, name) for (name,) in cursor.fetchall()]
    lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT").format(sql.SQL(",").join(names))
    give_up_at = monotonic() + PATIENCE_SECONDS
    while names:
        try:
            with transaction.atomic():
                cursor.execute(lock)
        except OperationalError as exc:
            if not isinstance(exc.__cause__, LockNotAvailable):
                raise
            if monotonic() > give_up_at:
                raise ProvisionError(
                    f"{key} is at work: a night, a chat or an upload writes without a break."
                    " Nothing was removed; stop what runs there, then again."
                ) from None
        else:
            return
        sleep(AGAIN_SECONDS)


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
