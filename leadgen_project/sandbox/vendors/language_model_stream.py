"""An answer of the stand-in as server-sent events, as OpenAI sends them; and streams that go wrong.

First the role, then the words one by one or the calls of tools in parts, then the reason of the
end, then the usage (where it was asked for, in a chunk without choices), then ``[DONE]``.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from leadgen_project.sandbox.loopback import Raw

PART = 24  # characters of a call's arguments in one chunk


class Broken(StrEnum):
    """How a stream may go wrong, after ``break_after`` chunks."""

    CUT = "cut"  # the line ends
    ERROR = "error"  # the server says so, and hangs up
    GARBAGE = "garbage"  # a chunk that is no JSON
    FORM = "form"  # chunks that are JSON of another form; the stream goes on
    ENDLESS = "endless"  # words without an end, until nobody listens


def stream(
    told: Mapping[str, Any],
    *,
    headers: list[tuple[str, str]],
    with_usage: bool,
    broken: Broken | None,
    break_after: int,
    pause: Callable[[int], None],
) -> Raw:
    """Writes ``told``, an answer in one piece, chunk by chunk; ``pause(n)`` before the n-th."""
    chunks = list(_chunks(told, with_usage=with_usage))

    def write(connection: socket.socket) -> None:
        connection.sendall(_head(headers))
        for number, chunk in enumerate(chunks):
            pause(number)
            if broken is not None and number >= break_after:
                _break(connection, broken, chunk)
                if broken is not Broken.FORM:
                    return
            _send(connection, _event(chunk))
        _send(connection, b"data: [DONE]\n\n")
        connection.sendall(b"0\r\n\r\n")

    return write


def _chunks(told: Mapping[str, Any], *, with_usage: bool) -> Iterator[dict[str, Any]]:
    common = {name: told[name] for name in ("id", "created", "model", "service_tier",
                                            "system_fingerprint")}  # fmt: skip
    common["object"] = "chat.completion.chunk"
    usage = {"usage": None} if with_usage else {}
    [choice] = told["choices"]
    for delta in ({"role": "assistant", "content": "", "refusal": None}, *_deltas(choice)):
        yield {**common, "choices": [_choice(delta, None)], **usage}
    yield {**common, "choices": [_choice({}, choice["finish_reason"])], **usage}
    if with_usage:
        yield {**common, "choices": [], "usage": told.get("usage")}


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _deltas(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    message = choice["message"]
    if message.get("refusal"):
        yield {"refusal": message["refusal"]}
    for word in re.findall(r"\s*\S{1,2000}|\s+", message.get("content") or ""):
        yield {"content": word}
    for index, call in enumerate(message.get("tool_calls", [])):
        function = call.get("function", {})
        begun = {"name": function.get("name"), "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call.get("id"), "type": "function",
                               "function": begun}]}  # fmt: skip
        text = function.get("arguments") or ""
        for at in range(0, len(text), PART):
            part = {"index": index, "function": {"arguments": text[at : at + PART]}}
            yield {"tool_calls": [part]}


def _break(connection: socket.socket, broken: Broken, chunk: dict[str, Any]) -> None:
    match broken:
        case Broken.ERROR:
            error = {"message": "The server had an error", "type": "server_error"}
            _send(connection, _event({"error": error}))
        case Broken.GARBAGE:
            _send(connection, b'data: {"choices": [\n\n')
        case Broken.FORM:
            for odd in (7, "x", [{"delta": 7}], [{"delta": {"content": 7, "tool_calls": "x"}}],
                        [{"delta": {"tool_calls": [7, {"function": 7}]}}]):  # fmt: skip
                _send(connection, _event({**chunk, "choices": odd}))
        case Broken.ENDLESS:
            while True:  # until the other side has gone, which raises
                _send(connection, _event({**chunk, "choices": [_choice({"content": "on "}, None)]}))


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _head(headers: list[tuple[str, str]]) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8",
             "Transfer-Encoding: chunked"]  # fmt: skip
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
