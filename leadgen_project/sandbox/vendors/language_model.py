"""A stand-in for an OpenAI-compatible language model: strict in its rules, made up in its words.

with LanguageModelStandIn(mode=Mode.OBEY) as model:
    model.base_url              # OPENAI_BASE_URL
    model.asked()[0].question   # the whole request as it came in
    model.prompts()             # all that was said to it, for those who look for leaks

It is no model: answers come from simple rules over the text given, so the same question gets the
same answer. Written after openai/openai-openapi at f85dbe2 and what real servers were seen to
refuse; what it counts as tokens (four bytes each) is its own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadgen_project.sandbox.loopback import Raw, Reply, Request
from leadgen_project.sandbox.vendors.language_model_answers import Asked, Mode, answer_to
from leadgen_project.sandbox.vendors.language_model_dialogue import speak
from leadgen_project.sandbox.vendors.language_model_rules import (
    REASONING,
    RefusedError,
    check_door,
    check_request,
)
from leadgen_project.sandbox.vendors.language_model_stream import Broken, stream
from leadgen_project.sandbox.vendors.stand_in import (
    VendorCall,
    VendorStandIn,
    question_of,
    reply_json,
)

BYTES_PER_TOKEN = 4
REASONING_TOKENS = 64  # a reasoning model thinks this much before it answers
CONTEXT_TOKENS = 128_000
KNOWN_MODELS = frozenset({"gpt-5.4-mini", "gpt-5.6-luna", "gpt-4o-mini", "sandbox-model"})
PATH = "/v1/chat/completions"
KEY = "sandbox-key"  # the one a fresh stand-in accepts


@dataclass(slots=True)
class LanguageModelStandIn(VendorStandIn):
    """``credits`` are tokens. ``without_usage``, ``without_schemas`` and ``forbidden`` make it a
    lesser server or account; ``requests_per_minute`` stands in its headers alone.

    ``refuses``: parameters it does not take. A stream is ``broken`` after some chunks, and waits
    in ``pause(number)`` before each of them.
    """

    mode: Mode = Mode.HONEST
    models: frozenset[str] = KNOWN_MODELS
    without_usage: bool = False
    without_schemas: bool = False
    forbidden: bool = False
    refuses: frozenset[str] = frozenset()
    broken: Broken | None = None
    break_after: int = 4
    pause: Callable[[int], None] = lambda _number: None
    requests_per_minute: int = 500
    finish_reason: str = "stop"
    refusal: str = ""
    answers: list[str] = field(default_factory=list)  # said word for word, one a call, then by mode

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def prompts(self) -> list[str]:
        """Every message of every request, in order."""
        return [
            str(message.get("content"))
            for call in self.asked(PATH)
            if isinstance(call.question, dict)
            for message in call.question.get("messages", [])
        ]

    def answer(self, request: Request) -> Reply | bytes | Raw:
        """As any vendor; what is asked for as a stream is told as one."""
        reply = VendorStandIn.answer(self, request)
        asked = question_of(request)
        if not (isinstance(reply, Reply) and reply.status == 200 and isinstance(asked, dict)):
            return reply
        if not asked.get("stream") or reply.body[:7] != b'{"id": ':
            return reply
        with_usage = (asked.get("stream_options") or {}).get("include_usage", False)
        return stream(
            json.loads(reply.body), headers=list(reply.headers), broken=self.broken,
            with_usage=with_usage and not self.without_usage, break_after=self.break_after,
            pause=self.pause,
        )  # fmt: skip

    def _key(self, request: Request) -> str:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return key if scheme.lower() == "bearer" else ""

    def _trouble(self, status: int) -> Reply:
        if status == 429:
            refused = RefusedError(429, "rate_limit_exceeded", "Rate limit", kind="requests")
            return self._refuse(refused, [("retry-after", "1")])
        return self._refuse(
            RefusedError(status, "", "The server had an error", kind="server_error")
        )

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        try:
            check_door(request, call.key, path=PATH, keys=self.keys, forbidden=self.forbidden)
            asked = check_request(call.question, models=self.models, refuses=self.refuses,
                                  without_schemas=self.without_schemas)  # fmt: skip
            return self._complete(call, asked)
        except RefusedError as refused:
            return self._refuse(refused)

    def _complete(self, call: VendorCall, question: Mapping[str, Any]) -> Reply:
        said = "".join(message["content"] for message in question["messages"])
        schema = question.get("response_format", {}).get("json_schema", {})
        offered = json.dumps(question["tools"]) if "tools" in question else ""
        prompt = _tokens(said + json.dumps(schema.get("schema", "")) + offered)
        cap = question.get("max_completion_tokens") or question.get("max_tokens") or 100_000
        if prompt + cap > CONTEXT_TOKENS + 100_000 or prompt > CONTEXT_TOKENS:
            raise RefusedError(400, "context_length_exceeded", f"Too long, {prompt} tokens",
                          param="messages")  # fmt: skip
        if self.credits is not None and self.credits <= 0:
            raise RefusedError(429, "insufficient_quota", "You exceeded your current quota",
                          kind="insufficient_quota")  # fmt: skip
        message, finish = self._message(call, question)
        reasoning = REASONING_TOKENS if REASONING.match(question["model"]) else 0
        wanted = _tokens(str(message["content"] or "")) + reasoning
        if wanted > cap:
            wanted, finish = cap, "length"
            kept = max(cap - reasoning, 0) * BYTES_PER_TOKEN
            message["content"] = str(message["content"] or "")[:kept]
        self._charge(call, prompt + wanted)
        told: dict[str, Any] = {
            "id": f"chatcmpl-sandbox-{len(self.calls)}", "object": "chat.completion",
            "created": 1_780_000_000, "model": f"{question['model']}-2026-06-01",
            "service_tier": "default", "system_fingerprint": "fp_sandbox",
            "choices": [{"index": 0, "finish_reason": finish, "logprobs": None,
                         "message": message}],
        }  # fmt: skip
        if not self.without_usage:
            told["usage"] = {
                "prompt_tokens": prompt, "completion_tokens": wanted,
                "total_tokens": prompt + wanted,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": reasoning},
            }  # fmt: skip
        return reply_json(told, headers=self._headers())

    def _message(self, call: VendorCall, question: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None,
                                   "annotations": []}  # fmt: skip
        if self.refusal:
            return {**message, "refusal": self.refusal}, "stop"
        if self.finish_reason == "content_filter":
            return message, "content_filter"
        number = len(self.calls)
        if self.answers:
            return {**message, "content": self.answers.pop(0)}, self.finish_reason
        if "tools" in question:
            content, tools = speak(question, mode=self.mode, number=number)
        else:
            content, tools = answer_to(_asked(question), mode=self.mode, number=number)
        if tools:
            return {**message, "content": content, "tool_calls": tools}, "tool_calls"
        return {**message, "content": content}, self.finish_reason

    def _headers(self) -> list[tuple[str, str]]:
        left = max(self.requests_per_minute - len(self.calls), 0)
        return [
            ("x-request-id", f"req_sandbox_{len(self.calls)}"),
            ("x-ratelimit-limit-requests", str(self.requests_per_minute)),
            ("x-ratelimit-remaining-requests", str(left)),
            ("x-ratelimit-reset-requests", "6m0s"),
        ]

    def _refuse(self, refused: RefusedError, headers: list[tuple[str, str]] | None = None) -> Reply:
        body = {"message": str(refused), "type": refused.kind, "param": refused.param or None,
                "code": refused.code or None}  # fmt: skip
        return reply_json({"error": body}, refused.status,
                          headers=[*self._headers(), *(headers or [])])  # fmt: skip


def _asked(question: Mapping[str, Any]) -> Asked:
    """What is asked, by the schema's name and the messages; without a schema, by the words."""
    said = {message["role"]: message["content"] for message in question["messages"]}
    schema = question.get("response_format", {}).get("json_schema", {})
    if not schema:
        found = re.search(r"JSON Schema:\n(\{.*\})\s*\Z", said.get("system", ""), re.DOTALL)
        schema = {"name": "", "schema": json.loads(found.group(1)) if found else {}}
    return Asked(schema["name"], schema["schema"], said.get("system", ""), said.get("user", ""))


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)
