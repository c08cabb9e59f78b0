"""An answer that comes in chunks: read in a thread of its own, and put together as it comes.

Contract: server-sent events, each ``data:`` line a chunk with ``choices[0].delta``; the last one
before ``[DONE]`` has no choices but the ``usage`` that ``stream_options.include_usage`` asks for.
Calls of tools come in parts, by ``index``: id and name once, then pieces of the arguments' text.
Source: openai/openai-openapi at f85dbe2. Compatible servers leave out the index, the usage or the
end, or answer in one piece; nothing of any chunk is believed beyond its form.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tenants.clients.language_model_errors import LanguageModelError
from tenants.permits import VendorError

TICK_SECONDS = 0.25  # a silence is told as often
TOGETHER_SECONDS = 0.1  # words that come within are heard as one
MOST_PARTS = 64  # calls of tools that are put together; far more than are read

NOT_OF_ITS_FORM = "The language model's answer is not of its form."
BROKEN_OFF = "The language model broke off in the middle of its answer."


def aside(read: Callable[[], Generator[bytes, None, None]]) -> Generator[bytes, None, None]:
    """What ``read()`` yields, in a thread of its own; ``b""`` for every silence of a tick.

    A silent server thus keeps nobody who wants to leave. The thread ends when something comes, or
    its time-outs strike, after that. Raises what ``read`` raises of a vendor's errors.
    """
    told: queue.SimpleQueue[bytes | VendorError | None] = queue.SimpleQueue()
    is_left = threading.Event()

    def pump() -> None:
        try:
            with closing(read()) as chunks:
                for chunk in chunks:
                    if is_left.is_set():
                        return
                    told.put(chunk)
        except VendorError as exc:
            told.put(exc)
        finally:
            told.put(None)

    threading.Thread(target=pump, name="language-model-stream", daemon=True).start()
    try:
        while (one := _next(told)) is not None:
            if isinstance(one, VendorError):
                raise one
            yield one
    finally:
        is_left.set()


def _next(told: queue.SimpleQueue[bytes | VendorError | None]) -> bytes | VendorError | None:
    try:
        return told.get(timeout=TICK_SECONDS)
    except queue.Empty:
        return b""


def in_steps(chunks: Iterator[bytes], heard: Heard) -> Iterator[str]:
    """The words of ``chunks``, at most some times a second; empty where there are none.

    What comes after the end is not waited for: some servers keep the line open.
    """
    due = 0.0
    try:
        for chunk in chunks:
            heard.add(chunk)
            if heard.is_done:
                break
            if time.monotonic() >= due:
                yield heard.news()
                due = time.monotonic() + TOGETHER_SECONDS
    except VendorError:
        yield heard.news()
        raise
    yield heard.news()


@dataclass(slots=True)
class Heard:
    """What came so far."""

    _rest: bytes = b""
    _whole: bytes | None = None  # of a server that does not stream
    _id: object = None
    _words: list[str] = field(default_factory=list)
    _told: int = 0
    _refusal: str = ""
    _parts: list[dict[str, Any]] = field(default_factory=list)
    _finish: object = None
    _usage: object = None
    is_done: bool = False
    _chunks: int = 0

    def news(self) -> str:
        """The words since the last time."""
        words = "".join(self._words[self._told :])
        self._told = len(self._words)
        return words

    def add(self, data: bytes) -> None:
        """Take what came in. Raises ``LanguageModelError``."""
        if self._whole is not None or (not self._chunks and self._is_object(data)):
            self._whole = (self._whole or self._rest) + data
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line.strip())

    @property
    def is_in_one_piece(self) -> bool:
        return self._whole is not None

    @property
    def has_begun(self) -> bool:
        """Whether the server writes an answer, and so is paid for it."""
        return bool(self._chunks)

    def so_far(self) -> dict[str, Any]:
        """What is known of an answer nobody hears to its end. Running totals are no usage."""
        return {"id": self._id, "usage": self._usage if self._finish is not None else None}

    def told(self) -> dict[str, Any]:
        """All of it, in the form of an answer in one piece. Raises when it is not whole."""
        if self._whole is not None:
            return object_of(self._whole)
        self.add(b"\n")
        if not self._chunks:
            raise LanguageModelError(NOT_OF_ITS_FORM, retryable=True)
        if self._finish is None and not self.is_done:
            raise LanguageModelError(BROKEN_OFF, retryable=True)
        message = {"content": "".join(self._words), "tool_calls": self._parts,
                   "refusal": self._refusal}  # fmt: skip
        return {"id": self._id, "usage": self._usage,
                "choices": [{"finish_reason": self._finish, "message": message}]}  # fmt: skip

    def _is_object(self, data: bytes) -> bool:
        return (self._rest + data).lstrip()[:1] == b"{"

    def _line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.strip()
        if name != b"data" or not value or self.is_done:
            return
        if value == b"[DONE]":
            self.is_done = True
        else:
            self._chunk(object_of(value))

    def _chunk(self, chunk: dict[str, Any]) -> None:
        if chunk.get("error"):
            raise LanguageModelError(BROKEN_OFF, retryable=True)
        self._chunks += 1
        self._id = self._id or chunk.get("id")
        self._usage = chunk.get("usage") or self._usage
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index", 0) != 0:
            return
        self._finish = choice.get("finish_reason") or self._finish
        if isinstance(choice.get("delta"), dict):
            self._delta(choice["delta"])

    def _delta(self, delta: dict[str, Any]) -> None:
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict):
                self._part(call)
        if isinstance(delta.get("refusal"), str):
            self._refusal += delta["refusal"]
        if isinstance(delta.get("content"), str) and not self._refusal:
            self._words.append(delta["content"])

    def _part(self, call: dict[str, Any]) -> None:
        part = self._part_of(call)
        function = call.get("function")
        if part is None or not isinstance(function, dict):
            return
        told = part["function"]
        if isinstance(function.get("name"), str) and not told["name"]:
            told["name"] = function["name"]
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # told whole by some servers
            arguments = json.dumps(arguments)
        if isinstance(arguments, str):
            told["arguments"] += arguments

    def _part_of(self, call: dict[str, Any]) -> dict[str, Any] | None:
        """The call this is a part of. Some servers leave out the index, or number all calls 0."""
        index, call_id = call.get("index"), call.get("id")
        for part in reversed(self._parts):
            is_same = part["index"] == index if index is not None else not call_id
            if is_same and call_id in (None, "", part["id"]):
                return part
        if len(self._parts) >= MOST_PARTS:
            return None
        self._parts.append({"index": index, "id": call_id or "",
                            "function": {"name": "", "arguments": ""}})  # fmt: skip
        return self._parts[-1]


def object_of(text: bytes) -> dict[str, Any]:
    """The JSON object ``text`` is. Raises ``LanguageModelError``."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise LanguageModelError(NOT_OF_ITS_FORM, retryable=True)
    return told
