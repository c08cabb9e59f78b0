"""Remove a tenant with everything that is its own, and prove that nothing is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature
from django.db.models import QuerySet
from django_q.models import OrmQ, Task

from tenants.context import connection, in_public
from tenants.db.base import role_for
from tenants.isolation import shared_tables
from tenants.lifecycle.archive import folder_of
from tenants.lifecycle.provision import ProvisionError, remove_tenant
from tenants.models import Tenant

CHUNK = 1000


class EraseError(Exception):
    """The tenant cannot be erased as asked; the text says why."""


def erase(tenant: Tenant, *, confirmed: str, actor: str, reason: str) -> list[str]:
    """Erase ``tenant`` and return, in sentences, what was looked through and found empty.

    ``confirmed`` is its key once more. Schema, role and rows go in one transaction, then what waits
    in the queue, then files. Runs again where it was killed: see ``sweep``. Raises ``EraseError``.
    """
    if confirmed != tenant.pk:
        raise EraseError(f"To erase {tenant.pk}, confirm with its key: --confirm {tenant.pk}.")
    if not reason.strip():
        raise EraseError("Say why: the reason stays in the platform's audit.")
    try:
        with in_public():
            remove_tenant(tenant, actor=actor, reason=reason.strip())
    except ProvisionError as exc:
        raise EraseError(str(exc)) from exc
    return sweep(tenant.pk)


def sweep(key: str) -> list[str]:
    """Remove what may outlive the tenant ``key``, and prove that nothing of it is left.

    Raises ``EraseError`` when something is; safe to run for a tenant that is gone already.
    """
    with in_public():
        for tasks in (OrmQ.objects.all(), Task.objects.all()):
            _forget(tasks, key)
        shutil.rmtree(folder_of(key), ignore_errors=True)
        for cache in caches.all(initialized_only=True):
            cache.clear()  # shared keys cannot be told apart; what was cached is asked again
        left = list(remains(key))
        if left:
            raise EraseError(f"Of {key} there is still: {', '.join(left)}.")
        return [
            f"No schema {key} and no role {role_for(key)}.",
            f"No row in {len(shared_tables())} shared tables.",
            "No task waiting, and none kept as failed.",
            f"No file below {folder_of(key)}, and no cache entry of this process.",
        ]


def remains(key: str) -> Iterable[str]:
    """What is left of a tenant, in words; nothing once it is erased."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [key])
        if cursor.fetchone():
            yield f"the schema {key}"
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role_for(key)])
        if cursor.fetchone():
            yield f"the role {role_for(key)}"
        for table, column in sorted(shared_tables().items()):
            cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [key])
            if rows := cursor.fetchone()[0]:
                yield f"{rows} rows in {table}"
    for tasks, name in ((OrmQ.objects.all(), "waiting"), (Task.objects.all(), "kept")):
        if count := sum(1 for _ in _of_tenant(tasks, key)):
            yield f"{count} {name} tasks"
    if folder_of(key).exists():
        yield f"files in {folder_of(key)}"


def _forget(tasks: QuerySet[Any], key: str) -> None:
    tasks.filter(pk__in=[task.pk for task in _of_tenant(tasks, key)]).delete()


def _of_tenant(tasks: QuerySet[Any], key: str) -> Iterable[Any]:
    """Tasks whose first argument is the tenant's key, as ``tenants.tasks.run`` has it."""
    for row in tasks.iterator(chunk_size=CHUNK):
        try:
            args = row.task.get("args") if isinstance(row, OrmQ) else row.args
        except (BadSignature, ImproperlyConfigured):
            continue  # of another SECRET_KEY: nobody can run it either
        if args and args[0] == key:
            yield row
