"""The language model's calls a minute: one limit for all processes, changed while they run.

Turns are compared by the database's clock, which gives them. Calls come in after their turn, on a
busy machine long after it, so of those it is only asked that none comes early.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.supervise import MANAGE
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.spending import none_came_early
from tenants.context import in_public
from tenants.vendor_models import RateLimit, VendorUsage

PROCESSES, EACH, LIMIT = 3, 7, 20  # together one more than a window takes
MINUTE = 60
PATIENT, IMPATIENT = 120, 0.01


class Crew:
    """Processes that ask the model; its journal says when each question came in."""

    def __init__(self, process: subprocess.Popen[str], model: LanguageModelStandIn) -> None:
        self.process, self.model, self.rounds = process, model, 0

    def ask(self, *, patience: float, processes: int = PROCESSES, calls: int = EACH) -> list[float]:
        """All of them ask at once; returns when all questions of this round came in."""
        before, self.rounds = len(self.model.calls), self.rounds + 1
        order = {"vendor": "LLM", "tenant": "acme", "run_id": self.rounds, "calls": calls,
                 "processes": processes, "patience_seconds": patience}  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()  # their process ids
        assert self.process.stdout.readline().strip() == "0"  # when all have ended; none was killed
        return [call.at for call in self.model.calls[before:]]


@contextmanager
def asking(env: dict[str, str]) -> Iterator[Crew]:
    with LanguageModelStandIn(answers=['{"ready": true}'] * 100) as model:
        env = {**env, "OPENAI_API_KEY": "sandbox-key", "OPENAI_BASE_URL": model.base_url,
               "LANGCHAIN_MODEL": "sandbox-model", "LOG_LEVEL": "CRITICAL"}  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "leadgen_project.tests.spenders"], env=env, text=True,
            cwd=MANAGE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            yield Crew(process, model)
        finally:
            process.kill()
            process.communicate()


def turns() -> list[datetime]:
    """When each booked call might be made, in order."""
    with in_public():
        dues = VendorUsage.objects.filter(vendor="LLM").values_list("due_at", flat=True)
        return sorted(dues)


def most_within(due: list[datetime], seconds: float) -> int:
    """How many turns lie in the fullest window of that length."""
    window = timedelta(seconds=seconds)
    return max(sum(at <= later < at + window for later in due) for at in due)


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
