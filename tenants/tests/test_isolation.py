"""PostgreSQL itself refuses to show one tenant's rows to another. Asked by raw SQL."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django_tenants.utils import schema_context

from tenants import isolation
from tenants.db.base import role_for
from tenants.models import AuditEvent, Membership, PipelineRun, Tenant, User
from tenants.prepared import prepared_cursor


def ask(statement: str, *params: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize(("mine", "other"), [("acme", "beta"), ("beta", "acme")])
def test_a_tenant_is_denied_the_schema_of_another(db, mine, other):
    with schema_context(other):
        ask("INSERT INTO icp_suppression (kind, value, value_hash, reason, source, created_at,"
            " created_by, lifted_by, lift_reason)"
            " VALUES ('UEN', 'x', 'x', 'r', 's', now(), 'me', '', '')")  # fmt: skip

    with (
        schema_context(mine),
        pytest.raises(ProgrammingError, match="permission denied for schema"),
        transaction.atomic(),
    ):
        ask(f"SELECT * FROM {other}.icp_suppression")


def test_a_prepared_statement_reads_the_tenant_it_is_called_for(db):
    """PostgreSQL keeps its plan over changes of role and path, and makes a new one of it."""
    for key in ("acme", "beta"):
        with schema_context(key):
            ask("INSERT INTO icp_suppression (kind, value, value_hash, reason, source, created_at,"
                " created_by, lifted_by, lift_reason)"
                f" VALUES ('UEN', 'of {key}', 'x', 'r', 's', now(), 'me', '', '')")  # fmt: skip

    def prepared(statement: str) -> list[tuple]:
        with prepared_cursor() as cursor:
            cursor.execute(statement, {"hash": "x", "kind": "UEN"})
            return cursor.fetchall()

    own = "SELECT value FROM icp_suppression WHERE value_hash = %(hash)s AND kind = %(kind)s"
    for key in ["acme", "beta"] * 9:  # a plan is kept from the sixth call of a prepared one on
        with schema_context(key):
            assert prepared(own) == [(f"of {key}",)]
    assert ask("SELECT count(*) FROM pg_prepared_statements") == [(1,)]
    with pytest.raises(ProgrammingError, match=r"does not exist|permission denied"):
        prepared(own)


def test_the_platform_role_is_denied_every_tenant(db):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        ask("SELECT * FROM acme.icp_lead")


@pytest.mark.parametrize(("mine", "other"), [("acme", "beta"), ("beta", "acme")])
def test_shared_tables_show_a_tenant_its_own_rows_alone(db, mine, other):
    for key in ("acme", "beta"):
        PipelineRun.objects.create(tenant_id=key)
        AuditEvent.objects.create(tenant_id=key, actor="a", action="b", subject=key)
        user = User.objects.create(username=f"user of {key}")
        Membership.objects.create(tenant_id=key, user=user)

    with schema_context(mine):
        assert ask("SELECT DISTINCT tenant_id FROM tenants_pipelinerun") == [(mine,)]
        assert ask("SELECT DISTINCT tenant_id FROM tenants_auditevent") == [(mine,)]
        assert ask("SELECT DISTINCT tenant_id FROM tenants_membership") == [(mine,)]
        assert ask("SELECT schema_name FROM tenants_tenant") == [(mine,)]
        assert ask("SELECT username FROM tenants_user") == [(f"user of {mine}",)]
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            ask("INSERT INTO tenants_auditevent (tenant_id, at, actor, action, subject, reason,"
                " request_id) VALUES (%s, now(), 'a', 'b', 'c', '', '')", other)  # fmt: skip
        ask("UPDATE tenants_pipelinerun SET note = 'touched'")

    assert list(PipelineRun.objects.filter(note="touched").values_list("tenant_id")) == [(mine,)]


@pytest.mark.parametrize("value", ["beta", "", "public"])
def test_a_forged_tenant_setting_shows_nothing(db, value):
    for key in ("acme", "beta"):
        PipelineRun.objects.create(tenant_id=key)

    with schema_context("acme"):
        ask("SELECT set_config('request.tenant_id', %s, false)", value)

        assert ask("SELECT * FROM tenants_pipelinerun") == []
        assert ask("SELECT * FROM tenants_tenant") == []


def test_a_connection_without_the_setting_is_an_error_not_an_empty_answer(committed):
    params = connection.get_connection_params()
    with psycopg.connect(**{k: v for k, v in params.items() if k in {"host", "port", "user",
                            "dbname", "password"}}) as raw:  # fmt: skip
        raw.execute(f"SET ROLE {role_for('acme')}")

        with pytest.raises(psycopg.errors.UndefinedObject, match=r"request\.tenant_id"):
            raw.execute("SELECT * FROM tenants_pipelinerun")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password FROM tenants_user",
        "SELECT * FROM django_session",
        "SELECT payload FROM django_q_ormq",
        "SELECT * FROM django_q_task",
        "SELECT * FROM tenants_hostlease",
        "UPDATE acra_registeredcompany SET name = 'x'",
        "UPDATE tenants_membership SET role = 'OWNER'",
        "DELETE FROM icp_suppression",
    ],
)
def test_a_tenant_role_is_denied_what_is_not_its_business(db, statement):
    with (
        schema_context("acme"),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        ask(statement)


@pytest.mark.parametrize("schema", ["public", "acme"])
@pytest.mark.parametrize(
    "statement", ["UPDATE tenants_auditevent SET actor = 'x'", "DELETE FROM tenants_auditevent"]
)
def test_nobody_changes_the_audit_trail(db, schema, statement):
    with (
        schema_context(schema),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        ask(statement)


def test_every_shared_table_with_a_tenant_forces_row_level_security(db):
    guarded = {row[0] for row in ask(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    )}  # fmt: skip

    assert set(isolation.shared_tables()) | {"tenants_user"} == guarded


def test_the_application_is_no_superuser_and_its_roles_cannot_pass_by_row_level_security(db):
    found = ask("SELECT rolname FROM pg_roles WHERE (rolname LIKE 'lg_test%%' OR rolname ="
                " session_user) AND (rolsuper OR rolbypassrls)")  # fmt: skip

    assert found == []


def test_an_error_in_a_transaction_leaves_the_tenant_as_it_was(db):
    with schema_context("acme"):
        with pytest.raises(DatabaseError), transaction.atomic():
            ask("SELECT 1/0")

        assert ask("SELECT current_user::text") == [(role_for("acme"),)]
    assert ask("SELECT current_user::text") == [(role_for("public"),)]


def test_a_role_set_inside_a_savepoint_is_set_again_after_its_rollback(db):
    with pytest.raises(DatabaseError), transaction.atomic(), schema_context("acme"):
        ask("SELECT 1/0")

    assert ask("SELECT current_user::text, current_setting('request.tenant_id')") == [
        (role_for("public"), "")
    ]


def test_threads_do_not_share_a_tenant(committed):
    def whoami(key: str) -> set[tuple]:
        try:
            seen = set()
            for _ in range(200):
                with schema_context(key):
                    seen |= set(ask("SELECT current_user::text, current_schema()::text"))
            return seen
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(whoami, ["acme", "beta"]))

    assert answers == [{(role_for(key), key)} for key in ("acme", "beta")]


def test_a_role_that_another_installation_of_the_server_makes_meanwhile_is_taken(committed):
    """Roles are the server's: two databases set up at once ask for the same ones."""
    role = f"lg_test_{os.getpid()}_shared"

    def build() -> None:
        try:
            with isolation.as_owner(), transaction.atomic(), connection.cursor() as cursor:
                isolation._create_role(cursor, role)
        finally:
            connection.close()

    with psycopg.connect(committed.env["DATABASE_URL"]) as elsewhere, ThreadPoolExecutor(1) as pool:
        elsewhere.execute(f"CREATE ROLE {role} NOLOGIN INHERIT")
        building = pool.submit(build)
        _wait_for_a_held_lock(committed.env["DATABASE_URL"])
        elsewhere.commit()
        try:
            building.result(timeout=60)
            elsewhere.execute(f"SET ROLE {role}")
            elsewhere.execute("RESET ROLE")
        finally:
            elsewhere.rollback()
            elsewhere.execute(f"DROP ROLE {role}")


def _wait_for_a_held_lock(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as watcher:
        for _ in range(600):
            found = watcher.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if found and found[0]:
                return
            time.sleep(0.1)
    raise AssertionError("nobody waited for the role that was being created elsewhere")


def test_building_the_wall_again_changes_nothing(db):
    before = ask("SELECT oid, relname, relacl::text FROM pg_class ORDER BY 1")

    isolation.build()

    assert ask("SELECT oid, relname, relacl::text FROM pg_class ORDER BY 1") == before
    assert Tenant.objects.count() == 2
