"""Write docs/roles.md anew from the table of rights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from tenants.roles_page import roles_page


class Command(BaseCommand):
    help = __doc__

    def handle(self, *_args: Any, **_options: Any) -> None:
        page = Path(settings.BASE_DIR) / "docs" / "roles.md"
        page.write_text(roles_page(), encoding="utf-8")
        self.stdout.write(f"{page} is written.")
