"""Answers that come in chunks, over HTTP: words as they come, calls put together, faults, usage."""

from __future__ import annotations

import threading

import pytest

from leadgen_project.sandbox.loopback import Reply
from leadgen_project.sandbox.vendors import language_model as stand_in
from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.sandbox.vendors.language_model_stream import Broken
from tenants.clients import language_model, language_model_stream
from tenants.clients.dialogue import Dialogue, OfferedTool
from tenants.clients.language_model import LanguageModelClient
from tenants.clients.language_model_errors import (
    AnswerUnusableError,
    LanguageModelError,
    ParameterRefusedError,
)
from tenants.clients.language_model_stream import Heard
from tenants.tests.test_language_model import PRICES, permit

LONG = " ".join(f"word{number}" for number in range(40))
TOOL = OfferedTool("look", "Looks.", {"type": "object", "properties": {}, "required": [],
                                      "additionalProperties": False})  # fmt: skip


@pytest.fixture
def server():
    language_model._REFUSED.clear()
    with LanguageModelStandIn(answers=[LONG]) as running:
        yield running


def listening(server, granted=None, **also):
    messages = ({"role": "system", "content": "Answer."}, {"role": "user", "content": "Well?"})
    given = {"model": "sandbox-model", "messages": messages, "tools": (TOOL,),
             "most_answer_tokens": 300, **also}  # fmt: skip
    client = LanguageModelClient(server.base_url)
    return client.listen(granted or permit(), Dialogue(**given), prices=PRICES)


def heard(stream):
    """Pieces with words in them, and the whole."""
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return [each for each in pieces if each], end.value


def test_words_are_heard_before_the_server_has_written_the_rest(server):
    goes_on = threading.Event()
    server.pause = lambda number: number != 5 or goes_on.wait(60)
    granted = permit()
    stream = listening(server, granted)

    first = next(filter(None, stream))
    first += "".join(iter(stream.__next__, ""))  # up to a silence, which is told too
    assert LONG.startswith(first)
    assert granted.settled_units is None
    goes_on.set()
    rest, spoken = heard(stream)

    assert first + "".join(rest) == spoken.words == LONG
    assert granted.settled_units == spoken.tokens == server.calls[0].units
    assert granted.settled_micros == spoken.micros
    assert granted.reference == "chatcmpl-sandbox-1"
    asked = server.calls[0].question
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}


def test_calls_of_tools_are_put_together_from_their_parts(server):
    told = [
        {"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"x": '}},
        {"index": 0, "id": "a", "function": {"name": "look", "arguments": "1"}},
        {"index": 1, "id": "b", "function": {"name": "find"}},
        {"index": 0, "function": {"arguments": "}"}},
        {"index": 1, "function": {"name": None, "arguments": {"y": 2}}},
        {"index": 1, "id": "c", "function": {"name": "third", "arguments": ""}},  # all numbered 1
        {"id": "d", "function": {"name": "bare", "arguments": "{"}}, {"function": None}, 7,
        {"function": {"arguments": "}"}},
    ]  # fmt: skip
    all_of_it = Heard()
    for part in told:
        all_of_it._delta({"tool_calls": [part], "content": None})

    assert [(each["id"], *each["function"].values()) for each in all_of_it._parts] == [
        ("a", "look", '{"x": 1}'), ("b", "find", '{"y": 2}'), ("c", "third", ""),
        ("d", "bare", "{}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [(Broken.CUT, "did not answer|broke off"), (Broken.ERROR, "broke off"),
     (Broken.GARBAGE, "not of its form"), (Broken.ENDLESS, "longer than was asked for")],
)  # fmt: skip
def test_a_stream_that_breaks_is_not_settled_and_says_so_after_its_words(server, broken, sentence):
    server.broken, server.break_after = broken, 6
    granted = permit()
    pieces: list[str] = []

    with pytest.raises(LanguageModelError, match=sentence) as caught:
        pieces.extend(listening(server, granted))

    words = "".join(pieces)
    assert words.startswith("word0 word1")
    assert granted.used
    assert granted.settled_units is None
    assert caught.value.retryable or broken is Broken.ENDLESS
    assert "server had an error" not in str(caught.value)


def test_a_stream_that_drips_is_given_up(server, monkeypatch):
    monkeypatch.setattr(language_model, "TOTAL_SECONDS", 0.0)

    with pytest.raises(LanguageModelError, match="takes too long"):
        heard(listening(server))


def test_chunks_of_another_form_are_passed_over(server):
    server.broken = Broken.FORM

    _, spoken = heard(listening(server))

    assert spoken.words == LONG


def test_a_server_that_does_not_say_what_was_used_is_charged_no_less(server):
    server.without_usage = True
    server.models = frozenset({"gpt-5.4-mini"})  # it thinks, which no chunk shows
    granted = permit()

    _, spoken = heard(listening(server, granted, model="gpt-5.4-mini"))

    assert granted.settled_units == spoken.tokens >= server.calls[0].units
    assert granted.reference.endswith("(usage estimated)")


def test_a_server_that_takes_no_options_or_streams_nothing_is_heard_all_the_same(server):
    for refused in ("stream_options", "stream"):
        server.refuses |= {refused}
        with pytest.raises(ParameterRefusedError):
            heard(listening(server))
    granted = permit()

    pieces, spoken = heard(listening(server, granted))

    assert pieces == [LONG] == [spoken.words]
    assert granted.settled_units == server.calls[-1].units
    assert "stream" not in server.calls[-1].question


@pytest.mark.parametrize(
    ("made", "sentence"),
    [({"finish_reason": "length"}, "was cut"), ({"finish_reason": "content_filter"}, "filter"),
     ({"refusal": "No."}, "refused to answer"), ({"answers": [" "]}, "answered nothing")],
)  # fmt: skip
def test_what_cannot_be_used_is_paid(server, made, sentence):
    for name, value in made.items():
        setattr(server, name, value)
    granted = permit()

    with pytest.raises(AnswerUnusableError, match=sentence):
        heard(listening(server, granted))

    assert granted.settled_units == server.calls[0].units


@pytest.mark.parametrize(
    "body", [b"", b"<html>busy</html>", b"{", b'data: 7\n\n', b": ping\n\n", b"data: [DONE]\n\n"]
)  # fmt: skip
def test_an_answer_that_is_no_stream_is_an_error_of_ours(server, monkeypatch, body):
    monkeypatch.setattr(
        stand_in.LanguageModelStandIn, "_answer",
        lambda *_: Reply(200, body, "text/event-stream"),
    )  # fmt: skip

    with pytest.raises(LanguageModelError, match="not of its form") as caught:
        heard(listening(server))

    assert caught.value.retryable


def test_who_leaves_is_not_kept_by_a_silent_server(server):
    goes_on = threading.Event()
    server.pause = lambda number: number != 4 or goes_on.wait(60)
    granted = permit()
    stream = listening(server, granted)
    next(filter(None, stream))

    stream.close()

    assert 300 < granted.settled_units < 300 + 1000  # the answer's cap, and the question estimated
    assert "usage estimated" in granted.reference
    goes_on.set()
    for thread in threading.enumerate():
        if thread.name == "language-model-stream":
            thread.join(60)
            assert not thread.is_alive()


def test_a_line_kept_open_after_the_end_is_not_waited_for(server, monkeypatch):
    hangs = threading.Event()
    send = stand_in.stream

    def kept_open(*told, **more):
        write = send(*told, **more)

        def hold(connection):
            write(Cutter(connection))
            hangs.wait(60)

        return hold

    class Cutter:
        """Leaves out the chunk that ends the body."""

        def __init__(self, connection):
            self.connection = connection

        def sendall(self, data):
            if data != b"0\r\n\r\n":
                self.connection.sendall(data)

    monkeypatch.setattr(stand_in, "stream", kept_open)

    _, spoken = heard(listening(server))

    assert spoken.words == LONG
    assert not hangs.is_set()
    hangs.set()


def test_words_within_a_moment_are_heard_as_one(server, monkeypatch):
    monkeypatch.setattr(language_model_stream, "TOGETHER_SECONDS", 60)

    pieces, _ = heard(listening(server))

    assert len(pieces) <= 2
    assert "".join(pieces) == LONG
