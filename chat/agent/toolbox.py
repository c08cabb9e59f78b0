"""What the assistant can do: tools, each a domain function with the caller's rights.

A tool that writes, spends or sends has a ``preview``, and is never called without a person's yes;
see ``chat.agent.act``. Apps name the function that offers theirs in ``AppConfig.ready``; it runs
when the first question comes, so that no other command loads what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.module_loading import import_string

from tenants.models import User

Cell = str | int | float | bool | None
Row = dict[str, Cell]


class Effect(StrEnum):
    """What comes of calling a tool; all but reading asks first."""

    READS = "reads"
    WRITES = "writes"
    SPENDS = "spends"
    SENDS = "sends"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with the role their credential gives them in the current tenant; and when."""

    user: User
    now: datetime

    @property
    def name(self) -> str:
        """As the audit writes it."""
        return self.user.get_username()


@dataclass(frozen=True, slots=True)
class Answer:
    """``words``: short Markdown for the person. ``rows``: a table, flat, keys in order.

    ``counts`` is what the audit keeps of it: numbers and ids, nothing personal.
    """

    words: str
    rows: Sequence[Row] = ()
    counts: dict[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """As a tool message carries it: JSON of a list is shown as a table."""
        return json.dumps(list(self.rows), ensure_ascii=False) if self.rows else self.words


@dataclass(frozen=True, slots=True)
class Tool:
    """``says``: what it does, for people and models. ``action``: the right it needs, if any.

    ``arguments`` is a dataclass whose fields are as ``chat.agent.arguments`` reads them.
    ``settle`` says the same of exactly what is meant now, so that a yes given later means no other.
    ``personal`` names those that may hold an address or number: the audit masks them.
    """

    name: str
    says: str
    arguments: type
    do: Callable[[Any, Caller], Answer]
    action: str = ""
    effect: Effect = Effect.READS
    preview: Callable[[Any, Caller], str] | None = None
    settle: Callable[[Any, Caller], Any] | None = None
    personal: frozenset[str] = frozenset()

    @property
    def asks(self) -> bool:
        """Whether a person has to say yes first."""
        return self.effect is not Effect.READS


class ToolError(Exception):
    """It cannot be done as asked; the text, Markdown, says why and what to do."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several companies a name may mean. ``ref`` is as good as its name, and certain."""

    ref: str
    name: str
    note: str


class AmbiguousError(ToolError):
    """The name in the argument ``field`` may mean several companies."""

    def __init__(self, field: str, choices: Sequence[Choice]) -> None:
        super().__init__("Several companies may be meant. Which one?")
        self.field = field
        self.choices = tuple(choices)

    @property
    def rows(self) -> list[Row]:
        return [
            {"choice": number, "name": each.name, "ref": each.ref, "note": each.note}
            for number, each in enumerate(self.choices, start=1)
        ]


_TOOLS: dict[str, Tool] = {}
_SOURCES: list[str] = []


def add_source(path: str) -> None:
    """Have the function at ``path`` (dotted) called before the first question."""
    if path not in _SOURCES:
        _SOURCES.append(path)


def offer(*tools: Tool) -> None:
    """Add ``tools``. The same name again replaces the one before."""
    for tool in tools:
        if tool.asks != (tool.preview is not None):
            raise ValueError(f"{tool.name}: what has an effect has a preview, and nothing else.")
        _TOOLS[tool.name] = tool


def tools() -> list[Tool]:
    """All, in the order they were offered."""
    _load()
    return list(_TOOLS.values())


def find_tool(name: str) -> Tool | None:
    _load()
    return _TOOLS.get(name)


def _load() -> None:
    while _SOURCES:
        import_string(_SOURCES[0])()
        _SOURCES.pop(0)  # afterwards: whoever comes meanwhile must not find half of them
