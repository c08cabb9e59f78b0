"""The language model's calls a minute: one limit for all processes, changed while they run.

Turns are compared by the database's clock, which gives them. Calls come in after their turn, on a
busy machine long after it, so of those it is only asked that none comes early.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.forks import Forks, forking
from leadgen_project.tests.spending import most_within, none_came_early, turns
from tenants.context import in_public
from tenants.vendor_models import RateLimit

PROCESSES, EACH, LIMIT = 3, 7, 20  # together one more than a window takes
MINUTE = 60
PATIENT, IMPATIENT = 120, 0.01


class Crew:
    """Processes that ask the model; its journal says when each question came in."""

    def __init__(self, forks: Forks, model: LanguageModelStandIn) -> None:
        self.forks, self.model, self.rounds = forks, model, 0

    def ask(self, *, patience: float, processes: int = PROCESSES, calls: int = EACH) -> list[float]:
        """All of them ask at once; returns when all questions of this round came in."""
        before, self.rounds = len(self.model.calls), self.rounds + 1
        self.forks.start(
            vendor="LLM", tenant="acme", run_id=self.rounds, calls=calls, processes=processes,
            patience_seconds=patience,
        )  # fmt: skip
        assert self.forks.wait() == 0  # none was killed
        return [call.at for call in self.model.calls[before:]]


@contextmanager
def asking(env: dict[str, str]) -> Iterator[Crew]:
    with LanguageModelStandIn(answers=['{"ready": true}'] * 100) as model:
        env = {**env, "OPENAI_API_KEY": "sandbox-key", "OPENAI_BASE_URL": model.base_url,
               "LANGCHAIN_MODEL": "sandbox-model", "LOG_LEVEL": "CRITICAL"}  # fmt: skip
        with forking(env) as forks:
            yield Crew(forks, model)


@pytest.fixture
def owner(committed) -> Caller:
    make_people()
    return Caller("owner")


def test_the_call_above_the_limit_waits_until_the_window_has_room(committed):
    seconds = 2
    with in_public():
        RateLimit.objects.create(lane="LLM", calls=LIMIT, seconds=seconds)

    with asking(committed.env) as crew:
        times = sorted(crew.ask(patience=PATIENT))

    due = turns()
    assert len(times) == len(due) == PROCESSES * EACH
    assert most_within(due, seconds) <= LIMIT
    assert due[LIMIT] >= due[0] + timedelta(seconds=seconds)
    assert none_came_early(crew.model.calls, due)


def test_of_more_calls_than_a_minute_takes_no_more_are_made_and_a_new_limit_holds_at_once(
    committed, owner
):
    began = time.monotonic()
    with asking(committed.env) as crew:
        owner.send("put", "updateConfig", {"llmTransactionLimit": LIMIT})
        first = crew.ask(patience=IMPATIENT)
        owner.send("put", "updateConfig", {"llmTransactionLimit": LIMIT + 3})
        second = crew.ask(patience=IMPATIENT, processes=2, calls=2)
        owner.send("put", "updateConfig", {"llmTransactionLimit": 1})
        third = crew.ask(patience=IMPATIENT, processes=1, calls=1)

    assert len(turns()) == len(crew.model.calls)
    assert most_within(turns()[: len(first)], MINUTE) <= LIMIT
    assert most_within(turns(), MINUTE) <= LIMIT + 3
    if time.monotonic() - began < MINUTE:  # else the first turns had their minute over
        assert (len(first), len(second), len(third)) == (LIMIT, 3, 0)
