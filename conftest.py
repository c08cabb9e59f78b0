"""Fixtures of all apps: a real PostgreSQL, two tenants, and databases whose rows are committed."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from leadgen_project.tests.drop_database import drop_database

ROLE_PREFIX = "lg_test"  # roles belong to the server, and the developer's own must stay untouched
NUMBERS = count(1)

# The suite starts some two hundred processes of ours. Each would compile all modules anew, for
# about half a second, where the environment forbids keeping what was compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Shells let what they start in the background ignore Ctrl-C, and our children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    from leadgen_project import embedded_postgres

    if not settings.DATABASE_URL:
        embedded_postgres.ensure(settings.DATA_DIR)
    settings.DATABASE_ROLE_PREFIX = ROLE_PREFIX
    settings.DATABASES["default"]["TEST"]["NAME"] = f"test_leadgen_{os.getpid()}"


def pytest_collection_finish() -> None:
    """The garbage collector passes over half a million objects that stay until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test fails when it, or a process it started, writes a key or a person to the log."""
    from leadgen_project.tests.leaks import leaks_in

    report = yield
    if report.passed and (found := leaks_in(report.capstderr)):
        report.outcome = "failed"
        report.longrepr = "\n".join(["The error output, where the log goes, holds:", *found[:20]])
    return report


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker):
    """The test database with tenants ``acme`` and ``beta``.

    Made here, not by pytest-django, which makes none when no collected test asks for ``db``:
    ``committed`` alone would then copy, and these tenants would enter, the developer's own.
    """
    from tenants.lifecycle.provision import create_tenant

    with django_db_blocker.unblock():
        created = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        for key in ("acme", "beta"):
            create_tenant(key, name=key.title(), actor="tests")
    yield
    with django_db_blocker.unblock():
        _end_other_sessions()
        teardown_databases(created, verbosity=0)


def _end_other_sessions() -> None:
    """Connections of our own beside Django's, such as the crawler's gate, hold the database."""
    from tenants.isolation import as_owner

    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )


@pytest.fixture
def acme(db):
    yield from _enter("acme")


@pytest.fixture
def beta(db):
    from tenants.context import in_public
    from tenants.models import Tenant

    with in_public():  # a test inside acme does not see beta
        return Tenant.objects.get(pk="beta")


def _enter(key: str):
    from django_tenants.utils import tenant_context

    from tenants.models import Tenant

    tenant = Tenant.objects.get(pk=key)
    with tenant_context(tenant):
        yield tenant


@pytest.fixture(autouse=True)
def _own_files(settings, tmp_path_factory):
    """Files go where no other process of the same test run writes: run numbers are alike there."""
    settings.MEDIA_ROOT = tmp_path_factory.getbasetemp() / "files"


@pytest.fixture(autouse=True)
def _leave_every_tenant():
    """No test inherits a tenant from the one before it."""
    yield
    connection.set_schema_to_public()


@dataclass(frozen=True, slots=True)
class CommittedDatabase:
    """A copy of the test database for tests with other processes: what is written is committed."""

    name: str
    env: dict[str, str] = field(repr=False)  # for subprocesses that shall work in it


@pytest.fixture
def committed(django_db_setup, django_db_blocker, tmp_path) -> Iterator[CommittedDatabase]:
    """A database of its own, with tenants ``acme`` and ``beta``, gone after the test.

    Costs about 0.2 s. Do not combine with ``db``, which works in a transaction elsewhere.
    """
    with copied_database(django_db_blocker, data_dir=tmp_path) as copy:
        yield copy


@pytest.fixture(scope="module")
def committed_for_all(
    django_db_setup, django_db_blocker, tmp_path_factory
) -> Iterator[CommittedDatabase]:
    """One such database for a whole module, whose tests each make rows of their own."""
    data_dir = tmp_path_factory.mktemp("committed")
    with copied_database(django_db_blocker, data_dir=data_dir) as copy:
        yield copy


@contextmanager
def copied_database(django_db_blocker, *, data_dir: Path) -> Iterator[CommittedDatabase]:
    with django_db_blocker.unblock():
        template = connection.settings_dict["NAME"]
        name = f"{template}_{next(NUMBERS)}"
        _end_other_sessions()
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        connection.settings_dict["NAME"] = name
        connection.set_schema_to_public()
        with connection.cursor() as cursor:
            # Gates commit, even in tests whose rows are rolled back.
            cursor.execute("DELETE FROM tenants_hostlease")
        try:
            yield CommittedDatabase(name=name, env=_environment(name, str(data_dir)))
        finally:
            connection.close()
            connection.settings_dict["NAME"] = template
            drop_database(name)


def _environment(name: str, data_dir: str) -> dict[str, str]:
    params = connection.settings_dict
    parts = {
        "host": params["HOST"],
        "port": str(params["PORT"] or ""),
        "user": params["USER"],
        "password": params["PASSWORD"],
        "dbname": name,
    }
    return {
        **os.environ,
        "DATABASE_URL": " ".join(f"{key}={value}" for key, value in parts.items() if value),
        "DATABASE_ROLE_PREFIX": ROLE_PREFIX,
        "LEADGEN_DATA_DIR": data_dir,
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
    }
