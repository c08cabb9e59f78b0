"""Fixtures of the chat: the scripted assistant, and a person who talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from chat import assistants
from chat.live import all_live
from chat.selftest import SelfTest
from chat.tests.rig import Chat, make_key, wait_until

NUMBERS = count(1)


@pytest.fixture
def scripted(monkeypatch) -> None:
    """The assistant ``selftest``, whatever the setting says."""
    monkeypatch.setitem(assistants._ASSISTANTS, "selftest", SelfTest())


@pytest.fixture
def chat(committed_for_all, scripted) -> Iterator[Chat]:
    """A new member of acme, in a database where runs see what is written."""
    yield Chat(make_key(f"chatter{next(NUMBERS)}"))
    wait_until(lambda: not all_live())
