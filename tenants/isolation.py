"""The second wall: PostgreSQL roles and row-level security behind the schema per tenant.

Each tenant has a role that reaches its own schema and, in the public schema, its own rows only.
A raw ``SELECT`` from another tenant's schema fails with "permission denied". What this is not: SQL
that says ``RESET ROLE`` can climb out again; it catches our mistakes, not an attacker who already
runs many statements of his own. Cost per switch: see docs/decisions/second-wall.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from tenants.context import connection
from tenants.copy_schema import tenant_tables
from tenants.db.base import role_for

ADVISORY_LOCK = 7_301_001  # one provisioning or migration at a time

# What a tenant may do in the public schema. Accounts and sessions are not on the list: they are
# read before the tenant is entered and written after it is left.
TENANT_READS = ("acra_registeredcompany", "acra_registerchange", "acra_registerimport",
                "acra_ssiccode", "django_content_type", "django_migrations")  # fmt: skip
TENANT_ROWS = {  # table -> what a tenant may do with its own rows
    "tenants_tenant": "SELECT",
    "tenants_domain": "SELECT",
    "tenants_tenantsettings": "SELECT, INSERT, UPDATE",
    "tenants_membership": "SELECT",
    "tenants_pipelinerun": "SELECT, INSERT, UPDATE",
    "tenants_auditevent": "SELECT, INSERT",
    "tenants_vendorbudget": "SELECT, INSERT, UPDATE",
    "tenants_vendorbalance": "SELECT",
    "tenants_vendorusage": "SELECT",
    "tenants_vendorreading": "SELECT",
    "tenants_llmanswer": "SELECT, INSERT, UPDATE, DELETE",
    "tenants_idempotentcall": "SELECT, INSERT, UPDATE, DELETE",
    "tenants_apiuse": "SELECT, INSERT, UPDATE",
    "tenants_savedview": "SELECT, INSERT, UPDATE, DELETE",
}
# Of these tables a tenant reads its own rows without what is secret: table -> hidden columns.
TENANT_ROWS_BUT = {
    "tenants_issuer": ("secret",),
    "tenants_invitation": (),
    "tenants_apitoken": ("digest",),
}
VISIBLE_USER_COLUMNS = ("id", "username", "email", "first_name", "last_name", "is_active",
                        "is_superuser", "is_staff", "last_login", "date_joined")  # fmt: skip
APPEND_ONLY = ("tenants_auditevent",)
NEVER_DELETED = ("tenants_platformsuppression",)
# A tenant asks by hashes it knows, and cannot read the list: the function runs as its owner.
_PLATFORM_FORBIDS = """
CREATE OR REPLACE FUNCTION public.platform_forbids(asked text[])
RETURNS TABLE (kind text, value_hash text, since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.kind, s.value_hash, s.created_at FROM public.tenants_platformsuppression s
    WHERE s.value_hash = ANY(asked) AND s.lifted_at IS NULL
$$;
CREATE OR REPLACE FUNCTION public.platform_forbids_kinds() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT DISTINCT s.kind::text FROM public.tenants_platformsuppression s WHERE s.lifted_at IS NULL
$$;
"""
ASKED_OF_PLATFORM = ("platform_forbids(text[])", "platform_forbids_kinds()")


@contextmanager
def as_owner() -> Iterator[None]:
    """Run the block as the owner of the tables: for migrations and provisioning alone."""
    before = connection.is_owner
    connection.become_owner(True)
    try:
        yield
    finally:
        connection.become_owner(before)


def build() -> None:
    """Create roles, grants and policies for the public schema and every tenant that exists.

    Runs after each migration, changes nothing when all is in place, and takes one lock, so that two
    deployments at once do not meet.
    """
    build_shared()
    schemas = tenant_schemas()
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        for schema in schemas:
            admit(cursor, schema)


def build_shared() -> None:
    """The part of ``build`` that looks at no tenant's tables: they may be of an older release."""
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
        _build_shared(cursor)


def admit(cursor: CursorWrapper, schema: str) -> None:
    """Give the tenant's role its rights: all rows of its schema, its rows of the shared tables."""
    role = role_for(schema)
    _create_role(cursor, role)
    _run(cursor, "GRANT {group} TO {role}", group=_group(), role=role)
    _run(cursor, "GRANT USAGE ON SCHEMA {schema} TO {role}", schema=schema, role=role)
    # Named one by one: "ALL TABLES IN SCHEMA" reads the catalogue of all tenants.
    tables = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tenant_tables())
    rights = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}")
    cursor.execute(rights.format(tables, sql.Identifier(role)))
    for table in _append_only_in_tenant():
        _run(
            cursor,
            "REVOKE DELETE ON {schema}.{table} FROM {role}",
            schema=schema,
            table=table,
            role=role,
        )


def expel(cursor: CursorWrapper, schema: str) -> None:
    """Drop the tenant's role. Its schema must be gone already."""
    role = role_for(schema)
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    if cursor.fetchone():
        _run(cursor, "DROP ROLE {role}", role=role)


def tenant_schemas() -> list[str]:
    """Schemas of all tenants, active or not. Asked as the platform: the wall binds owners too."""
    was_owner = connection.is_owner
    connection.become_owner(False)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT schema_name FROM tenants_tenant ORDER BY schema_name")
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.become_owner(was_owner)


def _build_shared(cursor: CursorWrapper) -> None:
    platform, group = role_for("public"), _group()
    for role in (platform, group):
        _create_role(cursor, role)
    _run(cursor, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    _run(cursor, "GRANT USAGE ON SCHEMA public TO {platform}, {group}",
         platform=platform, group=group)  # fmt: skip
    _run(cursor, "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public"
         " TO {platform}", platform=platform)  # fmt: skip
    _run(cursor, "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {platform}, {group}",
         platform=platform, group=group)  # fmt: skip
    _run(cursor, "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {platform}",
         database=connection.settings_dict["NAME"], platform=platform)  # fmt: skip
    _run(cursor, "GRANT TEMPORARY ON DATABASE {database} TO {group}",
         database=connection.settings_dict["NAME"], group=group)  # fmt: skip
    _run(cursor, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {group}", group=group)
    for table in TENANT_READS:
        _run(cursor, "GRANT SELECT ON {table} TO {group}", table=table, group=group)
    for table, rights in TENANT_ROWS.items():
        _run(cursor, f"GRANT {rights} ON {{table}} TO {{group}}", table=table, group=group)
    for table, hidden in TENANT_ROWS_BUT.items():
        _grant_columns(cursor, group, table, hidden=hidden)
    _grant_queue(cursor, group)
    _grant_people(cursor, group)
    for table in NEVER_DELETED:
        _run(cursor, "REVOKE DELETE, TRUNCATE ON {table} FROM {platform}",
             table=table, platform=platform)  # fmt: skip
    cursor.execute(_PLATFORM_FORBIDS)
    for function in ASKED_OF_PLATFORM:
        _run(cursor, f"REVOKE ALL ON FUNCTION public.{function} FROM PUBLIC")
        _run(cursor, f"GRANT EXECUTE ON FUNCTION public.{function} TO {{platform}}, {{group}}",
             platform=platform, group=group)  # fmt: skip
    for table in APPEND_ONLY:
        _run(cursor, "REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {platform}",
             table=table, platform=platform)  # fmt: skip
        _let_owner_erase(cursor, table)
    for table, column in shared_tables().items():
        _guard_rows(cursor, table, f"{column} = {_current_tenant()}")
    _guard_rows(
        cursor,
        "tenants_user",
        "EXISTS (SELECT 1 FROM tenants_membership m WHERE m.user_id = tenants_user.id)",
    )


def shared_tables() -> dict[str, str]:
    """Public tables whose rows belong to a tenant, with the column that says to which."""
    tenant = apps.get_model(settings.TENANT_MODEL)
    found: dict[str, str] = {tenant._meta.db_table: "schema_name"}  # noqa: SLF001 -- Django's documented meta API
    for config in apps.get_app_configs():
        if config.name not in settings.SHARED_APPS:
            continue
        for model in config.get_models():
            for field in model._meta.concrete_fields:  # noqa: SLF001 -- as above
                if field.related_model is tenant and field.column:
                    found[model._meta.db_table] = field.column  # noqa: SLF001 -- as above
    return found


def _current_tenant() -> str:
    """SQL for the tenant of this statement; NULL when role and setting disagree.

    Not ``current_setting(..., true)``: without the setting a tenant role must fail.
    """
    prefix = f"{settings.DATABASE_ROLE_PREFIX}_t_"
    return (
        "(CASE WHEN current_user = "
        f"'{prefix}' || current_setting('request.tenant_id') "
        "THEN current_setting('request.tenant_id') END)"
    )


def _guard_rows(cursor: CursorWrapper, table: str, condition: str) -> None:
    _run(cursor, "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", table=table)
    _run(cursor, "ALTER TABLE {table} FORCE ROW LEVEL SECURITY", table=table)
    for name, role, rows in (
        ("platform_sees_all_rows", role_for("public"), "true"),
        ("tenant_sees_its_rows", _group(), condition),
    ):
        _run(cursor, "DROP POLICY IF EXISTS {name} ON {table}", name=name, table=table)
        _run(cursor, f"CREATE POLICY {{name}} ON {{table}} TO {{role}} USING ({rows})"
             f" WITH CHECK ({rows})", name=name, table=table, role=role)  # fmt: skip


def _let_owner_erase(cursor: CursorWrapper, table: str) -> None:
    """Removing a tenant removes its trail; no role of the running product can."""
    _run(cursor, "DROP POLICY IF EXISTS owner_erases ON {table}", table=table)
    _run(cursor, "CREATE POLICY owner_erases ON {table} TO CURRENT_USER USING (true)", table=table)


def _grant_columns(cursor: CursorWrapper, group: str, table: str, *, hidden: Iterable[str]) -> None:
    model = next(one for one in apps.get_models() if one._meta.db_table == table)  # noqa: SLF001 -- Django's documented meta API
    names = [str(field.column) for field in model._meta.concrete_fields]  # noqa: SLF001 -- as above
    shown = [sql.Identifier(name) for name in names if name not in hidden]
    statement = sql.SQL("GRANT SELECT ({}) ON {} TO {}")
    cursor.execute(
        statement.format(sql.SQL(", ").join(shown), sql.Identifier(table), sql.Identifier(group))
    )


def _grant_queue(cursor: CursorWrapper, group: str) -> None:
    """A tenant may put a task into the queue; it may not read what waits there."""
    _run(cursor, "GRANT INSERT ON django_q_ormq TO {group}", group=group)
    _run(cursor, "GRANT SELECT (id) ON django_q_ormq TO {group}", group=group)


def _grant_people(cursor: CursorWrapper, group: str) -> None:
    """Names of the tenant's own members, never a password hash."""
    columns = sql.SQL(", ").join(map(sql.Identifier, VISIBLE_USER_COLUMNS))
    statement = sql.SQL("GRANT SELECT ({}) ON tenants_user TO {}")
    cursor.execute(statement.format(columns, sql.Identifier(group)))


def _append_only_in_tenant() -> list[str]:
    return [
        model._meta.db_table  # noqa: SLF001 -- Django's documented meta API
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS
        for model in config.get_models()
        if getattr(model, "is_append_only", False)
    ]


def _create_role(cursor: CursorWrapper, role: str) -> None:
    """Create the role and let the owner take it, unless both is so.

    Roles belong to the server: the installation in another of its databases may make the same one
    at this moment, past every lock of ours. Who comes second waits for the first, then finds it.
    """
    try:
        with transaction.atomic():
            _create_role_alone(cursor, role)
    except IntegrityError:
        _create_role_alone(cursor, role)


def _create_role_alone(cursor: CursorWrapper, role: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    if not cursor.fetchone():
        _run(cursor, "CREATE ROLE {role} NOLOGIN INHERIT", role=role)
    # From 16 on, membership alone no longer allows SET ROLE; before, the words do not exist.
    is_new = connection.pg_version >= 160000
    # Not granted again: it locks the role, which belongs to the server, and two databases of one
    # server that grant several at once deadlock.
    cursor.execute(
        "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid"
        " JOIN pg_roles u ON u.oid = m.member WHERE r.rolname = %s AND u.rolname = current_user"
        + (" AND m.set_option AND NOT m.inherit_option" if is_new else ""),
        [role],
    )
    if not cursor.fetchone():
        how = " WITH INHERIT FALSE, SET TRUE" if is_new else ""
        _run(cursor, f"GRANT {{role}} TO CURRENT_USER{how}", role=role)


def _group() -> str:
    return f"{settings.DATABASE_ROLE_PREFIX}_tenant"


def _run(cursor: CursorWrapper, statement: str, **names: str) -> None:
    quoted = {key: sql.Identifier(value) for key, value in names.items()}
    cursor.execute(sql.SQL(statement).format(**quoted))
