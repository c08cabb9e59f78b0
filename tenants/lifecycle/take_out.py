"""Write everything of a tenant into one archive, which another installation can take in."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.db import transaction
from django.db.backends.utils import CursorWrapper
from psycopg import IsolationLevel

from tenants.context import connection, in_tenant
from tenants.lifecycle.archive import (
    FORMAT,
    LEFT_OUT,
    SAME_TEXT,
    ArchiveError,
    Table,
    folder_of,
    migrations_of,
    tables_of,
)
from tenants.models import Tenant

CHUNK = 1 << 20


def take_out(tenant: Tenant, target: Path, *, now: datetime) -> dict[str, Any]:
    """Write ``target`` and return its manifest: rows and hash of each table, hash of each file.

    One moment's rows, read under the tenant's own role. People, credentials and secrets stay
    behind (``archive.LEFT_OUT``). Appears whole or not at all; needs no memory to speak of. Raises
    ``ArchiveError`` when the file exists.
    """
    if target.exists():
        raise ArchiveError(f"{target} exists already; name a new file.")
    draft = target.with_name(f"{target.name}.part")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            manifest = {
                "format": FORMAT, "tenant": tenant.pk, "name": tenant.name,
                "made_at": now.isoformat(), "migrations": migrations_of(),
                "tables": _write_tables(archive, tenant), "files": _write_files(archive, tenant),
                "left_out": LEFT_OUT,
            }  # fmt: skip
            archive.writestr("manifest.json", json.dumps(manifest, indent=1))
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def _write_tables(archive: zipfile.ZipFile, tenant: Tenant) -> dict[str, Any]:
    found = {}
    with in_tenant(tenant.pk), _one_moment(), connection.cursor() as cursor:
        cursor.execute(SAME_TEXT)
        for table in tables_of(cursor, tenant.pk):
            with archive.open(f"tables/{table.name}.copy", "w", force_zip64=True) as target:
                rows, digest = copy_out(cursor, table, tenant.pk, target)
            found[table.name] = {"rows": rows, "sha256": digest, "columns": list(table.columns)}
    return found


@contextmanager
def _one_moment() -> Iterator[None]:
    """A transaction that sees nothing of what others commit meanwhile."""
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    connection.connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with transaction.atomic():
            yield
    finally:
        connection.connection.isolation_level = None


def copy_out(
    cursor: CursorWrapper, table: Table, key: str, target: IO[bytes] | None, *, run_offset: int = 0
) -> tuple[int, str]:
    """Rows and SHA-256 of the table's text, written to ``target`` if there is one."""
    digest, rows = hashlib.sha256(), 0
    statement = f"COPY ({table.select(run_offset=run_offset)}) TO STDOUT"
    params = [key] if table.is_shared else []
    with cursor.copy(statement, params) as lines:
        for chunk in lines:
            digest.update(chunk)
            rows += bytes(chunk).count(b"\n")
            if target is not None:
                target.write(chunk)
    return rows, digest.hexdigest()


def _write_files(archive: zipfile.ZipFile, tenant: Tenant) -> dict[str, str]:
    root, found = folder_of(tenant.pk), {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.suffix == ".part":
            continue
        name = path.relative_to(root).as_posix()
        digest = hashlib.sha256()
        with path.open("rb") as source, archive.open(f"files/{name}", "w") as target:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
        found[name] = digest.hexdigest()
    return found
