"""Which tenant the code runs for. The schema is on the database connection; ask here, not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

from django import db
from django_tenants.utils import get_public_schema_name, schema_context, tenant_context

from tenants.db.base import DatabaseWrapper

T = TypeVar("T")

# The thread's connection, with what our backend adds to it.
connection = cast(DatabaseWrapper, db.connection)

__all__ = [
    "connection",
    "current_schema",
    "in_public",
    "in_tenant",
    "is_public",
    "keep_tenant",
    "tenant_context",
]

in_tenant = schema_context  # by schema name; never ``with tenant:``, whose stack threads share


def current_schema() -> str:
    """``public`` outside a tenant."""
    return connection.schema_name


def is_public() -> bool:
    return current_schema() == get_public_schema_name()


def in_public() -> schema_context:
    """Run the block for the platform: accounts, sessions and memberships of all tenants."""
    return schema_context(get_public_schema_name())


def keep_tenant(items: Iterable[T]) -> Iterator[T]:
    """Yield ``items`` in the tenant that is current now.

    A streamed answer is produced after the middleware has left the tenant.
    """
    return _inside(current_schema(), items)


def _inside(schema_name: str, items: Iterable[T]) -> Iterator[T]:
    with schema_context(schema_name):
        yield from items
