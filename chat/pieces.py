"""What an assistant says, piece by piece, and how the run machinery and assistants know each other.

An assistant yields pieces; the machinery streams them, stores them, and looks between two of them
whether somebody cancelled. An assistant touches no thread, run or stream itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tenants.models import User


@dataclass(frozen=True, slots=True)
class Words:
    """More text of the message being made.

    An empty one shows nothing: whoever waits in small steps lets the machinery look with it.
    """

    text: str
    is_chunk: bool = False  # sent as it is; else what comes within some 40 ms is sent as one


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The message being made calls a tool."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """The message being made is complete; the next piece begins another."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """A tool's whole answer. JSON of an object or a list is shown as a table."""

    call: ToolCall
    content: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something that needs a yes. ``description`` is read by the person who decides."""

    call: ToolCall
    description: str
    decisions: tuple[Literal["approve", "edit", "reject"], ...] = ("approve", "edit", "reject")


@dataclass(frozen=True, slots=True)
class Ask:
    """Stop for a decision on these. The last piece of a run; the message with the calls is done."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Custom:
    """Progress, for clients that asked for the mode ``custom``."""

    data: dict[str, Any]


Piece = Words | ToolCall | Done | ToolAnswer | Ask | Custom


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person decided about one action; checked against what was allowed.

    ``arguments`` are those to act on: as asked, or as edited, where touched values are text.
    """

    call: ToolCall
    decision: Literal["approve", "edit", "reject"]
    arguments: dict[str, Any]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """What an assistant is given: who speaks, and everything said so far, oldest first."""

    user: User  # with the role the caller's credential gives it in the current tenant
    messages: tuple[dict[str, Any], ...]  # as the contract writes them
    thread_id: str
    run_id: str


class Assistant(Protocol):
    """Answers in the tenant that is current.

    What a person may read in an error is raised as ``AssistantError``; anything else ends the run
    with a text that says nothing of the cause, and is logged.
    """

    graph_id: str
    name: str
    description: str

    def answer(self, talk: Talk) -> Iterator[Piece]:
        """Answer the last message of a person."""

    def go_on(self, talk: Talk, decided: tuple[Decided, ...]) -> Iterator[Piece]:
        """Do what was decided, or say that it was not done; then answer.

        The machinery calls this once for an approval, whoever sends the decision twice.
        """


class AssistantError(Exception):
    """The run fails; the text is for the person."""
