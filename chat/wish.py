"""What a client wants of a run, read from its request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from chat.assistants import find
from chat.frames import on_one_line
from chat.messages import Message, read_messages
from chat.pieces import Assistant
from chat.refusals import NotThereError, UnusableError

MODES = ("values", "messages-tuple", "messages", "updates", "custom")
SILENT = ("events", "debug", "tasks", "checkpoints", "tools")  # taken, and nothing is sent for them
STRATEGIES = ("enqueue", "reject", "interrupt", "rollback")
END = "__end__"


@dataclass(frozen=True, slots=True)
class Wish:
    """A checked request for a run."""

    assistant: Assistant
    messages: tuple[Message, ...]
    resume: Any  # None: none
    is_end: bool  # close an open approval and do nothing
    checkpoint: uuid.UUID | None
    modes: frozenset[str]
    strategy: str
    cancel_on_disconnect: bool
    creates_thread: bool
    metadata: dict[str, Any]

    def as_json(self) -> str:
        """For the run's row: all but what was said, which is in the thread's messages."""
        return on_one_line(
            {
                "modes": sorted(self.modes), "checkpoint": str(self.checkpoint or ""),
                "is_resume": self.resume is not None, "is_end": self.is_end,
            }
        )  # fmt: skip


def read_wish(raw: dict[str, Any]) -> Wish:
    """Read the body of a request for a run. Raises ``RefusalError``."""
    command = _object(raw, "command")
    given = _object(raw, "input").get("messages")
    if "goto" in command and _targets(command["goto"]) not in ([], [END]):
        raise UnusableError(f"goto may only be {END}.")
    return Wish(
        assistant=read_assistant(raw.get("assistant_id")),
        messages=tuple(read_messages(given)) if given else (),
        resume=command.get("resume"),
        is_end=_targets(command.get("goto")) == [END],
        checkpoint=read_checkpoint(raw),
        modes=read_modes(raw.get("stream_mode")),
        strategy=_one_of(raw, "multitask_strategy", STRATEGIES),
        cancel_on_disconnect=_one_of(raw, "on_disconnect", ("continue", "cancel")) == "cancel",
        creates_thread=_one_of(raw, "if_not_exists", ("reject", "create")) == "create",
        metadata=_object(raw, "metadata"),
    )


def read_assistant(name: Any) -> Assistant:
    if not isinstance(name, str) or not name:
        raise UnusableError("assistant_id is missing.")
    found = find(name)
    if found is None and is_uuid(name):
        raise NotThereError("assistant")
    if found is None:
        raise UnusableError(f"There is no assistant {name[:60]!r} here.")
    return found


def read_modes(raw: Any) -> frozenset[str]:
    """The kinds of events asked for, of one name or several."""
    names = ["values"] if raw in (None, []) else raw if isinstance(raw, list) else [raw]
    for name in names:
        if name not in MODES and name not in SILENT:
            raise UnusableError(f"stream_mode {str(name)[:60]!r} is unknown.")
    return frozenset(names) & frozenset(MODES)


def read_checkpoint(raw: dict[str, Any]) -> uuid.UUID | None:
    """The checkpoint a request names, if it does."""
    value = _object(raw, "checkpoint").get("checkpoint_id") or raw.get("checkpoint_id")
    return read_id(value, "checkpoint_id") if value else None


def read_id(value: Any, name: str) -> uuid.UUID:
    """A UUID. Raises ``UnusableError``."""
    if not is_uuid(value):
        raise UnusableError(f"{name} is no UUID.")
    return uuid.UUID(value)


def is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) <= 36 and bool(uuid.UUID(value))
    except ValueError:
        return False


def _targets(goto: Any) -> list[Any]:
    return goto if isinstance(goto, list) else [] if goto is None else [goto]


def _object(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnusableError(f"{name} is an object.")
    return value


def _one_of(raw: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    """The value of ``name``; the first of ``known`` when there is none."""
    value = raw.get(name) or known[0]
    if value not in known:
        raise UnusableError(f"{name} is one of {', '.join(known)}.")
    return str(value)
