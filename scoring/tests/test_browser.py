"""The score card's editor as an operator uses it: it tells what a change does as one types."""

from __future__ import annotations

import pytest

from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people

pytestmark = pytest.mark.browser
EDITOR = "/admin/scoring/scorecard/"


@pytest.fixture
def people(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()


def test_the_card_says_what_is_wrong_as_one_types_and_is_saved(people, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    console.open(EDITOR)
    page = console.page
    page.wait_for_function("parseInt(document.getElementById('card-best').textContent) > 0")

    page.fill("#card-base", "1000")
    page.wait_for_selector("#card-problems:not([hidden])")
    assert page.is_disabled("#card-save")

    page.fill("#card-base", "3")
    page.wait_for_selector("#card-problems", state="hidden")
    page.fill("#id__reason", "everybody gets three")
    with page.expect_navigation():
        page.click("#card-save")
    assert page.input_value("#card-base") == "3"
    assert console.problems == []
