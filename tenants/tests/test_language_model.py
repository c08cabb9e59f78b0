"""The client for OpenAI-compatible servers: each row of the contract's errors, over HTTP."""

from __future__ import annotations

import logging
import re
from decimal import Decimal

import pytest

from leadgen_project.sandbox.loopback import Reply
from leadgen_project.sandbox.vendors import language_model as stand_in
from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.sandbox.vendors.stand_in import Fault
from tenants.clients import language_model
from tenants.clients.language_model import LanguageModelClient, Prices, Question
from tenants.clients.language_model_errors import (
    AnswerUnusableError,
    LanguageModelError,
    ParameterRefusedError,
    TextTooLongError,
)
from tenants.permits import _SEAL, Charge, Halt, Permit, PermitMisusedError, Vendor

PRICES = Prices(Decimal("0.75"), Decimal("0.075"), Decimal("4.5"))
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}
SECRET = "a-secret-of-the-page@person.example"  # must not reach any message or log


@pytest.fixture
def server():
    language_model._REFUSED.clear()
    with LanguageModelStandIn() as running:
        yield running


def permit(key: str = "sandbox-key", vendor: Vendor = Vendor.LLM) -> Permit:
    return Permit(vendor, 10_000, 10_000, 1, key, _SEAL)


def question(model: str = "sandbox-model", **also) -> Question:
    given = {"system": "Say why.", "user": f"+30 Meets the ICP: yes\n{SECRET}",
             "schema_name": "rationale", "schema": SCHEMA, "most_answer_tokens": 300,
             "temperature": 0.3, **also}  # fmt: skip
    return Question(model=model, **given)


def ask(server, *, key: str = "sandbox-key", granted: Permit | None = None, **also):
    client = LanguageModelClient(server.base_url)
    return client.complete(granted or permit(key), question(**also), prices=PRICES)


def test_an_answer_comes_with_its_model_its_usage_and_its_price(server):
    granted = permit()

    answer = ask(server, granted=granted)

    told = server.calls[0]
    assert answer.text == '{"text": "Worth a look: meets the ICP."}'
    assert (answer.model, answer.temperature) == ("sandbox-model-2026-06-01", 0.3)
    assert answer.usage.total == told.units == granted.settled_units
    assert answer.micros == granted.settled_micros
    assert answer.micros == PRICES.micros(
        prompt=answer.usage.prompt, completion=answer.usage.completion
    )
    assert granted.reference == answer.reference == "chatcmpl-sandbox-1"


def test_the_reservation_is_never_below_the_price(server):
    for text in ("plain words " * 200, "文字" * 300, "🙂" * 200, '{}[]\\"' * 200):
        asked = question(user=text)
        answer = ask(server, user=text)

        assert answer.usage.prompt <= asked.most_prompt_tokens


def test_what_is_sent_is_the_strict_form_and_no_more(server):
    ask(server)

    sent = server.calls[0].question
    assert set(sent) == {"model", "messages", "response_format", "max_completion_tokens",
                         "temperature"}  # fmt: skip
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]


def test_a_reasoning_model_is_asked_without_temperature_from_the_second_time_on(server):
    with pytest.raises(ParameterRefusedError, match="does not take temperature") as caught:
        ask(server, model="gpt-5.4-mini")
    answer = ask(server, model="gpt-5.4-mini")
    ask(server, model="gpt-5.4-mini")

    assert (caught.value.charge, caught.value.halt) == (Charge.NONE, Halt.NO)
    assert answer.temperature is None
    assert [call.status for call in server.calls] == [400, 200, 200]
    assert "temperature" not in server.calls[1].question


def test_a_server_without_schemas_is_asked_for_json_in_words(server):
    server.without_schemas = True
    with pytest.raises(ParameterRefusedError):
        ask(server)

    answer = ask(server)

    sent = server.calls[-1].question
    assert sent["response_format"] == {"type": "json_object"}
    assert "JSON Schema" in sent["messages"][0]["content"]
    assert answer.text == '{"text": "Worth a look: meets the ICP."}'


def test_usage_that_is_not_told_is_estimated_and_marked(server):
    server.without_usage = True
    granted = permit()

    answer = ask(server, granted=granted)

    assert answer.usage.is_estimated
    assert 0 < granted.settled_units < granted.units
    assert granted.reference.endswith("(usage estimated)")


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 1},
        {"prompt_tokens": 10**30, "completion_tokens": 1},
        {"prompt_tokens": "7", "completion_tokens": True},
        "seven",
    ],
)
def test_usage_nobody_can_believe_is_estimated_too(usage):
    assert language_model._usage({"usage": usage}, question()).is_estimated


REFUSALS = {
    401: ("invalid_api_key", "refused the key", Halt.KEY, False),
    403: ("unsupported_country_region_territory", "may not use the model sandbox-model", Halt.KEY,
          False),
    404: ("model_not_found", "no model sandbox-model", Halt.KEY, False),
    409: ("", "asks to wait", Halt.NO, True),
    422: ("", r"refused the question \(422\)", Halt.NO, False),
    400: ("invalid_value", r"refused the question \(400, invalid_value\)", Halt.NO, False),
}  # fmt: skip


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_says_what_to_do_and_costs_nothing(server, monkeypatch, status, caplog):
    code, sentence, halt, retryable = REFUSALS[status]
    refusal = stand_in.RefusedError(status, code, f"no: sandbox-key {SECRET}")
    monkeypatch.setattr(LanguageModelStandIn, "_complete", _raising(refusal))
    caplog.set_level(logging.DEBUG, logger="tenants")

    with pytest.raises(LanguageModelError, match=sentence) as caught:
        ask(server)

    error = caught.value
    assert (error.halt, error.retryable, error.charge, error.status) == (
        halt, retryable, Charge.NONE, status,
    )  # fmt: skip
    assert error.__cause__ is None
    for text in (str(error), caplog.text):
        assert not re.search(f"{SECRET}|sandbox-key", text)


def test_a_wrong_key_a_forbidden_region_and_an_unknown_model_are_told_apart(server):
    with pytest.raises(LanguageModelError, match="refused the key") as caught:
        ask(server, key="sk-wrong-key-123")
    assert "sk-wrong" not in str(caught.value)
    with pytest.raises(LanguageModelError, match="no model gpt-9"):
        ask(server, model="gpt-9")
    server.forbidden = True
    with pytest.raises(LanguageModelError, match="region or project"):
        ask(server)


def test_a_rate_limit_says_how_long_to_wait(server):
    server.fail_next(Fault.RATE_LIMITED)

    with pytest.raises(LanguageModelError) as caught:
        ask(server)

    error = caught.value
    assert (error.retry_after, error.retryable, error.halt) == (1.0, True, Halt.NO)
    assert error.charge is Charge.NONE
    assert len(server.calls) == 1  # the package itself repeats nothing


def test_an_empty_account_halts_although_it_looks_like_a_rate_limit(server):
    server.credits = 0

    with pytest.raises(LanguageModelError, match="no money left") as caught:
        ask(server)

    assert (caught.value.halt, caught.value.retryable) == (Halt.CREDITS, False)
    assert len(server.calls) == 1


def test_a_text_too_long_is_a_case_of_its_own(server):
    with pytest.raises(TextTooLongError, match="too long for the model"):
        ask(server, user="word " * 130_000)


@pytest.mark.parametrize(
    "fault", [Fault.ERROR, Fault.UNAVAILABLE, Fault.RESET, Fault.RESET_AFTER, Fault.MALFORMED,
              Fault.TRUNCATED])  # fmt: skip
def test_what_may_have_been_charged_stays_charged_and_may_be_tried_again(server, fault):
    server.fail_next(fault)
    granted = permit()

    with pytest.raises(LanguageModelError) as caught:
        ask(server, granted=granted)

    assert (caught.value.retryable, caught.value.charge) == (True, Charge.UNKNOWN)
    assert granted.settled_units is None
    assert len(server.calls) == 1


def test_a_protective_page_says_nothing_of_the_key(server):
    server.fail_next(Fault.HTML)

    with pytest.raises(LanguageModelError, match="before the language model") as caught:
        ask(server)

    assert (caught.value.halt, caught.value.retryable) == (Halt.NO, True)


def test_a_silent_server_is_given_up(server, monkeypatch):
    monkeypatch.setattr(language_model, "READ_SECONDS", 0.2)
    server.hang_seconds = 1.0
    server.fail_next(Fault.HANG)

    with pytest.raises(LanguageModelError, match=r"did not answer \(APITimeoutError\)"):
        ask(server)


def test_a_server_that_drips_is_given_up(server, monkeypatch):
    monkeypatch.setattr(language_model, "TOTAL_SECONDS", -1.0)

    with pytest.raises(LanguageModelError, match="takes too long"):
        ask(server)


def test_an_answer_beyond_all_measure_is_not_read_to_its_end(server, monkeypatch):
    monkeypatch.setattr(language_model, "MOST_ANSWER_BYTES", 200)

    with pytest.raises(AnswerUnusableError, match="longer than was asked for"):
        ask(server)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({"finish_reason": "length"}, "did not fit into 300 tokens"),
        ({"finish_reason": "content_filter"}, "content filter"),
        ({"refusal": "I cannot help"}, "refused to answer"),
        ({"answers": [""]}, "answered nothing"),
    ],
)
def test_an_answer_that_cannot_be_used_is_paid_and_said_so(server, made, sentence):
    for name, value in made.items():
        setattr(server, name, value)
    granted = permit()

    with pytest.raises(AnswerUnusableError, match=sentence):
        ask(server, granted=granted)

    assert granted.settled_units == server.calls[0].units > 0


def test_a_model_that_thinks_beyond_its_cap_is_cut(server):
    ask_small = {"model": "gpt-5.4-mini", "most_answer_tokens": 8, "temperature": None}

    with pytest.raises(AnswerUnusableError, match="did not fit into 8 tokens"):
        ask(server, **ask_small)


def test_tools_nobody_offered_are_refused(server, monkeypatch):
    monkeypatch.setattr(stand_in, "answer_to", lambda *_a, **_k: ("", [{"id": "call_1"}]))

    with pytest.raises(AnswerUnusableError, match="tools nobody offered"):
        ask(server)


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}',
     b'{"choices": [{"message": {"content": 7}}]}', b"\xff\xfe"],
)  # fmt: skip
def test_an_answer_of_another_form_is_an_error_of_ours(server, monkeypatch, body):
    monkeypatch.setattr(
        LanguageModelStandIn, "_complete",
        lambda *_: Reply(200, body, "application/json"),
    )  # fmt: skip

    with pytest.raises(LanguageModelError):
        ask(server)


def test_nobody_listening_is_an_error_of_ours():
    client = LanguageModelClient("http://127.0.0.1:9/v1")

    with pytest.raises(LanguageModelError, match=r"did not answer \(APIConnectionError\)"):
        client.complete(permit(), question(), prices=PRICES)


@pytest.mark.parametrize("key", ["schlüssel", "with\nnewline"])
def test_a_key_no_header_can_carry_is_a_wrong_key(server, key):
    with pytest.raises(LanguageModelError, match="characters no key has") as caught:
        ask(server, key=key)

    assert caught.value.halt is Halt.KEY
    assert server.calls == []


def test_no_call_is_made_without_a_permit_of_its_own(server):
    granted = permit()
    ask(server, granted=granted)

    with pytest.raises(PermitMisusedError):
        ask(server, granted=granted)
    with pytest.raises(PermitMisusedError):
        ask(server, granted=permit(vendor=Vendor.TAVILY))
    assert len(server.calls) == 1


def _raising(error: Exception):
    def complete(*_args):
        raise error

    return complete
