"""A dialogue with a language model that is offered tools, and what comes of it. Plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MESSAGE_TOKENS = 64  # what roles and separators of two messages cost at most, with room
MOST_CALLS = 16  # of one message; what is beyond is not read
LONGEST_NAME, LONGEST_ARGUMENTS = 64, 20_000


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool by its name, what it does, and the JSON Schema of its arguments."""

    name: str
    says: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What was said so far, as the API takes it: roles system, user, assistant and tool."""

    model: str
    messages: tuple[dict[str, Any], ...] = field(repr=False)
    tools: tuple[OfferedTool, ...]
    most_answer_tokens: int
    temperature: float | None = None

    @property
    def offered(self) -> list[dict[str, Any]]:
        return [
            {"type": "function", "function": {"name": tool.name, "description": tool.says,
                                              "parameters": dict(tool.schema)}}
            for tool in self.tools
        ]  # fmt: skip

    @property
    def most_prompt_tokens(self) -> int:
        """Never below what the prompt costs: no token is shorter than a byte of UTF-8."""
        sent = json.dumps([self.messages, self.offered], ensure_ascii=False)
        return len(sent.encode(errors="replace")) + MESSAGE_TOKENS * (len(self.messages) + 1)


@dataclass(frozen=True, slots=True)
class AskedTool:
    """A call as the model wrote it. ``arguments`` is its text, which need not be JSON."""

    id: str
    name: str
    arguments: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of the model. Nothing of it is believed."""

    words: str = field(repr=False)
    calls: tuple[AskedTool, ...]
    tokens: int
    micros: int


def read_calls(told: object) -> tuple[AskedTool, ...]:
    """The calls of functions among what stands under ``tool_calls``; all else is passed over."""
    found = []
    for one in (told if isinstance(told, list) else [])[:MOST_CALLS]:
        function = one.get("function") if isinstance(one, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            continue
        arguments = function.get("arguments")
        arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)
        name = function["name"][:LONGEST_NAME]
        found.append(AskedTool(str(one.get("id", ""))[:100], name, arguments[:LONGEST_ARGUMENTS]))
    return tuple(found)
