"""The chat page in a real browser, with the scripted assistant: what people do there."""

from __future__ import annotations

import re

import pytest

from chat.models import ChatRun, Thread
from icp.models import Suppression
from leadgen_project.tests.browser import Console, console, rows, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from tenants.context import in_tenant
from tenants.models import Membership

pytestmark = pytest.mark.browser
PAGE = "/admin/ask/"
PATIENCE = 60_000
IDLE = """() => document.querySelector('[data-chat=log]').getAttribute('aria-busy') === 'false'
  && document.querySelector('[data-chat=stop]').hidden"""

# The next answer's line breaks after its first words; ``saidLost``: whether the page said so.
CUT = """() => {
  const status = document.querySelector('[data-chat=status]');
  new MutationObserver(() => {
    window.saidLost ||= status.textContent.startsWith('The connection was lost.');
  }).observe(status, { childList: true });
  const real = window.fetch;
  window.fetch = async (address, ...more) => {
    const answer = await real(address, ...more);
    if (!String(address).endsWith('/runs/stream')) return answer;
    window.fetch = real;
    const reader = answer.body.getReader();
    let spoke = false;
    const body = new ReadableStream({ async pull(controller) {
      if (spoke) { reader.cancel(); controller.error(new TypeError('cut')); return; }
      const { value } = await reader.read();
      spoke = new TextDecoder().decode(value).includes('word1');
      controller.enqueue(value);
    } });
    return new Response(body, { headers: answer.headers });
  };
}"""


@pytest.fixture
def people(committed, django_db_blocker):
    committed.env["CHAT_SELFTEST"] = "on"
    with django_db_blocker.unblock():
        return make_people()


@pytest.fixture
def chat(people, console):  # noqa: F811 -- a fixture's value
    console.page.set_default_timeout(PATIENCE)
    console.sign_in("operator", PASSWORD)
    found = Chat(console)
    found.open()
    return found


class Chat:
    """The page as a person sees it."""

    def __init__(self, window: Console) -> None:
        self.window, self.page = window, window.page
        self.find = window.page.locator
        self.field = self.find("#chat-words")

    def open(self, path: str = PAGE) -> None:
        self.window.open(path)
        self.page.wait_for_function(
            "document.querySelector('[data-chat=assistant]').options.length"
        )
        if self.find("[data-chat=assistants]").is_visible():
            self.find("[data-chat=assistant]").select_option("selftest")

    def say(self, words: str, *, wait: bool = True) -> None:
        self.field.fill(words)
        self.field.press("Enter")
        self.page.wait_for_function(
            "!document.querySelector('[data-chat=stop]').hidden"
            " || document.querySelector('[role=log]').children.length"
        )
        if wait:
            self.rest()

    def rest(self) -> None:
        """Wait until the answer is complete."""
        self.page.wait_for_function(IDLE)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def sees(self, words: str) -> None:
        self.page.get_by_text(words).filter(visible=True).first.wait_for()

    def unfold(self) -> None:
        """Show what the last tool said, word for word."""
        self.find(".lg-chat-call summary").last.click()

    @property
    def said(self) -> list[str]:
        return [text.strip() for text in self.find(".lg-chat-said").all_inner_texts()]

    @property
    def mine(self) -> list[str]:
        return self.find(".lg-chat-bubble").all_inner_texts()

    @property
    def answers(self) -> list[str]:
        return self.find(".lg-chat-said .lg-chat-prose").all_inner_texts()

    @property
    def titles(self) -> list[str]:
        return self.find(".lg-chat-name").all_inner_texts()

    @property
    def address(self) -> str:
        return self.page.url.removeprefix(self.window.url)


def _threads_and_runs() -> tuple[list[str], set[str]]:
    with in_tenant("acme"):
        statuses = ChatRun.objects.values_list("status", flat=True)
        return list(Thread.objects.values_list("person", flat=True)), set(statuses)


def _who_suppressed() -> list[str]:
    with in_tenant("acme"):
        return list(Suppression.objects.values_list("created_by", flat=True))


def test_a_conversation_goes_on_until_its_person_is_signed_out(chat, people, rows):  # noqa: F811
    chat.find("[data-chat=question]").first.wait_for()

    chat.say("echo **hello** <b>there</b> [x](javascript:alert(1))")
    assert chat.mine == ["echo **hello** <b>there</b> [x](javascript:alert(1))"]
    assert chat.answers == ["hello <b>there</b> x"]
    assert chat.find(".lg-chat-prose strong").inner_text() == "hello"
    assert re.search(r"\?thread=[0-9a-f-]{36}$", chat.address)
    assert chat.find("[data-chat=empty]").is_hidden()
    chat.page.wait_for_function("document.querySelector('.lg-chat-name')")
    assert chat.titles == ["echo **hello** <b>there</b> [x](javascript:alert(1))"]

    chat.say("tool")
    assert chat.find(".lg-chat-result th").all_inner_texts() == ["Name", "District"]
    assert chat.find(".lg-chat-result tbody tr").count() == 2
    assert chat.answers[-1] == "I found 2 companies."
    call = chat.find(".lg-chat-call")
    assert call.get_attribute("open") is None
    call.locator("summary").click()
    assert "Industry\ntechnology" in call.inner_text()

    chat.say("boom")
    chat.sees("The self-test was asked to fail.")
    chat.open(chat.address)
    chat.sees("The self-test was asked to fail.")
    chat.press("Try again")
    chat.rest()
    chat.sees("The self-test was asked to fail.")
    chat.say("echo on")
    assert chat.answers[-1] == "on"
    assert chat.find("[data-chat=trouble]").is_hidden()
    assert chat.window.problems == []

    address = chat.address
    assert rows(_threads_and_runs) == (["operator"], {"success", "error"})
    chat.window.page.context.clear_cookies()
    chat.page.evaluate("performance.now = () => 1e9")  # the pass is too old by then
    chat.say("echo later", wait=False)
    chat.sees("Your sign-in has ended.")
    chat.page.wait_for_function("document.querySelector('#chat-words').value === 'echo later'")
    with chat.page.expect_navigation():
        chat.press("Load the page again")
    assert "/admin/login/" in chat.page.url

    # Another person of the same tenant does not find it.
    chat.window.sign_in("reviewer", PASSWORD)
    chat.open(address)
    chat.sees("This conversation does not exist any more.")
    chat.open()
    chat.find(".lg-chat-none").wait_for()
    assert chat.titles == []
    rows(Membership.objects.filter(user=people["reviewer"]).delete)
    chat.say("echo gone", wait=False)
    chat.sees("Your sign-in has ended.")


def test_an_answer_is_stopped_and_one_in_the_middle_is_found_after_a_reload(chat):
    chat.say("slow 2000", wait=False)
    chat.sees("word3")
    assert chat.find("[data-chat=send]").is_hidden()
    chat.press("Stop")
    chat.rest()
    chat.sees("Stopped.")
    assert chat.page.evaluate("document.activeElement.id") == "chat-words"
    assert chat.mine == ["slow 2000"]

    chat.say("slow 60", wait=False)
    chat.sees("word5 ")
    chat.page.reload()
    chat.window.settle()
    chat.sees("word9 ")
    chat.rest()
    assert chat.answers[-1] == " ".join(f"word{number}" for number in range(1, 61))
    assert chat.mine == ["slow 2000", "slow 60"]

    # A line that is cut in the middle is taken up again, and no word is lost or doubled.
    joins = []

    def refuse_first(route):
        joins.append(route.request.headers["last-event-id"])
        if len(joins) == 1:
            route.abort()
        else:
            route.fallback()

    chat.page.route(re.compile(r"/runs/[0-9a-f-]{36}/stream$"), refuse_first)
    chat.page.evaluate(CUT)
    chat.say("slow 40")
    assert chat.page.evaluate("window.saidLost")
    assert chat.answers[-1] == " ".join(f"word{number}" for number in range(1, 41))
    assert len(chat.mine) == 3
    assert len(joins) >= 2
    assert int(joins[0]) > 1
    assert chat.find("[data-chat=status]").inner_text() == ""


def test_what_needs_a_yes_is_approved_changed_refused_or_dropped(chat):
    chat.say("approve")
    card = chat.find(".lg-chat-ask")
    assert "Lead ID\n42\nNote\nwarm" in card.inner_text()
    card.get_by_role("button", name="Approve", exact=True).click()
    chat.sees("Decided: approve.")
    chat.rest()
    assert card.count() == 0

    chat.say("approve")
    card.get_by_role("button", name="Change…").click()
    note = card.get_by_label("Note")
    assert note.input_value() == "warm"
    note.fill("hot <b>now</b>")
    card.get_by_role("button", name="Approve as changed").click()
    chat.sees("Decided: edit.")
    chat.rest()
    chat.unfold()
    chat.sees("hot <b>now</b>")

    chat.say("approve")
    card.get_by_role("button", name="Refuse…").click()
    card.get_by_role("button", name="Back").click()
    card.get_by_role("button", name="Refuse…").click()
    card.get_by_label("Why not?").fill("too early")
    card.get_by_role("button", name="Refuse", exact=True).click()
    chat.sees("Decided: reject.")
    chat.rest()
    chat.unfold()
    chat.sees("too early")

    # An open question is still there after a reload; two things are decided on one card.
    chat.say("approve2")
    for width, dark in ((390, False), (1024, True), (1440, False)):
        chat.window.set_dark(dark)
        chat.window.set_size(width)
        chat.open(chat.address)
        card.wait_for()
        assert chat.window.faults() == []
    send = card.get_by_role("button", name="Send these decisions")
    send.wait_for()
    assert send.is_disabled()
    card.get_by_role("button", name="Approve", exact=True).first.click()
    assert send.is_disabled()
    card.get_by_role("button", name="Refuse…").click()
    card.get_by_label("Why not?").fill("no")
    card.get_by_role("button", name="Refuse", exact=True).click()
    send.click()
    chat.sees("Decided: approve, reject.")
    chat.rest()

    # Who asks something else instead drops it.
    chat.say("approve")
    card.wait_for()
    chat.say("echo something else")
    assert card.count() == 0
    assert chat.answers[-1] == "something else"
    chat.open(chat.address)
    assert card.count() == 0
    assert chat.window.problems == []


def test_messages_are_asked_anew_and_conversations_kept_apart(chat):
    chat.say("echo first")
    chat.say("echo second")

    chat.find(".lg-chat-mine").first.get_by_role("button", name="Edit this message").click()
    field = chat.find(".lg-chat-editor textarea")
    assert field.input_value() == "echo first"
    field.fill("echo changed")
    field.press("Enter")
    chat.sees("changed")
    chat.rest()
    assert chat.mine == ["echo changed"]
    assert chat.answers == ["changed"]

    versions = chat.find(".lg-chat-mine .lg-chat-versions").first
    assert "2 of 2" in versions.inner_text()
    versions.get_by_role("button", name="Version before").click()
    assert chat.mine == ["echo first", "echo second"]
    chat.find(".lg-chat-mine").first.get_by_role("button", name="Version after").click()
    assert chat.mine == ["echo changed"]

    chat.press("Answer again")
    chat.rest()
    chat.page.wait_for_function("document.querySelectorAll('.lg-chat-versions').length === 2")
    assert chat.answers == ["changed"]

    # What is said on a former version goes on from there.
    chat.find(".lg-chat-mine").first.get_by_role("button", name="Version before").click()
    chat.say("echo third")
    assert chat.mine == ["echo first", "echo second", "echo third"]

    # Other conversations: begun, opened, renamed and deleted, by keyboard and mouse.
    chat.press("New conversation")
    assert chat.address == PAGE
    assert chat.page.evaluate("document.activeElement.id") == "chat-words"
    chat.page.keyboard.type("echo two")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("lines")
    chat.page.keyboard.press("Enter")
    chat.sees("two\nlines")
    chat.rest()
    chat.page.wait_for_function("document.querySelectorAll('.lg-chat-name').length === 2")
    assert chat.titles == ["echo two lines", "echo first"]
    assert chat.page.evaluate("document.activeElement.id") == "chat-words"

    chat.page.get_by_role("link", name="echo first").click()
    chat.sees("third")
    chat.page.wait_for_function(
        "document.querySelector('.lg-chat-bubble')?.innerText === 'echo first'"
    )
    chat.page.go_back()
    chat.page.wait_for_function(
        "document.querySelector('.lg-chat-bubble')?.innerText.startsWith('echo two')"
    )

    chat.page.get_by_role("button", name="Rename echo two lines").focus()
    chat.page.keyboard.press("Enter")
    chat.page.get_by_label("Its name").fill("Mine <i>")
    chat.page.keyboard.press("Enter")
    chat.page.get_by_role("link", name="Mine <i>").wait_for()

    chat.page.get_by_role("button", name="Delete Mine <i>").click()
    chat.press("Keep it as it is")
    assert chat.titles[0] == "Mine <i>"
    chat.page.get_by_role("button", name="Delete Mine <i>").click()
    chat.press("Delete")
    chat.page.wait_for_function("document.querySelectorAll('.lg-chat-name').length === 1")
    assert chat.address == PAGE
    chat.find("[data-chat=empty]").wait_for()
    chat.open(f"{PAGE}?thread=0195e1c8-0000-7000-8000-000000000000")
    chat.sees("This conversation does not exist any more.")
    assert chat.window.problems == []


def test_the_assistant_asks_before_it_writes_and_says_what_it_did(chat, rows):  # noqa: F811
    choice = chat.find("[data-chat=assistant]")
    choice.select_option("agent")
    chat.press("What can you do?")
    chat.sees("What writes, spends or sends asks you first.")
    chat.rest()

    chat.say("suppress x@y.sg because they asked us to")
    card = chat.find(".lg-chat-ask")
    assert "x@y.sg" in card.inner_text()
    assert rows(_who_suppressed) == []
    card.get_by_role("button", name="Approve", exact=True).click()
    chat.sees("is suppressed")
    chat.rest()

    assert rows(_who_suppressed) == ["operator"]
    assert card.count() == 0
    assert chat.find(".lg-chat-prose a").last.get_attribute("href").startswith(chat.window.url)
    assert chat.window.problems == []
