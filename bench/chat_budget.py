"""A thousand messages over eight web processes to a model that never stops: what is spent?"""

from __future__ import annotations

import os
import time

from bench.result import Result
from bench.scratch import environment, scratch_database

MESSAGES = int(os.environ.get("CHAT_MESSAGES", "1000"))
BUDGET = 1_000_000  # tokens: the model goes on for a while, and the rest is answered without it


def measure() -> list[Result]:
    """What went beyond the budget, the model's rate, and the steps of one message."""
    from chat.agent.converse import MOST_STEPS
    from leadgen_project.tests.chatting import CALLS, PROCESSES, SECONDS, crowd
    from leadgen_project.tests.spending import most_within, none_came_early

    began = time.monotonic()
    with (
        scratch_database(tenants=1) as (tenant,),
        crowd({**os.environ, **environment()}, budget=BUDGET, tenant=tenant) as people,
    ):
        talked = people.talk(messages=MESSAGES // PROCESSES)
    note = (
        f"{talked.said} messages in {time.monotonic() - began:.0f} s, {len(talked.calls)} calls of"
        f" the model, {talked.charged} tokens charged and {talked.booked} booked of {BUDGET};"
        f" {talked.alive} runs left open, {len(talked.drift)} ledgers that differ"
    )
    beyond = max(talked.charged, talked.booked) - BUDGET
    return [
        Result("chat_budget: tokens beyond the budget", max(0, beyond), limit=0, note=note),
        Result("chat_budget: messages lost or left open", MESSAGES // PROCESSES * PROCESSES
               - talked.said + talked.alive, limit=0),
        Result("chat_budget: calls of the model that came before their turn, or unbooked",
               not none_came_early(talked.calls, talked.due), limit=0),
        Result("chat_budget: tokens booked that the model did not charge",
               abs(talked.booked - talked.charged) + len(talked.drift), limit=0),
        Result("chat_budget: fullest window of the model's calls / its rate",
               most_within(talked.due, SECONDS) / CALLS, limit=1),
        Result("chat_budget: longest answer / the steps it may take",
               talked.longest / MOST_STEPS, limit=1),
    ]  # fmt: skip
