"""What was said so far, read out of the messages of a talk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chat.agent.patterns import tidy
from chat.agent.phrases import number

LONGEST = 8_000  # characters of one question
_CHOICE = re.compile(r"^(\d{1,2})\. .*?`([^`\n]+)`\s*$", re.MULTILINE)
_PICK = re.compile(r"(?:(?:number|no|option|choice|the) )?#?(\w+)(?: one)?", re.IGNORECASE)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}

Message = Mapping[str, Any]


def text_of(message: Message) -> str:
    """The words of a message; pictures and files have none."""
    content = message.get("content")
    if isinstance(content, str):
        return content[:LONGEST]
    parts = (
        block.get("text") if isinstance(block, dict) and block.get("type") == "text" else block
        for block in (content if isinstance(content, list) else [])
    )
    return "\n".join(part for part in parts if isinstance(part, str))[:LONGEST]


def has_files(message: Message) -> bool:
    content = message.get("content")
    blocks: Iterable[Any] = content if isinstance(content, list) else []
    return any(isinstance(each, dict) and each.get("type") in ("image", "file") for each in blocks)


def question(messages: Sequence[Message]) -> Message:
    """The newest message of a person; an empty one where there is none."""
    return next((each for each in reversed(messages) if each.get("type") == "human"), {})


def chosen(messages: Sequence[Message]) -> str:
    """The command a person chose by its number from the answer before; else what they said."""
    said = text_of(question(messages))
    hit = _PICK.fullmatch(tidy(said))
    if hit is None:
        return said
    wanted = _ORDINALS.get(hit[1].casefold()) or number(hit[1])
    offered = dict(_CHOICE.findall(_answer_before(messages)))
    return offered.get(str(wanted), said)


def _answer_before(messages: Sequence[Message]) -> str:
    """The assistant's newest words before the newest question."""
    before = False
    for message in reversed(messages):
        if message.get("type") == "human":
            before = True
        elif before and message.get("type") == "ai" and text_of(message).strip():
            return text_of(message)
    return ""
