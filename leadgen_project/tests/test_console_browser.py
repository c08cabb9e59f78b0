"""The console in a real browser: every page of the sidebar, both sizes, both themes."""

from __future__ import annotations

import pytest

from leadgen_project.tests.browser import WIDTHS, console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, fill, make_people, make_register

pytestmark = pytest.mark.browser
EVERY_LOOK = [(width, dark) for dark in (False, True) for width in WIDTHS]
# Each width and each theme: what overflows does so in both themes, what is faint at both widths.
BOTH_LOOKS = [
    [(WIDTHS[0], False), (WIDTHS[1], True)],
    [(WIDTHS[0], True), (WIDTHS[1], False)],
]
SIDEBAR = "#nav-sidebar-apps a"


@pytest.fixture
def filled(committed, django_db_blocker):
    """Committed rows in both tenants, before the browser looks; the run of acme."""
    with django_db_blocker.unblock():
        make_people()
        make_register()
        fill("beta", mark="Betamark", leads=6)
        return fill("acme", mark="Acmemark", leads=48)  # a page of the list holds 50


@pytest.fixture
def empty(committed, django_db_blocker):
    """People, and nothing for them to look at."""
    with django_db_blocker.unblock():
        make_people()


def sidebar_pages(console) -> list[str]:  # noqa: F811 -- a fixture's value
    return console.page.eval_on_selector_all(SIDEBAR, "all => all.map(a => a.getAttribute('href'))")


def look_at(console, paths, *, looks=EVERY_LOOK) -> list[str]:  # noqa: F811 -- as above
    """Each page in each width and theme; returns what was wrong, with the page."""
    found = []
    for width, dark in looks:
        console.set_dark(dark)
        console.set_size(width)
        for path in paths:
            console.open(path)
            where = f"{path} at {width}, {'dark' if dark else 'light'}"
            found += [f"{where}: {fault}" for fault in console.faults()]
            console.problems.clear()
    return found


def look_at_all(console, paths) -> list[str]:  # noqa: F811 -- as above
    """The same for many pages, each in two looks, neighbours in different ones."""
    halves = zip((paths[::2], paths[1::2]), BOTH_LOOKS, strict=True)
    return [fault for half, looks in halves for fault in look_at(console, half, looks=looks)]


def test_an_operator_signs_in_and_sees_every_page_of_the_tenant(filled, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    more = [f"/admin/tenants/pipelinerun/{filled.pk}/change/", "/admin/runs/start/",
            "/admin/password_change/"]  # fmt: skip

    faults = look_at_all(console, [*sidebar_pages(console), *more])

    assert faults == []


def test_a_platform_admin_sees_every_page_of_the_platform(filled, console):  # noqa: F811
    console.sign_in("root", PASSWORD)
    more = ["/admin/tenants/tenant/add/", "/admin/tenants/tenant/acme/change/",
            "/admin/tenants/tenant/acme/remove/", "/admin/tenants/user/add/"]  # fmt: skip

    faults = look_at_all(console, [*sidebar_pages(console), *more])

    assert faults == []


def test_pages_without_data_say_what_to_do_next(empty, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)

    faults = look_at(console, sidebar_pages(console), looks=BOTH_LOOKS[0])

    console.open("/admin/")
    assert faults == []
    assert "The register is not loaded yet" in console.page.inner_text("#content")


def test_a_member_of_two_tenants_switches_in_the_sidebar(filled, console):  # noqa: F811
    console.sign_in("both", PASSWORD)
    console.choose("acme")
    assert "Acme" in console.page.title()

    console.page.click(".lg-brand")
    console.page.click("button.lg-switcher-item[value=beta]")
    console.page.wait_for_url("**/admin/")
    console.settle()

    assert "Beta" in console.page.title()
    assert "Betamark" in console.page.inner_text("#content")
    assert "Acmemark" not in console.page.content()


def test_each_number_of_the_funnel_opens_exactly_that_many_leads(filled, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    numbers = console.page.eval_on_selector_all(
        ".lg-part a",
        "all => all.map(a => [a.getAttribute('href'), a.querySelector('strong').innerText])",
    )

    assert numbers
    for path, shown in numbers:
        console.open(path)
        assert console.page.locator("#result_list tbody tr").count() == int(shown), path


def test_the_search_finds_a_lead_of_this_tenant_only(filled, console):  # noqa: F811
    console.sign_in("both", PASSWORD)
    console.choose("acme")
    console.page.keyboard.press("Control+k")
    console.page.locator("#search-input-command").press_sequentially("company 1")
    console.page.wait_for_selector("#command-results a")

    found = console.page.inner_text("#command-results")

    assert "ACMEMARK COMPANY 1" in found.upper()
    assert "BETAMARK" not in found.upper()
    assert console.problems == []
