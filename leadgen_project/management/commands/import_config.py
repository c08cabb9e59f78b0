"""Take over the settings of a config.json."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leadgen_project.import_config import ConfigFileError, import_config, preview_config
from tenants.context import tenant_context
from tenants.sign_in.resolve import tenant_named


class Command(BaseCommand):
    help = "Import FILE into the settings of TENANT. Shows what would change; does it with --yes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant")
        parser.add_argument("file")
        parser.add_argument("--yes", action="store_true", help="change it; without, only look")

    def handle(self, *, tenant: str, file: str, yes: bool, **_options: Any) -> None:
        found, path = tenant_named(tenant), Path(file)
        if found is None:
            raise CommandError(f"There is no tenant {tenant!r}.")
        with tenant_context(found):
            try:
                text = path.read_text(encoding="utf-8-sig")
                if yes:
                    preview = import_config(
                        text, file_name=path.name, actor="import_config", is_admin=True
                    )
                else:
                    preview = preview_config(text, is_admin=True)
            except (ConfigFileError, OSError, UnicodeDecodeError) as exc:
                raise CommandError(str(exc)) from exc
        for name, (now, then) in preview.changes.items():
            self.stdout.write(f"{name}: {now} -> {then}")
        for name, why in {**preview.left_out, **preview.mistakes}.items():
            self.stdout.write(f"{name}: {why}")
        if preview.mistakes:
            raise CommandError("The file has mistakes; nothing was changed.")
        if not yes:
            self.stdout.write("Nothing was changed; --yes does it.")
