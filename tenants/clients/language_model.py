"""Chat completions of any OpenAI-compatible server: one call on one permit, booked before reading.

Contract: POST {base}/chat/completions with a bearer key; ``usage`` in the answer is what is paid.
The package's own repeats are off, since each is another billed call that no governor sees. Models
differ in what they take: reasoning models refuse ``temperature`` and ``max_tokens``, other servers
structured output. What a model refused is remembered for the life of the process.

Sources: openai 3.54.0 (its source), openai/openai-openapi at f85dbe2. No text of an error, key,
prompt or answer reaches a message of ours: servers put keys and prompts into their error texts.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from tenants.clients.dialogue import MESSAGE_TOKENS, Dialogue, Spoken, read_calls
from tenants.clients.language_model_errors import (
    AnswerUnusableError,
    LanguageModelError,
    ParameterRefusedError,
    refusal_of,
)
from tenants.clients.language_model_stream import Heard, aside, in_steps, object_of
from tenants.permits import Charge, Halt, Permit, Vendor

if TYPE_CHECKING:
    import openai

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 60.0, 120.0
MOST_ANSWER_BYTES = 2_000_000  # of a whole HTTP answer; what is longer is no answer to us
MOST_CREDIBLE_TOKENS = 100_000_000
BYTES_PER_TOKEN = 3  # where usage is not told; English has about 4, so this is rather too much

_REFUSED: dict[tuple[str, str], frozenset[str]] = {}  # (base address, model) -> parameters


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens, which is micros per token."""

    prompt: Decimal
    cached: Decimal
    completion: Decimal

    def micros(self, *, prompt: int, completion: int, cached: int = 0) -> int:
        """Millionths of a US dollar, rounded up."""
        cached = min(cached, prompt)
        return math.ceil(
            (prompt - cached) * self.prompt + cached * self.cached + completion * self.completion
        )


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``schema`` is a strict JSON Schema; ``temperature`` None leaves it out."""

    model: str
    system: str
    user: str
    schema_name: str
    schema: Mapping[str, Any]
    most_answer_tokens: int
    temperature: float | None = None

    @property
    def most_prompt_tokens(self) -> int:
        """Never below what the prompt costs: no token is shorter than a byte of UTF-8."""
        sent = self.system, self.in_words, self.user, json.dumps(self.schema)
        return sum(len(text.encode()) for text in sent) + MESSAGE_TOKENS

    @property
    def in_words(self) -> str:
        """What tells a server without structured output what to answer."""
        return (
            "\n\nAnswer with one JSON object and nothing else. It must fit this JSON Schema:\n"
            f"{json.dumps(self.schema)}"
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens paid for. ``completion`` includes those of reasoning."""

    prompt: int
    completion: int
    cached: int = 0
    is_estimated: bool = False

    @property
    def total(self) -> int:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Answer:
    """The model's words, as they came, with what they cost."""

    text: str = field(repr=False)
    model: str  # the dated snapshot that answered
    reference: str
    usage: Usage
    micros: int
    temperature: float | None  # as sent


class Asking(Protocol):
    """What both a question and a dialogue tell: bounds of what they may cost."""

    @property
    def model(self) -> str: ...

    @property
    def most_answer_tokens(self) -> int: ...

    @property
    def most_prompt_tokens(self) -> int: ...


@dataclass(frozen=True)
class LanguageModelClient:
    """Asks one server. Keeps its connections; threads may share it."""

    base_url: str

    def prepare(self) -> None:
        """Load the package. Before the permit is taken, so that its turn is not slept through."""
        _ = self._api

    def complete(self, permit: Permit, question: Question, *, prices: Prices) -> Answer:
        """Ask once. Raises ``LanguageModelError``; never returns part of an answer.

        Tokens are settled on the permit before the answer is read, so an answer that cannot be
        used is paid as well. Takes at most ``TOTAL_SECONDS``.
        """
        refused = self._refused(question)
        parameters = _parameters(question, refused)
        told, usage, micros = self._paid(permit, question, parameters, prices=prices)
        return Answer(
            text=_content(told, question),
            model=_short(told.get("model")) or question.model,
            reference=_short(told.get("id")),
            usage=usage,
            micros=micros,
            temperature=parameters.get("temperature"),
        )

    def listen(
        self, permit: Permit, dialogue: Dialogue, *, prices: Prices
    ) -> Generator[str, None, Spoken]:
        """The next message of a dialogue: its words as they come, then the whole of it.

        A few times a second an empty text comes where there are no words, so that a listener may
        leave. Nobody tells what one who does has used: once the answer has begun, its question is
        estimated and it counts as its cap. Before that, and where a line is cut, the permit is left
        unsettled. Paid before it is judged, as ``complete``; what cannot be used raises
        ``AnswerUnusableError`` after its words. A server that does not stream is heard in one
        piece.
        """
        refused = self._refused(dialogue)
        parameters = _bounded(dialogue, refused) | _streamed(refused)
        parameters |= {"messages": list(dialogue.messages), "tools": dialogue.offered}
        key = _key(permit)
        heard = Heard()
        ask = partial(self._ask, key, parameters, model=dialogue.model, refused=refused)
        try:
            with closing(aside(ask)) as chunks:
                yield from in_steps(chunks, heard)
        except GeneratorExit:
            if heard.has_begun:
                begun = heard.so_far()
                _settle(permit, begun, _streamed_usage(begun, dialogue), prices=prices)
            raise
        told = heard.told()
        usage, micros = _settle(permit, told, _streamed_usage(told, dialogue), prices=prices)
        message = _message(told, dialogue)
        words = message.get("content")
        calls = read_calls(message.get("tool_calls"))
        words = words.strip() if isinstance(words, str) else ""
        if not words and not calls:
            raise AnswerUnusableError("The language model answered nothing.")
        if heard.is_in_one_piece and words:
            yield words
        return Spoken(words, calls, usage.total, micros)

    def _refused(self, asking: Asking) -> frozenset[str]:
        return _REFUSED.get((self.base_url, asking.model), frozenset())

    def _paid(
        self, permit: Permit, question: Question, parameters: dict[str, Any], *, prices: Prices
    ) -> tuple[dict[str, Any], Usage, int]:
        """The answer as an object, with its tokens and micros, which are settled."""
        key = _key(permit)
        refused = self._refused(question)
        body = b"".join(self._ask(key, parameters, model=question.model, refused=refused))
        told = object_of(body)
        return told, *_settle(permit, told, _usage(told, question), prices=prices)

    @cached_property
    def _api(self) -> openai.OpenAI:
        import openai  # noqa: PLC0415 -- takes 1.7 s, which only those who ask should wait

        limits = openai.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        return openai.OpenAI(
            api_key="given with each call", base_url=self.base_url, timeout=limits, max_retries=0
        )

    def _ask(
        self, key: str, parameters: dict[str, Any], *, model: str, refused: frozenset[str]
    ) -> Generator[bytes, None, None]:
        """The answer as it comes in."""
        import httpx2  # noqa: PLC0415 -- as openai, which brings it
        import openai  # noqa: PLC0415 -- see above

        api = self._api.with_options(api_key=key)
        api.organization = api.project = None  # the environment's belong to the deployment's key
        deadline = time.monotonic() + TOTAL_SECONDS
        ask = api.chat.completions.with_streaming_response.create
        try:
            with ask(**parameters) as response:
                yield from _limited(response.iter_bytes(), deadline=deadline)
        except openai.APIStatusError as exc:
            error = refusal_of(exc, model=model, left_out=refused)
            if isinstance(error, ParameterRefusedError):
                _REFUSED[self.base_url, model] = refused | {error.parameter}
            raise error from None
        except (openai.APIConnectionError, httpx2.HTTPError) as exc:
            raise LanguageModelError(
                f"The language model did not answer ({type(exc).__name__}).", retryable=True
            ) from None


def _parameters(question: Question, refused: frozenset[str]) -> dict[str, Any]:
    system = question.system
    asked: dict[str, Any] = {"model": question.model}
    if "json_schema" not in refused:
        asked["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                "name": question.schema_name, "schema": dict(question.schema), "strict": True,
            },
        }  # fmt: skip
    else:
        system += question.in_words
        if "json_object" not in refused:
            asked["response_format"] = {"type": "json_object"}
    asked |= _bounded(question, refused)
    asked["messages"] = [
        {"role": "system", "content": system},
        {"role": "user", "content": question.user},
    ]
    return asked


def _bounded(asking: Question | Dialogue, refused: frozenset[str]) -> dict[str, Any]:
    # Without a cap nothing bounds the price, so the older name stands in where the new is unknown.
    cap = "max_tokens" if "max_completion_tokens" in refused else "max_completion_tokens"
    asked: dict[str, Any] = {"model": asking.model, cap: asking.most_answer_tokens}
    if asking.temperature is not None and "temperature" not in refused:
        asked["temperature"] = asking.temperature
    return asked


def _streamed(refused: frozenset[str]) -> dict[str, Any]:
    if "stream" in refused:
        return {}
    asked: dict[str, Any] = {"stream": True}
    if "stream_options" not in refused:
        asked["stream_options"] = {"include_usage": True}
    return asked


def _key(permit: Permit) -> str:
    """The key of the one call ``permit`` allows."""
    key = permit.use(Vendor.LLM)
    if not (key.isascii() and key.isprintable()):
        raise LanguageModelError(
            "The language model's key holds characters no key has. Enter it again.",
            charge=Charge.NONE, halt=Halt.KEY,
        )  # fmt: skip
    return key


def _settle(
    permit: Permit, told: Mapping[str, Any], usage: Usage, *, prices: Prices
) -> tuple[Usage, int]:
    micros = prices.micros(prompt=usage.prompt, cached=usage.cached, completion=usage.completion)
    mark = " (usage estimated)" if usage.is_estimated else ""
    reference = f"{_short(told.get('id'))[:80]}{mark}".strip()
    permit.settle(usage.total, micros=micros, reference=reference)
    return usage, micros


def _limited(chunks: Iterable[bytes], *, deadline: float) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MOST_ANSWER_BYTES:
            raise AnswerUnusableError("The language model's answer is longer than was asked for.")
        if time.monotonic() > deadline:
            raise LanguageModelError("The language model takes too long to answer.", retryable=True)
        yield chunk


def _usage(told: Mapping[str, Any], question: Asking) -> Usage:
    """What the answer says was used; where it says nothing credible, an estimate."""
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if _is_count(prompt) and _is_count(completion):
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, dict) else 0
        return Usage(prompt, completion, cached if _is_count(cached) else 0)
    answered = len(json.dumps(told.get("choices", "")).encode())
    return Usage(
        prompt=math.ceil(question.most_prompt_tokens / BYTES_PER_TOKEN),
        completion=min(math.ceil(answered / BYTES_PER_TOKEN), question.most_answer_tokens),
        is_estimated=True,
    )


def _streamed_usage(told: Mapping[str, Any], dialogue: Dialogue) -> Usage:
    """As ``_usage``; where a stream says nothing credible, the answer counts as its cap.

    What a reasoning model thought is paid like words and is in no chunk.
    """
    usage = _usage(told, dialogue)
    if not usage.is_estimated:
        return usage
    return replace(usage, completion=dialogue.most_answer_tokens)


def _is_count(value: object) -> TypeGuard[int]:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and 0 <= value <= MOST_CREDIBLE_TOKENS  # type: ignore[operator]  # an int


def _content(told: Mapping[str, Any], question: Question) -> str:
    message = _message(told, question)
    if message.get("tool_calls") or message.get("function_call"):
        raise AnswerUnusableError("The language model asked for tools nobody offered.")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise AnswerUnusableError("The language model answered nothing.")
    return content


def _message(told: Mapping[str, Any], question: Asking) -> dict[str, Any]:
    """The one message, whole. Raises ``AnswerUnusableError`` for one that was cut or held back."""
    choices = told.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise AnswerUnusableError("The language model's answer holds no message.")
    reason = choice.get("finish_reason")
    if reason == "length":
        raise AnswerUnusableError(
            f"The answer did not fit into {question.most_answer_tokens} tokens and was cut."
        )
    if reason == "content_filter":
        raise AnswerUnusableError("The language model's content filter held the answer back.")
    if message.get("refusal"):
        raise AnswerUnusableError("The language model refused to answer.")
    return message


def _short(value: object) -> str:
    """A name of the server's, as far as it is one."""
    return value[:100] if isinstance(value, str) and value.isprintable() else ""
