from __future__ import annotations

import pytest

from chat.agent.tests.talking import Conversation
from leadgen_project.tests.console_data import make_people
from tenants.models import User


@pytest.fixture
def people(acme) -> dict[str, User]:
    """Accounts by what they are in acme: owner, operator, reviewer, auditor, and strangers."""
    return make_people()


@pytest.fixture
def talk(people) -> Conversation:
    """A conversation of an operator of acme."""
    return Conversation(people["operator"])
