"""Ask the language model by a prompt: an input in, a checked object out, paid once.

Who asks names what the answer must look like as a dataclass. The answer is kept by the hash of what
was asked, and validated; nothing of it is believed here beyond its form. The same input is
paid once per tenant, also when two workers come with it at the same moment.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.utils import timezone

from tenants.clients.language_model import Answer, Question
from tenants.clients.language_model_errors import AnswerUnusableError
from tenants.context import connection, current_schema
from tenants.language_model.ask import ask, model_of_tenant, prices
from tenants.language_model.llm_schema import read_answer, strict_schema
from tenants.language_model.prompts import Prompt
from tenants.llm_models import LlmAnswer
from tenants.outage import outlast
from tenants.paid.governor import PATIENCE, Purpose
from tenants.permits import RateLimitError

T = TypeVar("T")

LEASE = timedelta(seconds=300)  # the governor's patience, a call at its slowest, and a margin
POLL_SECONDS = 0.25
LONGEST_ANSWER = 64_000  # characters

_CLAIM = """
INSERT INTO tenants_llmanswer AS a (tenant_id, cache_key, prompt, model, temperature, text, problem,
    prompt_tokens, completion_tokens, is_estimated, micros, asked_at, leased_until, lease)
VALUES (%(tenant)s, %(key)s, %(prompt)s, %(model)s, NULL, '', '', 0, 0, false, 0,
    clock_timestamp(), clock_timestamp() + %(length)s, %(lease)s)
ON CONFLICT (tenant_id, cache_key) DO UPDATE
    SET lease = excluded.lease, leased_until = excluded.leased_until, asked_at = excluded.asked_at
    WHERE a.answered_at IS NULL AND a.leased_until < clock_timestamp()
"""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What stands beside everything a model wrote."""

    model: str  # the dated snapshot
    prompt: str  # name and version
    temperature: float | None  # as sent
    cache_key: str
    tokens: int
    micros: int
    from_cache: bool
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Completion(Generic[T]):
    value: T
    facts: CallFacts


def complete(
    prompt: Prompt,
    *,
    about: str,
    schema: type[T],
    purpose: Purpose,
    patience: timedelta = PATIENCE,
) -> Completion[T]:
    """Ask ``prompt`` about ``about`` (the user's message) and return a ``schema`` (a dataclass).

    Raises a ``NoPermitError`` when nothing may be asked now, a ``LanguageModelError`` when the
    model does not answer, and its ``AnswerUnusableError`` when the answer has not the form asked
    for; the last is remembered too, since asking again would be paid again. From the cache it costs
    one statement. Must not stand inside a transaction.
    """
    model = model_of_tenant()
    question = Question(
        model=model.name, system=prompt.system_text, user=about, schema_name=prompt.name,
        schema=strict_schema(schema), most_answer_tokens=prompt.most_answer_tokens,
        temperature=model.temperature,
    )  # fmt: skip
    key = cache_key(prompt, question)
    lease = secrets.token_hex(16)
    known = _known_or_mine(key, question, prompt=prompt, lease=lease, patience=patience)
    row = known or _ask(question, key=key, lease=lease, purpose=purpose, patience=patience,
                        schema=schema)  # fmt: skip
    if row.problem:
        raise AnswerUnusableError(row.problem)
    return Completion(read_answer(row.text, schema), _facts(row, from_cache=known is not None))


def most(prompt: Prompt, *, schema: type, input_bytes: int) -> tuple[int, int]:
    """Tokens and micros that asking about ``input_bytes`` reserves, and so costs at most."""
    question = Question(
        model="", system=prompt.system_text, user="", schema_name=prompt.name,
        schema=strict_schema(schema), most_answer_tokens=prompt.most_answer_tokens,
    )  # fmt: skip
    tokens = question.most_prompt_tokens + input_bytes
    answer = prompt.most_answer_tokens
    return tokens + answer, prices().micros(prompt=tokens, completion=answer)


def cache_key(prompt: Prompt, question: Question) -> str:
    """SHA-256 of prompt version, model (and where it is served), temperature and input.

    The prompt's words and the schema are in it as well, lest a forgotten version serve old answers.
    """
    parts = [prompt.label, question.system, question.schema, settings.OPENAI_BASE_URL,
             question.model, question.temperature, question.user]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def forget_answers(*, keep_days: int, now: datetime) -> int:
    """Let go of the current tenant's answers older than ``keep_days``; returns how many."""
    old = LlmAnswer.objects.filter(
        tenant_id=current_schema(), asked_at__lt=now - timedelta(days=keep_days)
    )
    return old.delete()[0]


def _known_or_mine(
    key: str, question: Question, *, prompt: Prompt, lease: str, patience: timedelta
) -> LlmAnswer | None:
    """The answer that is there already; ``None`` when it is ours to ask for, under ``lease``.

    Waits while another worker asks the same, no longer than ``patience`` beyond its lease.
    """
    give_up_at = time.monotonic() + (LEASE + patience).total_seconds()
    while time.monotonic() < give_up_at:
        row = outlast(lambda: _row(key))
        if row is not None and row.answered_at is not None:
            return row
        if outlast(lambda: _claim(key, question, prompt=prompt, lease=lease)):
            return None
        time.sleep(POLL_SECONDS)
    raise RateLimitError(f"{current_schema()}: another worker has been asking the same for long.")


def _row(key: str) -> LlmAnswer | None:
    return LlmAnswer.objects.filter(tenant_id=current_schema(), cache_key=key).first()


def _claim(key: str, question: Question, *, prompt: Prompt, lease: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"tenant": current_schema(), "key": key, "prompt": prompt.label,
                                "model": question.model[:100], "length": LEASE,
                                "lease": lease})  # fmt: skip
        return cursor.rowcount == 1


def _ask(
    question: Question, *, key: str, lease: str, purpose: Purpose, patience: timedelta, schema: type
) -> LlmAnswer:
    """Ask, keep what came, and return its row; on any error the claim is given back."""
    mine = LlmAnswer.objects.filter(tenant_id=current_schema(), cache_key=key, lease=lease)
    told: dict[str, Any] = {}
    try:
        try:
            answer = _asked(question, purpose=purpose, patience=patience, lease=lease, key=key)
            told = _told(answer)
            _check_form(answer, schema)
        except AnswerUnusableError as exc:
            told |= {"problem": str(exc)[:300], "text": ""}
        outlast(lambda: mine.update(**told, answered_at=timezone.now()))
    finally:
        outlast(lambda: mine.filter(answered_at=None).delete())
    row = _row(key)
    if row is None or row.lease != lease:  # removed or taken over meanwhile; ours is as good
        row = LlmAnswer(cache_key=key, prompt="", lease=lease, leased_until=timezone.now(), **told)
    return row


def _asked(
    question: Question, *, purpose: Purpose, patience: timedelta, lease: str, key: str
) -> Answer:
    """The answer; each call renews the claim."""
    return ask(question, purpose=purpose, patience=patience,
               before=lambda: outlast(lambda: _hold(key, lease)))  # fmt: skip


def _hold(key: str, lease: str) -> None:
    mine = LlmAnswer.objects.filter(tenant_id=current_schema(), cache_key=key, lease=lease)
    mine.update(leased_until=timezone.now() + LEASE)


def _check_form(answer: Answer, schema: type) -> None:
    if len(answer.text) > LONGEST_ANSWER:
        raise AnswerUnusableError("The language model's answer is longer than was asked for.")
    read_answer(answer.text, schema)


def _told(answer: Answer) -> dict[str, Any]:
    return {
        "text": answer.text, "model": answer.model[:100], "temperature": answer.temperature,
        "prompt_tokens": answer.usage.prompt, "completion_tokens": answer.usage.completion,
        "is_estimated": answer.usage.is_estimated, "micros": answer.micros,
    }  # fmt: skip


def _facts(row: LlmAnswer, *, from_cache: bool) -> CallFacts:
    return CallFacts(
        model=row.model, prompt=row.prompt, temperature=row.temperature, cache_key=row.cache_key,
        tokens=row.prompt_tokens + row.completion_tokens, micros=row.micros,
        from_cache=from_cache, is_estimated=row.is_estimated,
    )  # fmt: skip
