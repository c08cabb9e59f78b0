"""What a tenant's archive holds: its tables as PostgreSQL's own text, its files, and their hashes.

A zip file: ``manifest.json``, ``tables/NAME.copy``, ``files/PATH``. Of shared tables the tenant's
rows go in without the tenant's key and without their numbers, which belong to the installation; the
number of a run stays, because leads, pages and scores name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db.backends.utils import CursorWrapper

from tenants.copy_schema import tenant_tables
from tenants.isolation import shared_tables

FORMAT = 1
RUNS = "tenants_pipelinerun"
# Rows of accounts, of credentials and of this installation alone.
LEFT_OUT = {
    "tenants_tenant": "made anew by the import",
    "tenants_domain": "host names belong to an installation",
    "tenants_membership": "accounts belong to an installation; add people there",
    "tenants_identity": "accounts belong to an installation",
    "tenants_issuer": "holds a secret under this installation's keys; connect it anew",
    "tenants_invitation": "accounts belong to an installation",
    "tenants_apitoken": "credentials do not travel; make new ones",
    "tenants_devicelogin": "kept for a day, for programs that wait at this installation",
    "tenants_savedview": "belongs to accounts",
    "tenants_vendorcredential": "holds keys under this installation's keys; enter them anew",
    "tenants_idempotentcall": "kept for a day, for this installation's callers",
    "tenants_apiuse": "kept for a minute",
    "tenants_ratelimit": "belongs to an account at a vendor",
    "outreach_mailboxsignin": "kept for ten minutes, for sessions of this installation",
}
# Columns that travel as something else, by table: secrets stay behind, so mailboxes and an Odoo
# have to be connected anew, and until then nothing is sent from two installations.
CHANGED = {
    ("outreach_mailbox", "secret"): "NULL::bytea",
    ("outreach_mailbox", "access_until"): "NULL::timestamptz",
    ("outreach_mailbox", "state"): "CASE WHEN state IN ('READY', 'RECONNECT') THEN 'NEW'"
                                   " ELSE state END",
    ("odoo_sync_odooconnection", "secret"): "NULL::bytea",
    ("odoo_sync_odooconnection", "ending"): "''",
    ("odoo_sync_odooconnection", "is_on"): "false",
    ("odoo_sync_odooconnection", "state"): "'NEW'",
}  # fmt: skip
# The same text from every server.
SAME_TEXT = """
SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL TimeZone = 'UTC'; SET LOCAL IntervalStyle = 'postgres';
SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1
"""
COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = %s AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position
"""


class ArchiveError(Exception):
    """The archive cannot be made or read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of an archive. ``schema`` is where it stands in this installation."""

    name: str
    schema: str
    columns: tuple[str, ...]
    tenant_column: str = ""  # of a shared table
    key: str = "id"

    @property
    def is_shared(self) -> bool:
        return bool(self.tenant_column)

    def select(self, *, run_offset: int = 0) -> str:
        """The rows as they go into an archive, in a fixed order; runs numbered as they were."""
        shown = ", ".join(self._shown(column, run_offset) for column in self.columns)
        order = f'"{self.key}"' if self.key else ", ".join(f'"{each}"' for each in self.columns)
        where = f" WHERE {self.tenant_column} = %s" if self.is_shared else ""
        return f'SELECT {shown} FROM {self.schema}."{self.name}"{where} ORDER BY {order}'

    def _shown(self, column: str, offset: int) -> str:
        if (self.name, column) in CHANGED:
            return CHANGED[self.name, column]
        if not offset:
            return f'"{column}"'
        if column == "run_id" or (self.name == RUNS and column == "id"):
            return f'"{column}" - {offset}'
        if self.name == "tenants_vendorbalance" and column == "period":
            return (f"CASE WHEN period LIKE 'run %%' THEN 'run ' || substr(period, 5)::bigint -"
                    f" {offset} ELSE period END")  # fmt: skip
        return f'"{column}"'


def tables_of(cursor: CursorWrapper, schema: str) -> list[Table]:
    """All tables of a tenant that travel: its own, then its rows of shared ones."""
    found = [
        Table(name, schema, _columns(cursor, schema, name), key=_key(cursor, schema, name))
        for name in tenant_tables()
        if name != "django_migrations" and name not in LEFT_OUT
    ]
    for name, tenant_column in sorted(shared_tables().items()):
        if name in LEFT_OUT:
            continue
        left = {tenant_column} if name == RUNS else {tenant_column, "id"}
        columns = tuple(each for each in _columns(cursor, "public", name) if each not in left)
        key = _key(cursor, "public", name)
        found.append(Table(name, "public", columns, tenant_column, key))
    return found


def migrations_of() -> list[str]:
    """The shape of the tables: two installations with the same list fit each other."""
    known = {"tenants", *settings.TENANT_APPS}
    return sorted(
        f"{config.label}.{path.stem}"
        for config in apps.get_app_configs()
        if config.label in known
        for path in (Path(config.path) / "migrations").glob("0*.py")
    )


def folder_of(key: str) -> Path:
    """Where the tenant's files stand."""
    return Path(settings.MEDIA_ROOT) / key


def _columns(cursor: CursorWrapper, schema: str, name: str) -> tuple[str, ...]:
    cursor.execute(COLUMNS, [schema, name])
    return tuple(row[0] for row in cursor.fetchall())


def _key(cursor: CursorWrapper, schema: str, name: str) -> str:
    """The column of a one-column primary key."""
    cursor.execute(
        "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid"
        " AND a.attnum = ANY(i.indkey) WHERE i.indrelid = %s::regclass AND i.indisprimary",
        [f'{schema}."{name}"'],
    )
    rows = cursor.fetchall()
    return rows[0][0] if len(rows) == 1 else ""
