"""Make a tenant out of an archive of export_tenant."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from tenants.lifecycle.archive import ArchiveError
from tenants.lifecycle.take_in import take_in


class Command(BaseCommand):
    help = "Make the tenant of the archive FILE, with equal counts and hashes, or nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--as", dest="key", default="", help="another key than its own")
        parser.add_argument("--name", default="", help="another name than its own")

    def handle(self, *, file: Path, key: str, name: str, **_options: Any) -> None:
        try:
            tenant = take_in(file, actor="import_tenant", key=key, name=name)
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from exc
        except ArchiveError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(
            f"{tenant} is here as {tenant.pk}; every table and file is as it left. Add its people"
            " and keys in the console."
        )
