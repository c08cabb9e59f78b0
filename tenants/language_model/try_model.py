"""Try the language model with the tenant's key and model: one short, paid, booked call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tenants.clients.language_model import Answer, Question
from tenants.language_model import llm
from tenants.language_model.ask import ask, model_of_tenant
from tenants.language_model.llm_schema import strict_schema
from tenants.language_model.prompts import Prompt
from tenants.permits import Purpose, Vendor

TEST = Purpose("test the key")
PATIENCE = timedelta(seconds=5)  # somebody is waiting for the page
PROMPT = Prompt(
    name="test",
    version=1,
    system="Somebody tests whether you can be reached. Answer that you are ready.",
    most_answer_tokens=500,  # a reasoning model thinks even about this
)
MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Ready:
    """All the model is to say."""

    ready: bool


def try_model() -> str:
    """Ask the model of the current tenant, and say who answered and what it cost.

    One call in the ledger, like any other, and one of the minute's. Raises a ``NoPermitError`` or
    ``VendorError`` whose text says what is wrong; one that was charged stands in the ledger too.
    """
    answer = ask(_question(), purpose=TEST, patience=PATIENCE, tries=1)
    return f"{Vendor.LLM.label} {answer.model} answers. This test cost {_cost(answer)}."


def most() -> tuple[int, int]:
    """Tokens and micros that a test costs at most."""
    return llm.most(PROMPT, schema=Ready, input_bytes=len(_question().user.encode()))


def _question() -> Question:
    model = model_of_tenant()
    return Question(
        model=model.name, system=PROMPT.system_text, user="Are you ready?",
        schema_name=PROMPT.name, schema=strict_schema(Ready),
        most_answer_tokens=PROMPT.most_answer_tokens, temperature=model.temperature,
    )  # fmt: skip


def _cost(answer: Answer) -> str:
    tokens = f"{answer.usage.total:,} tokens{' by our estimate' * answer.usage.is_estimated}"
    if not answer.micros:
        return f"{tokens} (no price is set)"
    return f"{tokens}, USD {answer.micros / MICROS:.6f}"
