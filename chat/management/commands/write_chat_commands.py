"""Write docs/chat-commands.md anew from the table of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from chat.agent.page import commands_page


class Command(BaseCommand):
    help = __doc__

    def handle(self, *_args: Any, **_options: Any) -> None:
        page = Path(settings.BASE_DIR) / "docs" / "chat-commands.md"
        page.write_text(commands_page(), encoding="utf-8")
        self.stdout.write(f"{page} is written.")
