"""The one way to the language model: by permits, booked, and paid every time.

What is asked by a prompt again and again is asked through ``llm``, which keeps the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from django.conf import settings

from tenants.clients.dialogue import Dialogue, Spoken
from tenants.clients.language_model import Answer, LanguageModelClient, Prices, Question
from tenants.clients.language_model_errors import ParameterRefusedError
from tenants.context import current_schema
from tenants.models import TenantSettings
from tenants.paid import governor
from tenants.paid.governor import PATIENCE, Purpose
from tenants.permits import Permit, Vendor

MOST_PARAMETERS = 4  # that a model may refuse, one after the other


@dataclass(frozen=True, slots=True)
class Model:
    """Which model a tenant asks and how: its own choice, else the deployment's."""

    name: str
    temperature: float | None


def model_of_tenant() -> Model:
    """The current tenant's model and temperature."""
    own = TenantSettings.objects.filter(tenant_id=current_schema()).first()
    name = own.llm_model if own and own.llm_model else settings.LANGCHAIN_MODEL
    temperature = settings.TEMPERATURE
    if own and own.llm_temperature is not None:
        temperature = float(own.llm_temperature)
    return Model(name, temperature)


def ask(
    question: Question,
    *,
    purpose: Purpose,
    patience: timedelta = PATIENCE,
    tries: int = 3,
    before: Callable[[], None] = lambda: None,
) -> Answer:
    """The model's answer, on as many permits as it takes; ``before`` runs on each of them.

    Paid every time. Raises a ``NoPermitError`` or a ``LanguageModelError``; what the model does
    not take is left out and asked again.
    """
    client, price = _client(settings.OPENAI_BASE_URL), prices()
    client.prepare()

    def ask_once(permit: Permit) -> Answer:
        before()
        return client.complete(permit, question, prices=price)

    tokens, cap = question.most_prompt_tokens, question.most_answer_tokens
    for attempt in _attempts():
        with attempt:
            return governor.ask(
                Vendor.LLM, ask_once, units=tokens + cap, purpose=purpose, patience=patience,
                micros=price.micros(prompt=tokens, completion=cap), tries=tries,
            )  # fmt: skip
    raise AssertionError("unreachable")


def listen(
    dialogue: Dialogue,
    *,
    purpose: Purpose,
    patience: timedelta = PATIENCE,
    tries: int = 2,
    before: Callable[[], None] = lambda: None,
) -> Generator[str, None, Spoken]:
    """The model's next message in ``dialogue``: its words as they come, then the whole of it.

    Empty texts say only that it is silent. Paid every time; raises as ``ask``, also after
    words. Nothing is asked again once there were words. Whoever stops listening pays the
    question, by estimate, and the whole cap of the answer.
    """
    client, price = _client(settings.OPENAI_BASE_URL), prices()
    client.prepare()

    def listen_once(permit: Permit) -> Generator[str, None, Spoken]:
        before()
        return client.listen(permit, dialogue, prices=price)

    tokens, cap = dialogue.most_prompt_tokens, dialogue.most_answer_tokens
    for attempt in _attempts():
        with attempt:
            return (yield from governor.listen(
                Vendor.LLM, listen_once, units=tokens + cap, purpose=purpose, patience=patience,
                micros=price.micros(prompt=tokens, completion=cap), tries=tries,
            ))  # fmt: skip
    raise AssertionError("unreachable")


def prices() -> Prices:
    return Prices(
        settings.LLM_INPUT_USD_PER_MILLION,
        settings.LLM_CACHED_USD_PER_MILLION,
        settings.LLM_OUTPUT_USD_PER_MILLION,
    )


def _attempts() -> Iterator[AbstractContextManager[None, bool | None]]:
    """Ask within each until one answers: the client leaves out what the model refused before.

    What it still refuses in the last of them rises.
    """
    for _ in range(MOST_PARAMETERS):
        yield suppress(ParameterRefusedError)
    yield nullcontext()


@lru_cache(maxsize=4)
def _client(base_url: str) -> LanguageModelClient:
    """One per server and process, for its connections."""
    return LanguageModelClient(base_url)
