"""Messages as the contract writes them: read from clients, and made of what an assistant says."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from chat.frames import on_one_line
from chat.pieces import ToolAnswer, ToolCall
from chat.refusals import UnusableError

Message = dict[str, Any]
ROLES = {"user": "human", "assistant": "ai", "developer": "system"}
KINDS = ("human", "ai", "tool", "system")
MOST_MESSAGES = 500  # of one request
LONGEST_ID = 200


def read_messages(raw: Any) -> list[Message]:
    """What a client sent as ``messages``. Raises ``UnusableError``."""
    items = raw if isinstance(raw, list) else [raw]
    if len(items) > MOST_MESSAGES:
        raise UnusableError(f"At most {MOST_MESSAGES} messages at once.")
    return [_read(each) for each in items]


def _read(raw: Any) -> Message:
    if isinstance(raw, str):
        raw = {"type": "human", "content": raw}
    if not isinstance(raw, dict):
        raise UnusableError("A message is an object with type and content.")
    kind = raw.get("type") or raw.get("role")
    kind = ROLES.get(kind, kind) if isinstance(kind, str) else kind
    if kind not in KINDS:
        raise UnusableError(f"The type of a message is one of {', '.join(KINDS)}.")
    message = {
        "id": _id(raw.get("id")), "type": kind, "name": _text(raw, "name"),
        "content": _content(raw.get("content")),
    }  # fmt: skip
    if kind == "ai":
        message["tool_calls"] = _calls(raw.get("tool_calls") or [])
        message["invalid_tool_calls"] = []
    if kind == "tool":
        message["tool_call_id"] = _text(raw, "tool_call_id") or ""
        message["status"] = "error" if raw.get("status") == "error" else "success"
        message["artifact"] = raw.get("artifact")
    for name in ("additional_kwargs", "response_metadata"):
        value = raw.get(name)
        message[name] = value if isinstance(value, dict) else {}
    return message


def _id(value: Any) -> str:
    if value in (None, ""):
        return str(uuid.uuid4())
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        raise UnusableError(f"The id of a message is a text of at most {LONGEST_ID} characters.")
    return value


def _text(raw: Message, name: str) -> str | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, str):
        raise UnusableError(f"{name} of a message is a text.")
    return value


def _content(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str | dict) for each in value):
        return value
    raise UnusableError("The content of a message is a text or a list of blocks.")


def _calls(raw: Any) -> list[dict[str, Any]]:
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        raise UnusableError("tool_calls is a list of objects.")
    return [
        {"id": str(each.get("id") or uuid.uuid4()), "name": str(each.get("name", "")),
         "args": each["args"] if isinstance(each.get("args"), dict) else {}, "type": "tool_call"}
        for each in raw
    ]  # fmt: skip


def spoken(message_id: str, text: str, calls: Sequence[ToolCall], **metadata: Any) -> Message:
    """A message of the assistant."""
    return {
        "id": message_id, "type": "ai", "name": None, "content": text,
        "tool_calls": [{"id": each.id, "name": each.name, "args": each.arguments,
                        "type": "tool_call"} for each in calls],
        "invalid_tool_calls": [], "additional_kwargs": {}, "response_metadata": metadata,
    }  # fmt: skip


def answered(answer: ToolAnswer) -> Message:
    """A tool's message."""
    return {
        "id": str(uuid.uuid4()), "type": "tool", "name": answer.call.name,
        "tool_call_id": answer.call.id, "content": answer.content,
        "status": "error" if answer.is_error else "success", "artifact": None,
        "additional_kwargs": {}, "response_metadata": {},
    }  # fmt: skip


def around_words(message_id: str) -> tuple[str, str]:
    """What stands before and after the text in a chunk's JSON."""
    end = ',"tool_calls":[],"tool_call_chunks":[],"additional_kwargs":{},"response_metadata":{}}'
    return f'{{"id":{on_one_line(message_id)},"type":"AIMessageChunk","content":', end


def call_chunks(message_id: str, call: ToolCall, *, index: int) -> list[Message]:
    """A tool call as chunks: the name, then the arguments' JSON in at least two parts."""
    text = on_one_line(call.arguments)
    size = max(1, min(200, -(-len(text) // 2)))
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    chunks = [_call_chunk(message_id, index, "", name=call.name, call_id=call.id)]
    return chunks + [_call_chunk(message_id, index, part) for part in parts]


def _call_chunk(
    message_id: str, index: int, part: str, *, name: str | None = None, call_id: str | None = None
) -> Message:
    return {
        "id": message_id, "type": "AIMessageChunk", "content": "", "tool_calls": [],
        "tool_call_chunks": [{"name": name, "args": part, "id": call_id, "index": index,
                              "type": "tool_call_chunk"}],
        "additional_kwargs": {}, "response_metadata": {},
    }  # fmt: skip
