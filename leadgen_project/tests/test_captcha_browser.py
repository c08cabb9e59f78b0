"""The CAPTCHA desk in a real browser: two operators at once, by keyboard alone."""

from __future__ import annotations

import pytest

from enrichment.captcha.open import open_challenge
from enrichment.models import CaptchaChallenge, Contact, HarvestRequest, HarvestSource, Listing
from icp.models import Lead
from icp.tests.factories import make_lead
from leadgen_project.tests.browser import Console, console, rows, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from leadgen_project.tests.test_console_browser import look_at
from tenants.clock import database_now
from tenants.context import in_tenant
from tenants.models import AuditEvent

pytestmark = pytest.mark.browser
DESK = "/admin/enrichment/captchachallenge/"
PAGES = 6


@pytest.fixture
def people(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()


@pytest.fixture
def walls(people, django_db_blocker):
    """Six leads before walls, and a source that has paused itself."""
    with django_db_blocker.unblock(), in_tenant("acme"):
        for number in range(PAGES):
            host = f"shop{number}.wall.example"
            lead = make_lead(name=f"WALLED {number} PTE. LTD.", stage="NEEDS_OPERATOR")
            open_challenge(lead=lead, url=f"https://{host}/contact", host=host, make="Turnstile")
        source = HarvestSource.objects.create(
            name="Made-up list", kind="HTML_LIST", paused_at=database_now(),
            pause_reason="7 of its last 20 listings stood behind a wall; more than 30 % of 20 is"
            " too many.",
        )  # fmt: skip
        request = HarvestRequest.objects.create(
            source=source, city="Singapore", category="bakery", wanted=5, requested_by="o"
        )
        Listing.objects.create(source=source, request=request, position=1, source_key="1",
                               url="https://list.example/1", outcome="TAKEN")  # fmt: skip
    return source


@pytest.fixture
def other(console) -> Console:  # noqa: F811 -- a fixture's value
    """A second person at a browser of their own."""
    page = console.page.context.browser.new_context(viewport={"width": 1440, "height": 900})
    window = Console(page=page.new_page(), url=console.url)
    window.page.on("pageerror", lambda error: window.problems.append(f"script broke: {error}"))
    return window


def press(window: Console, key: str) -> None:
    """A key that leads to another page."""
    with window.page.expect_navigation():
        window.page.keyboard.press(key)
    window.settle()


def in_hand(window: Console) -> str:
    return window.page.inner_text("#in-hand h2")


def _all_are_solved() -> None:
    with in_tenant("acme"):
        solved = CaptchaChallenge.objects.filter(state="SOLVED")
        assert solved.count() == PAGES
        assert {row.settled_by for row in solved} == {"operator", "both"}
        assert set(Lead.objects.values_list("stage", flat=True)) == {"CANDIDATE"}
        emails = Contact.objects.exclude(email="").values_list("email", flat=True)
        assert set(emails) == {"owner@shop.example", "a@b.example"}
        done = AuditEvent.objects.filter(action="enrichment.challenge.solve")
        assert done.count() == PAGES


def test_two_operators_work_the_desk_by_keyboard_and_never_hold_the_same(
    walls, console, other, rows  # noqa: F811
):  # fmt: skip
    for window, name in ((console, "operator"), (other, "both")):
        window.sign_in(name, PASSWORD)
        if name == "both":
            window.choose("acme")
        window.page.context.route(
            "**/contact", lambda route: route.fulfill(body="<h1>Are you human?</h1>")
        )
        window.open(DESK)

    answers = iter(["Owner@Shop.example", "+65 6123 4567", None, "a@b.example, 6123 4567", None])
    held = []
    for round_ in range(PAGES // 2):
        for window in (console, other):
            press(window, "n")
        held.append((in_hand(console), in_hand(other)))
        assert held[-1][0] != held[-1][1]
        for window in (console, other):
            with window.page.expect_popup() as opened:
                window.page.keyboard.press("o")
            opened.value.wait_for_load_state()
            assert opened.value.inner_text("h1") == "Are you human?"
            assert opened.value.evaluate("window.opener") is None
            opened.value.close()
            said = next(answers, None)
            if said is None:
                press(window, "x")
            else:
                window.page.keyboard.press("i")
                window.page.keyboard.type(said)
                press(window, "Enter")
            assert "goes on with the next night" in window.page.inner_text("body"), round_

    assert sorted(name for pair in held for name in pair) == [
        f"WALLED {number} PTE. LTD." for number in range(PAGES)
    ]
    console.open(DESK)
    assert "No page waits for a person" in console.page.inner_text("body")
    rows(_all_are_solved)
    assert console.problems + other.problems == []


def test_the_other_keys_put_a_page_back_and_show_what_they_do(walls, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    console.open(DESK)
    page = console.page

    press(console, "n")
    first = in_hand(console)
    press(console, "m")
    assert "as long again" in page.inner_text("body")
    press(console, "r")
    assert "Put back where it was" in page.inner_text("body")
    press(console, "n")
    assert in_hand(console) == first
    press(console, "s")
    press(console, "n")
    second = in_hand(console)
    assert second != first
    press(console, "c")
    assert "Back in the queue" in page.inner_text("body")
    press(console, "n")
    assert in_hand(console) not in (first, second)

    page.keyboard.press("?")
    assert page.is_hidden("#keys")
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("i")
    page.keyboard.type("no such thing")
    press(console, "Enter")
    assert "Write an e-mail address" in page.inner_text("body")
    assert page.input_value("#found") == "no such thing"
    page.keyboard.press("Escape")
    press(console, "x")
    assert console.problems == []


def test_a_paused_source_says_why_and_is_resumed(walls, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    console.open(DESK)
    assert "7 of its last 20 listings" in console.page.inner_text(".lg-warn")

    with console.page.expect_navigation():
        console.page.click("button:has-text('Resume')")
    console.settle()

    assert "is asked again" in console.page.inner_text("body")
    assert console.page.locator("button:has-text('Resume')").count() == 0


def test_the_desk_looks_right_with_data_in_hand_and_empty(walls, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    faults = look_at(console, [DESK])
    console.set_dark(False)
    console.open(DESK)
    press(console, "n")

    assert [*faults, *look_at(console, [DESK, "/admin/"])] == []


def test_an_empty_desk_says_what_would_stand_there(people, console):  # noqa: F811
    console.sign_in("reviewer", PASSWORD)

    assert look_at(console, [DESK], looks=[(1440, False), (1024, True)]) == []
    assert "No page waits for a person" in console.page.inner_text("body")
