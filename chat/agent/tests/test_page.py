from __future__ import annotations

from pathlib import Path

from django.conf import settings

from chat.agent.page import commands_page


def test_the_page_of_commands_is_made_from_the_table():
    page = Path(settings.BASE_DIR) / "docs" / "chat-commands.md"

    assert page.read_text(encoding="utf-8") == commands_page(), "run manage.py write_chat_commands"
