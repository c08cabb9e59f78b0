"""Make a tenant out of an archive: the same rows and files, with equal counts and hashes."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from tenants import audit
from tenants.context import connection
from tenants.isolation import as_owner
from tenants.lifecycle.archive import (
    FORMAT,
    RUNS,
    SAME_TEXT,
    ArchiveError,
    Table,
    folder_of,
    migrations_of,
    tables_of,
)
from tenants.lifecycle.provision import create_tenant
from tenants.lifecycle.take_out import CHUNK, copy_out
from tenants.models import Tenant


def take_in(source: Path, *, actor: str, key: str = "", name: str = "") -> Tenant:
    """Create the tenant of the archive, under its own ``key`` or another, and return it.

    Every table is read back and must hash as it did where it came from, or nothing is kept. Where
    its numbers of runs are taken here, all of them are moved up by the same amount. Raises
    ``ArchiveError``, and ``ValidationError`` when the key or the name is taken.
    """
    with _opened(source) as archive:
        manifest = _manifest(archive)
        key, name = key or manifest["tenant"], name or manifest["name"]
        with tempfile.TemporaryDirectory() as drafts, transaction.atomic():
            tenant = create_tenant(key, name=name, actor=actor)
            files = _unpack(archive, manifest, Path(drafts))
            offset = _fill(archive, manifest, key)
            audit.record("tenants.take_in", actor=actor, subject=key,
                         after={"from": manifest["tenant"], "made_at": manifest["made_at"],
                                "runs_moved_by": offset})  # fmt: skip
            if manifest["files"]:
                folder_of(key).parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(files, folder_of(key), dirs_exist_ok=True)
    return tenant


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as exc:
        raise ArchiveError(f"{source} cannot be read as an archive ({exc}).") from exc


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(archive.read("manifest.json"))
    except (KeyError, ValueError) as exc:
        raise ArchiveError("The archive has no manifest; it is not one of ours.") from exc
    if found.get("format") != FORMAT:
        raise ArchiveError(f"The archive has format {found.get('format')!r}, not {FORMAT}.")
    if differing := set(found["migrations"]) ^ set(migrations_of()):
        raise ArchiveError(
            "The archive was made by another version of leadgen (they differ in"
            f" {', '.join(sorted(differing)[:3])}). Bring both to the same version, then again."
        )
    return found


def _fill(archive: zipfile.ZipFile, manifest: dict[str, Any], key: str) -> int:
    """Load all tables, compare them with the manifest; returns by how much runs were moved."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(SAME_TEXT)
        tables = tables_of(cursor, key)
        if {table.name for table in tables} != set(manifest["tables"]):
            raise ArchiveError("The archive holds other tables than this version has.")
        # The owner is bound by the policies of shared tables as well; the platform's role is not.
        for table in (each for each in tables if not each.is_shared):
            _load(cursor, archive, manifest, table)
    with connection.cursor() as cursor:
        cursor.execute(SAME_TEXT)
        for table in (each for each in tables if each.is_shared):
            _stage(cursor, archive, manifest, table)
        offset = _offset(cursor)
        for table in (each for each in tables if each.is_shared):
            _insert(cursor, table, key, offset)
        last_run = _highest(cursor, "public", RUNS)
    with as_owner(), connection.cursor() as cursor:
        _move_sequence(cursor, "public", RUNS, to=last_run)
        for table in (each for each in tables if not each.is_shared):
            _finish(cursor, table, offset)
            _compare(cursor, table, key, manifest, offset)
    with connection.cursor() as cursor:
        for table in (each for each in tables if each.is_shared):
            _compare(cursor, table, key, manifest, offset)
    return offset


def _load(
    cursor: CursorWrapper, archive: zipfile.ZipFile, manifest: dict[str, Any], table: Table
) -> None:
    _copy_in(cursor, archive, manifest, table, f'{table.schema}."{table.name}"')


def _stage(
    cursor: CursorWrapper, archive: zipfile.ZipFile, manifest: dict[str, Any], table: Table
) -> None:
    columns = ", ".join(f'"{each}"' for each in table.columns)
    cursor.execute(
        f"CREATE TEMPORARY TABLE in_{table.name} ON COMMIT DROP AS"
        f' SELECT {columns} FROM public."{table.name}" WITH NO DATA'
    )
    cursor.execute(f"ALTER TABLE in_{table.name} ADD COLUMN _place bigserial")
    _copy_in(cursor, archive, manifest, table, f"in_{table.name}")


def _copy_in(
    cursor: CursorWrapper,
    archive: zipfile.ZipFile,
    manifest: dict[str, Any],
    table: Table,
    target: str,
) -> None:
    given = manifest["tables"][table.name]["columns"]
    if tuple(given) != table.columns:
        raise ArchiveError(f"{table.name} has other columns in the archive than here.")
    columns = ", ".join(f'"{each}"' for each in table.columns)
    with (
        archive.open(f"tables/{table.name}.copy") as source,
        cursor.copy(f"COPY {target} ({columns}) FROM STDIN") as rows,
    ):
        while chunk := source.read(CHUNK):
            rows.write(chunk)


def _offset(cursor: CursorWrapper) -> int:
    """By how much all runs move, so that none meets one that is here, nor one of its own."""
    cursor.execute(f"SELECT count(*) FROM {RUNS} r JOIN in_{RUNS} i ON i.id = r.id")
    if not cursor.fetchone()[0]:
        return 0
    cursor.execute(
        f"SELECT greatest((SELECT max(id) FROM {RUNS}), (SELECT max(id) FROM in_{RUNS}))"
        f" + 1 - (SELECT min(id) FROM in_{RUNS})"
    )
    return int(cursor.fetchone()[0])


def _insert(cursor: CursorWrapper, table: Table, key: str, offset: int) -> None:
    if table.name == "tenants_tenantsettings":  # made with the tenant; the archive's goes in
        cursor.execute("DELETE FROM tenants_tenantsettings WHERE tenant_id = %s", [key])
    if table.name == "tenants_auditevent":
        offset = 0
    names = ", ".join(f'"{each}"' for each in table.columns)
    values = ", ".join(_moved(table, each, offset) for each in table.columns)
    cursor.execute(
        f'INSERT INTO public."{table.name}" ({names}, "{table.tenant_column}")'
        f" SELECT {values}, %s FROM in_{table.name} ORDER BY _place",
        [key],
    )


def _moved(table: Table, column: str, offset: int) -> str:
    if offset and (column == "run_id" or (table.name == RUNS and column == "id")):
        return f'"{column}" + {offset}'
    if offset and table.name == "tenants_vendorbalance" and column == "period":
        return (f"CASE WHEN period LIKE 'run %%' THEN 'run ' || substr(period, 5)::bigint +"
                f" {offset} ELSE period END")  # fmt: skip
    return f'"{column}"'


def _finish(cursor: CursorWrapper, table: Table, offset: int) -> None:
    """Move the numbers of runs, and let new rows be numbered behind those that came."""
    place = f'{table.schema}."{table.name}"'
    if offset and "run_id" in table.columns:
        cursor.execute(f"UPDATE {place} SET run_id = run_id + {offset} WHERE run_id IS NOT NULL")
    if "id" in table.columns and _sequence(cursor, table.schema, table.name):
        last = _highest(cursor, table.schema, table.name)
        _move_sequence(cursor, table.schema, table.name, to=last)


def _sequence(cursor: CursorWrapper, schema: str, name: str) -> str | None:
    """What numbers the rows; None where ids are no numbers."""
    cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [f'{schema}."{name}"'])
    found: tuple[str | None] = cursor.fetchone()
    return found[0]


def _move_sequence(cursor: CursorWrapper, schema: str, name: str, *, to: int) -> None:
    """Number new rows behind ``to``. As the owner, whose the sequences are."""
    sequence = _sequence(cursor, schema, name)
    if sequence and to:
        cursor.execute(f"SELECT setval('{sequence}', greatest(%s, last_value)) FROM {sequence}",
                       [to])  # fmt: skip


def _highest(cursor: CursorWrapper, schema: str, name: str) -> int:
    cursor.execute(f'SELECT coalesce(max(id), 0) FROM {schema}."{name}"')
    return int(cursor.fetchone()[0])


def _compare(
    cursor: CursorWrapper, table: Table, key: str, manifest: dict[str, Any], offset: int
) -> None:
    wanted = manifest["tables"][table.name]
    rows, digest = copy_out(cursor, table, key, None, run_offset=offset)
    if (rows, digest) != (wanted["rows"], wanted["sha256"]):
        raise ArchiveError(
            f"{table.name}: {rows} rows arrived of {wanted['rows']}, or they differ from those that"
            " left. Nothing was kept; the archive is damaged or was changed."
        )


def _unpack(archive: zipfile.ZipFile, manifest: dict[str, Any], target: Path) -> Path:
    """The archive's files below ``target``, each with the hash it left with."""
    for name, wanted in manifest["files"].items():
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise ArchiveError(f"The archive holds a file {name[:100]!r}, which leads outside.")
        path, digest = target / parts, hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(f"files/{name}") as source, path.open("wb") as copy:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        if digest.hexdigest() != wanted:
            raise ArchiveError(f"The file {name[:100]!r} differs from the one that left.")
    return target
