"""The documentation's page of rights, and the table behind it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from tenants.roles import ACTIONS, WORDS, Role
from tenants.roles_page import roles_page


def test_the_page_of_roles_says_what_the_table_says():
    page = Path(settings.BASE_DIR) / "docs" / "roles.md"

    assert page.read_text(encoding="utf-8") == roles_page(), "run manage.py write_roles_page"


def test_each_action_has_words_and_its_roles_are_nested():
    """Stronger roles may all that weaker ones may, so a token's role can be held to the weaker."""
    order = [Role.OWNER, Role.OPERATOR, Role.REVIEWER, Role.AUDITOR]

    assert WORDS.keys() == ACTIONS.keys()
    for allowed in ACTIONS.values():
        assert allowed == set(order[: len(allowed)])
    assert not any(Role.AUDITOR in allowed for allowed in ACTIONS.values())
