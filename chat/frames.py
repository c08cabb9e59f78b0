"""Server-sent events as clients of the chat read them: each one ``data`` line, each with its id."""

from __future__ import annotations

import json
import math
from typing import Any

STILL_HERE = b": heartbeat\n\n"
# JSON leaves these as they are, and some readers take them for the end of a line.
_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_UNTRUE = {**_BREAKS, **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}  # halves are no characters


class Ready(str):
    """Text that is JSON already, so that a stored message is not read only to be written again."""

    __slots__ = ()


def on_one_line(value: Any) -> str:
    """``value`` as JSON without any line break, keys in their order.

    Whatever an assistant made up can be written: half a character becomes the mark of an unknown
    one, and a number that is none becomes null.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.translate(_UNTRUE)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
