"""PROMISES G4 in short: a conversation that runs away spends what it may and not a token more."""

from __future__ import annotations

from chat.agent.converse import MOST_STEPS
from leadgen_project.tests.chatting import CALLS, SECONDS, crowd
from leadgen_project.tests.spending import most_within

BUDGET = 200_000  # tokens; some fifty calls, more than a message each may take


def test_runaway_chats_end_at_their_budget_within_the_rate_and_their_steps_though_servers_die(
    committed,
):
    with crowd(committed.env, budget=BUDGET) as people:
        talked = people.talk(messages=2, kills=3)

    assert talked.killed > 0
    assert 0 < talked.settled <= talked.charged <= talked.booked <= BUDGET
    assert (talked.alive, talked.drift) == (0, ())
    assert talked.longest <= MOST_STEPS
    assert any("is used up" in words for words in talked.answers)
    assert most_within(talked.due, SECONDS) <= CALLS
