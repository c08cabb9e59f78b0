"""Write a tenant's rows and files into one archive."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.clock import database_now
from tenants.lifecycle.archive import ArchiveError
from tenants.lifecycle.take_out import take_out
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Write the tenant KEY into the archive FILE, which import_tenant takes in elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        parser.add_argument("file", type=Path)

    def handle(self, *, key: str, file: Path, **_options: Any) -> None:
        tenant = Tenant.objects.filter(pk=key).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {key!r}.")
        try:
            manifest = take_out(tenant, file, now=database_now())
        except (ArchiveError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        rows = sum(table["rows"] for table in manifest["tables"].values())
        self.stdout.write(
            f"{file}: {rows:,} rows of {len(manifest['tables'])} tables,"
            f" {len(manifest['files'])} files. Left behind:"
        )
        for name, why in manifest["left_out"].items():
            self.stdout.write(f"  {name}: {why}")
