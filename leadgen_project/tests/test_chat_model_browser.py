"""The chat page with a language model: words appear as they are written, and stop when told to."""

from __future__ import annotations

import threading

import pytest

from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from leadgen_project.tests.test_chat_browser import PATIENCE, Chat

pytestmark = pytest.mark.browser
ANSWER = (
    "One **two** three [spend](http://localhost:8000/admin/spend/) four ![x](https://e.example/x)."
)


@pytest.fixture
def model(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()
    with LanguageModelStandIn(answers=[ANSWER, ANSWER]) as running:
        committed.env.update({"OPENAI_BASE_URL": running.base_url, "OPENAI_API_KEY": "sandbox-key",
                          "LLM_CALLS_PER_MINUTE": "1000"})  # fmt: skip
        yield running


@pytest.fixture
def chat(model, console):  # noqa: F811 -- a fixture's value
    console.page.set_default_timeout(PATIENCE)
    console.sign_in("operator", PASSWORD)
    found = Chat(console)
    found.open()
    return found


def hold(model, at):
    """Let the model stop before its ``at``-th chunk until the event is set."""
    goes_on = threading.Event()
    model.pause = lambda number: number != at or goes_on.wait(PATIENCE / 1000)
    return goes_on


@pytest.mark.slow
def test_words_appear_before_the_answer_is_whole_and_an_answer_can_be_stopped(chat, model):
    goes_on = hold(model, 4)
    chat.say("tell me how we are doing, at length", wait=False)
    chat.sees("One two")
    assert chat.find("[data-chat=log]").get_attribute("aria-busy") == "true"
    assert chat.find(".lg-chat-prose strong").inner_text() == "two"
    assert "four" not in chat.answers[-1]
    goes_on.set()
    chat.rest()
    assert chat.answers == ["One two three spend four x https://e.example/x."]
    assert chat.find(".lg-chat-prose img").count() == 0

    goes_on = hold(model, 4)
    chat.say("and once more, at length", wait=False)
    chat.sees("One two")
    chat.press("Stop")
    chat.rest()
    chat.sees("Stopped.")
    assert not goes_on.is_set()
    goes_on.set()
    assert chat.mine == ["tell me how we are doing, at length", "and once more, at length"]
    assert chat.window.problems == []
