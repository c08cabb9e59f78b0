"""A database for one measurement, migrated like a fresh installation and dropped afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command

from leadgen_project.tests.drop_database import drop_database
from tenants.context import connection
from tenants.lifecycle.provision import create_tenant

NAME = "leadgen_bench"


def conninfo() -> str:
    """The database that is worked in, as libpq takes it."""
    given = connection.settings_dict
    parts = {"host": given["HOST"], "port": given["PORT"], "user": given["USER"],
             "password": given["PASSWORD"], "dbname": given["NAME"]}  # fmt: skip
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


def environment() -> dict[str, str]:
    """What leads another process into that database."""
    return {
        "DATABASE_URL": conninfo(),
        "DATABASE_ROLE_PREFIX": settings.DATABASE_ROLE_PREFIX,
        "LEADGEN_DATA_DIR": str(settings.DATA_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
    }


@contextmanager
def scratch_database(*, tenants: int, name: str = NAME) -> Iterator[list[str]]:
    """Work in a fresh database with ``tenants`` tenants; yields their keys."""
    usual, prefix = connection.settings_dict["NAME"], settings.DATABASE_ROLE_PREFIX
    connection.close()
    drop_database(name)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.settings_dict["NAME"] = name
    settings.DATABASE_ROLE_PREFIX = "lg_bench"
    try:
        call_command("migrate", verbosity=0)
        keys = [f"bench{number}" for number in range(tenants)]
        for key in keys:
            create_tenant(key, name=key.title(), actor="bench")
        yield keys
    finally:
        connection.set_schema_to_public()
        connection.close()
        connection.settings_dict["NAME"] = usual
        settings.DATABASE_ROLE_PREFIX = prefix
        drop_database(name)
