"""An installation of an older release is brought up to date by one command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from icp.models import GivenSite, Lead
from tenants import isolation
from tenants.context import connection, in_tenant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_tables_that_a_release_adds_are_made_for_tenants_that_exist(committed):
    with in_tenant("acme"):
        Lead.objects.create(source_ref="kept", name="KEPT")
    with isolation.as_owner():
        for schema in isolation.tenant_schemas():
            call_command("migrate_schemas", "icp", "0001", schema_name=schema, verbosity=0)
        assert not _exists("acme.icp_givensite")
    connection.close()

    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=committed.env, check=True
    )

    with in_tenant("acme"):
        assert Lead.objects.get().name == "KEPT"
        assert not GivenSite.objects.exists()  # by the tenant's own role
    with isolation.as_owner():
        assert _exists("beta.icp_givensite")


def _exists(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        (there,) = cursor.fetchone()
    return there
