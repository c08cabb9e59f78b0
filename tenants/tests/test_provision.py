from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django_tenants.utils import schema_context, schema_exists

from icp.models import Lead
from tenants.lifecycle.provision import create_tenant, free_minute, remove_tenant
from tenants.models import AuditEvent, Domain, Tenant, TenantSettings

SHAPE = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       a.attidentity::text, coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = to_regnamespace(%(s)s) AND c.relkind = 'r' AND a.attnum > 0
UNION ALL
SELECT 'index', c.relname, '', pg_get_indexdef(c.oid), '', '', ''
FROM pg_class c WHERE c.relnamespace = to_regnamespace(%(s)s) AND c.relkind = 'i'
UNION ALL
SELECT 'constraint', t.relname, k.conname, pg_get_constraintdef(k.oid), '', '', ''
FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
WHERE t.relnamespace = to_regnamespace(%(s)s)
ORDER BY 1, 2, 3, 4
"""


def shape(schema: str) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(SHAPE, {"s": schema})
        return [tuple(plain(x.replace(f"{schema}.", "*.")) for x in row) for row in cursor]


def plain(definition: str) -> str:
    """PostgreSQL moves its own casts about when it reads a definition back."""
    return re.sub(r"::character varying|::text(\[\])?|[()]", "", definition)


def test_a_copied_schema_has_the_same_tables_as_the_migrated_template(db):
    template = shape(settings.TENANT_BASE_SCHEMA)

    assert len(template) > 100
    assert shape("acme") == template


def test_a_new_tenant_keeps_pages_as_long_as_the_deployment_says(db, settings):
    settings.RETENTION_DAYS = 365

    tenant = create_tenant("gamma", name="Gamma", actor="me")

    assert tenant.settings.retention_days == 365


@pytest.mark.parametrize("key", ["full", "order", "user"])
def test_a_tenant_may_be_called_by_a_word_of_sql(db, key):
    tenant = create_tenant(key, name=key.title(), actor="me")

    with schema_context(key):
        assert not Lead.objects.exists()
    assert len(shape(key)) == len(shape(settings.TENANT_BASE_SCHEMA))
    remove_tenant(tenant, actor="me", reason="gone")
    assert not schema_exists(key)


def test_a_new_tenant_is_ready_for_work(db):
    tenant = create_tenant("gamma", name="Gamma", actor="me", shortlist_cap=7)

    assert Domain.objects.get(tenant=tenant).domain == "gamma.localhost"
    assert tenant.settings.shortlist_cap == 7
    assert AuditEvent.objects.get(subject="gamma").action == "tenants.create"
    with schema_context("gamma"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM icp_lead")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    "name", ["Acme", "1st", "a", "x" * 31, "public", "pg_x", "a-b", 'a"; drop', "tenant_template"]
)
def test_a_name_that_is_no_schema_name_is_refused(db, name):
    with pytest.raises(ValidationError):
        create_tenant(name, name="Other", actor="me")

    assert Tenant.objects.count() == 2


def test_a_taken_name_is_refused_and_changes_nothing(db):
    with pytest.raises(ValidationError):
        create_tenant("acme", name="Another", actor="me")

    assert Tenant.objects.get(pk="acme").name == "Acme"


def test_a_bad_host_leaves_nothing_behind(db):
    with pytest.raises(ValidationError):
        create_tenant("gamma", name="Gamma", actor="me", host="acme.localhost")

    assert not Tenant.objects.filter(pk="gamma").exists()
    assert not schema_exists("gamma")


def test_no_two_tenants_start_in_the_same_minute(db):
    minutes = [TenantSettings.objects.get(tenant_id=key).nightly_at for key in ("acme", "beta")]

    assert len({*minutes, free_minute()}) == 3


def test_a_removed_tenant_leaves_no_row_schema_or_role(db):
    tenant = create_tenant("gamma", name="Gamma", actor="me")
    AuditEvent.objects.create(tenant=tenant, actor="a", action="b", subject="c")

    remove_tenant(tenant, actor="me", reason="contract ended")

    assert not Tenant.objects.filter(pk="gamma").exists()
    assert not schema_exists("gamma")
    assert not AuditEvent.objects.filter(tenant_id="gamma").exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname LIKE '%%_t_gamma'")
        assert cursor.fetchone() == (0,)
    assert Tenant.objects.count() == 2
