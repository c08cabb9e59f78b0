"""The rule editor as an operator uses it: it counts as one types, and no change is lost unseen."""

from __future__ import annotations

import pytest

from icp.save_rule import save_rule
from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people, make_register
from tenants.context import in_tenant

pytestmark = pytest.mark.browser
EDITOR = "/admin/icp/icprule/edit/default/"
PANEL = "#rule-preview"


@pytest.fixture
def rule(committed, django_db_blocker):
    """People, a register, and a saved rule of acme."""
    with django_db_blocker.unblock():
        make_people()
        make_register()
        with in_tenant("acme"):
            return save_rule("default", {"districts": [1]}, actor="tests")


def test_the_editor_counts_as_one_types_and_keeps_unsaved_changes(rule, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    console.open(EDITOR)
    page = console.page

    page.fill("#f-industries", "technology")
    page.wait_for_selector("#rule-codes code")
    assert "62" in page.inner_text("#rule-codes")
    assert "companies" in page.inner_text(PANEL)

    page.fill("#f-districts", "99")
    page.wait_for_function(
        "document.querySelector('[data-errors-of=districts]').textContent.includes('from 1 to 28')"
    )
    assert "not right yet" in page.inner_text(PANEL)
    assert page.is_visible(".lg-dirty")

    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("location.href = '/admin/icp/lead/'")
    for _ in range(600):
        if asked:
            break
        page.wait_for_timeout(100)
    assert asked == ["beforeunload"]
    assert page.url.endswith(EDITOR)

    page.fill("#f-districts", "1, 2")
    page.wait_for_function(
        "document.querySelector('[data-errors-of=districts]').textContent === ''"
    )
    page.fill("#id__reason", "two districts")
    page.click("text=Save as a new version")
    console.settle()
    assert "Saved as default v2" in page.inner_text("body")
    assert console.problems == []
