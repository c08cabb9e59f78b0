"""The scripted assistant of smoke tests: no model, no network, the same machinery as any other.

Off unless ``CHAT_SELFTEST`` is set; what each text does is in docs/chat.md.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from chat.pieces import (
    Action,
    Ask,
    AssistantError,
    Custom,
    Decided,
    Done,
    Piece,
    Talk,
    ToolAnswer,
    ToolCall,
    Words,
)

STEP_SECONDS = 0.05
MOST_WORDS, MOST_SECONDS = 2000, 120
COMMANDS = "echo <text>, slow <n>, quiet <s>, tool, approve, approve2, boom"


class SelfTest:
    """Reads the last message of a person as a command."""

    graph_id = "selftest"
    name = "Self-test"
    description = f"Scripted answers to: {COMMANDS}."

    def answer(self, talk: Talk) -> Iterator[Piece]:
        word, _, rest = _last_text(talk).strip().partition(" ")
        if word == "boom":
            raise AssistantError("The self-test was asked to fail.")
        commands = {"echo": _echo, "slow": _slow, "quiet": _quiet, "tool": _tool,
                    "approve": _approve, "approve2": _approve2}  # fmt: skip
        command = commands.get(word.lower())
        if command is None:
            yield from _say(f"I know: {COMMANDS}.")
        else:
            yield from command(rest)

    def go_on(self, talk: Talk, decided: tuple[Decided, ...]) -> Iterator[Piece]:
        for each in decided:
            yield ToolAnswer(each.call, _done(each), is_error=each.decision == "reject")
        words = ", ".join(each.decision for each in decided)
        yield from _say(f"Decided: {words}.")


def _last_text(talk: Talk) -> str:
    for message in reversed(talk.messages):
        if message["type"] != "human":
            continue
        content = message["content"]
        if isinstance(content, str):
            return content
        texts = [each if isinstance(each, str) else each.get("text", "") for each in content]
        return " ".join(text for text in texts if isinstance(text, str))
    return ""


def _say(text: str) -> Iterator[Piece]:
    """One chunk a word; put together they are exactly ``text``."""
    words = text.split(" ")
    for position, word in enumerate(words):
        yield Words(word if position == len(words) - 1 else f"{word} ", is_chunk=True)
    yield Done()


def _echo(text: str) -> Iterator[Piece]:
    yield from _say(text)


def _slow(number: str) -> Iterator[Piece]:
    count = _number(number, most=MOST_WORDS)
    yield Custom({"type": "progress", "words": count})
    for position in range(1, count + 1):
        yield Words(f"word{position} " if position < count else f"word{position}", is_chunk=True)
        time.sleep(STEP_SECONDS)
    yield Done()


def _quiet(seconds: str) -> Iterator[Piece]:
    count = _number(seconds, most=MOST_SECONDS)
    give_up_at = time.monotonic() + count
    while time.monotonic() < give_up_at:
        time.sleep(STEP_SECONDS)
        yield Words("")
    yield from _say(f"{count} seconds of quiet over.")


def _tool(_: str) -> Iterator[Piece]:
    call = _call("search_companies", {"industry": "technology", "limit": 3})
    yield from _say_and_call("Looking that up.", call)
    found = [{"name": "Acme Pte Ltd", "district": 1}, {"name": "Beta Pte Ltd", "district": 7}]
    yield ToolAnswer(call, json.dumps(found))
    yield from _say("I found 2 companies.")


def _approve(_: str) -> Iterator[Piece]:
    yield from _ask_about(_call("push_to_crm", {"lead_id": 42, "note": "warm"}))


def _approve2(_: str) -> Iterator[Piece]:
    yield from _ask_about(
        _call("push_to_crm", {"lead_id": 42, "note": "warm"}),
        _call("write_mail", {"lead_id": 43, "note": "warm"}),
    )


def _ask_about(*calls: ToolCall) -> Iterator[Piece]:
    yield from _say_and_call("This needs your yes.", *calls)
    yield Ask(tuple(Action(call, f"Do {call.name}?") for call in calls))


def _say_and_call(text: str, *calls: ToolCall) -> Iterator[Piece]:
    yield from (piece for piece in _say(text) if not isinstance(piece, Done))
    yield from calls
    yield Done()


def _done(decided: Decided) -> str:
    if decided.decision == "reject":
        return f"Not done (reject): {decided.reason or 'no reason was given'}"
    return f"Done ({decided.decision}): {json.dumps(decided.arguments, ensure_ascii=False)}"


def _call(name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(id=f"call_{uuid.uuid4().hex}", name=name, arguments=arguments)


def _number(text: str, *, most: int) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= most):
        raise AssistantError(f"Give a number from 1 to {most}.")
    return int(text)
