"""A model's answer is seen as it is written; a line that ends early is told, and is paid."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count, pairwise
from typing import Any

import pytest
from langgraph_sdk import get_sync_client

from chat.agent.assistant import Agent
from chat.pieces import Done, Talk, ToolCall, Words
from chat.tests.live_rig import serving
from chat.tests.rig import make_key, wait_until
from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.sandbox.vendors.language_model_stream import Broken
from leadgen_project.sandbox.vendors.stand_in import Fault
from tenants.clients import language_model
from tenants.context import connection, in_public, in_tenant
from tenants.models import User
from tenants.permits import Vendor
from tenants.vendor_models import VendorUsage

NUMBERS = count(1)
LONG = " ".join(f"word{number}" for number in range(40)) + "."


@pytest.fixture
def model(committed_for_all) -> Iterator[LanguageModelStandIn]:
    language_model._REFUSED.clear()
    with LanguageModelStandIn(answers=[LONG]) as running:
        yield running


@pytest.fixture
def asked_here(model, settings, monkeypatch) -> None:
    """The product in this process asks that model, and waits for no second try."""
    settings.OPENAI_BASE_URL = model.base_url
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.LLM: "sandbox-key"}
    settings.VENDOR_RATES = {**settings.VENDOR_RATES, Vendor.LLM: (10_000, 60)}
    settings.TEMPERATURE = None
    monkeypatch.setattr("tenants.paid.governor.PAUSES_SECONDS", (0.0, 0.0))


@pytest.fixture
def answer(asked_here) -> Iterator[Any]:
    """The pieces of the agent's answer, to be taken one by one."""
    name = f"listener{next(NUMBERS)}"
    make_key(name)
    with in_public():
        user = User.objects.get(username=name)
    said = {"id": "h1", "type": "human", "content": "tell me how we are doing, at length"}
    with in_tenant("acme"):
        pieces = Agent().answer(Talk(user, (said,), "thread", "run"))
        yield pieces
        pieces.close()


def hold(model: LanguageModelStandIn, at: int) -> threading.Event:
    """Let the model stop before its ``at``-th chunk until the event is set."""
    goes_on = threading.Event()
    model.pause = lambda number: number != at or goes_on.wait(60)
    return goes_on


def first_words(pieces: Iterator[Any]) -> str:
    return next(piece.text for piece in pieces if isinstance(piece, Words) and piece.text)


def words_of(pieces: Iterator[Any]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Words))


def entries(before: int = 0) -> list[VendorUsage]:
    """The ledger's entries of these calls, the newest first."""
    with in_public():
        return list(VendorUsage.objects.filter(purpose="chat", pk__gt=before).order_by("-pk"))


def last_entry() -> int:
    return next((each.pk for each in entries()), 0)


def test_words_come_as_they_are_written_and_no_connection_is_held_meanwhile(model, answer):
    before = last_entry()
    goes_on = hold(model, 8)

    begun = first_words(answer)

    assert LONG.startswith(begun)
    assert connection.connection is None
    assert [each.outcome for each in entries(before)] == ["RESERVED"]
    goes_on.set()
    *rest, last = answer
    assert begun + words_of(rest) == LONG
    assert isinstance(last, Done)
    [entry] = entries(before)
    assert (entry.outcome, entry.units) == ("SETTLED", model.calls[0].units)


def test_whoever_stops_listening_pays_the_question_and_the_cap_of_the_answer(model, answer):
    before = last_entry()
    goes_on = hold(model, 8)
    first_words(answer)

    answer.close()

    [entry] = entries(before)
    assert entry.outcome == "SETTLED"
    assert "usage estimated" in entry.reference
    assert model.calls[0].units <= entry.units < entry.reserved_units / 2
    goes_on.set()


@pytest.mark.parametrize("broken", [Broken.CUT, Broken.ERROR, Broken.GARBAGE])
def test_a_line_that_ends_early_is_told_after_its_words_and_not_asked_again(model, answer, broken):
    before = last_entry()
    model.broken, model.break_after = broken, 6

    told = words_of(answer)

    assert told.startswith("word0 word1")
    assert "\n\nThe answer ends here. The language model" in told
    assert len(model.calls) == 1
    [entry] = entries(before)
    assert (entry.outcome, entry.units) == ("UNKNOWN", entry.reserved_units)
    assert entry.note.startswith("The language model")


def test_a_line_that_ends_before_any_word_is_asked_again(model, answer):
    before = last_entry()
    model.answers = [LONG, LONG]
    model.fail_next(Fault.RESET_AFTER)

    assert words_of(answer) == LONG
    assert [each.outcome for each in entries(before)] == ["SETTLED", "UNKNOWN"]


def test_an_answer_that_is_cut_is_shown_as_far_as_it_goes_and_paid(model, answer):
    before = last_entry()
    model.finish_reason, model.answers = "length", ["half an"]

    assert words_of(answer) == (
        "half an\n\nThe answer ends here. The answer did not fit into 1500 tokens and was cut."
    )
    assert [each.outcome for each in entries(before)] == ["SETTLED"]


def test_calls_that_arrive_in_parts_are_carried_out_after_the_words_beside_them(model, answer):
    model.answers = []

    pieces = list(answer)

    calls = [piece for piece in pieces if isinstance(piece, ToolCall)]
    assert len(model.calls) == len(calls) + 1
    assert isinstance(pieces[-1], Done)


@pytest.mark.slow
def test_clients_of_the_protocol_see_a_message_grow_and_can_stop_it(model, committed_for_all):
    env = {**committed_for_all.env, "OPENAI_BASE_URL": model.base_url,
           "OPENAI_API_KEY": "sandbox-key", "LLM_CALLS_PER_MINUTE": "10000"}  # fmt: skip
    model.answers = [LONG, LONG]
    with serving(env) as server:
        client = get_sync_client(url=server.url, api_key=make_key(f"streamer{next(NUMBERS)}"))
        thread = client.threads.create()["thread_id"]
        goes_on = hold(model, 8)
        parts = client.runs.stream(
            thread, "agent", stream_mode=["messages-tuple", "messages", "values"],
            input={"messages": [{"type": "human", "content": "tell me how we are, at length"}]},
        )  # fmt: skip

        seen = []
        for part in parts:
            seen.append(part)
            if part.event == "messages" and len(seen) > 3:
                break
        assert client.runs.list(thread)[0]["status"] == "running"
        goes_on.set()
        seen += parts

        chunks = [part.data[0] for part in seen if part.event == "messages"]
        grown = [part.data[0]["content"] for part in seen if part.event == "messages/partial"]
        final = [part.data for part in seen if part.event == "values"][-1]["messages"][-1]
        assert len(chunks) > 1
        assert {chunk["id"] for chunk in chunks} == {final["id"]}
        assert "".join(chunk["content"] for chunk in chunks) == final["content"] == LONG
        assert all(after.startswith(text) for text, after in pairwise(grown))

        goes_on, before = hold(model, 8), len(model.calls)
        run = client.runs.create(
            thread, "agent",
            input={"messages": [{"type": "human", "content": "once more, at length"}]},
        )["run_id"]  # fmt: skip
        wait_until(lambda: len(model.calls) > before)
        client.runs.cancel(thread, run, wait=True)
        assert client.runs.get(thread, run)["status"] == "interrupted"
        assert not goes_on.is_set()
        assert client.threads.get_state(thread)["values"]["messages"][-1]["type"] == "human"
        goes_on.set()
