"""Server-sent events as clients of the chat read them: each one ``data`` line, each with its id."""

from __future__ import annotations

import json
from typing import Any

STILL_HERE = b": heartbeat\n\n"
# JSON leaves these as they are, and some readers take them for the end of a line.
_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class Ready(str):
    """Text that is JSON already, so that a stored message is not read only to be written again."""

    __slots__ = ()


def on_one_line(value: Any) -> str:
    """``value`` as JSON without any line break, keys in their order."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_BREAKS)


def object_of(fields: dict[str, Any]) -> Ready:
    """A JSON object; values may be ``Ready``, or lists of it."""
    return Ready("{" + ",".join(f"{on_one_line(k)}:{_part(v)}" for k, v in fields.items()) + "}")


def list_of(items: list[Ready]) -> Ready:
    return Ready("[" + ",".join(items) + "]")


def frame(event: str, data: str, number: int) -> bytes:
    return f"event: {event}\ndata: {data}\nid: {number}\n\n".encode()


def _part(value: Any) -> str:
    if isinstance(value, Ready):
        return value
    if isinstance(value, list) and value and all(isinstance(each, Ready) for each in value):
        return list_of(value)
    return on_one_line(value)
