"""Vendors and spend in a real browser: both sizes, both themes, with data; an owner clicks."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, fill, make_people, make_register
from leadgen_project.tests.money_data import fill_spending
from leadgen_project.tests.test_console_browser import look_at

pytestmark = pytest.mark.browser
PAGES = ("/admin/vendors/", "/admin/spend/", "/admin/tenants/vendorusage/", "/admin/")


@pytest.fixture
def spent(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()
        make_register()
        run = fill("acme", mark="Acmemark", leads=48)
        fill_spending("acme", run=run, now=timezone.now())


def test_vendors_and_spend_look_right(spent, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)

    assert look_at(console, PAGES) == []


def test_an_owner_switches_a_vendor_off_and_sets_a_budget(spent, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)
    console.open("/admin/vendors/")
    console.page.click("#tavily button:has-text('Switch off')")
    console.settle()
    assert "Switched off" in console.page.inner_text("#tavily")

    console.page.fill("#llm input[name=daily_units]", "12345")
    console.page.click("#llm button:has-text('Save')")
    console.settle()

    assert "12,345 tokens" in console.page.inner_text("#llm")
    assert console.problems == []


def test_the_platforms_vendors_look_right(spent, console):  # noqa: F811
    console.sign_in("root", PASSWORD)

    assert look_at(console, ["/admin/vendors/", "/admin/tenants/vendorusage/"]) == []
