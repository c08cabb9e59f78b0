"""Duplicates decided in a real browser by keyboard alone; the pages of listings as they look."""

from __future__ import annotations

import pytest

from enrichment.harvest_models import HarvestRequest
from enrichment.tests.harvest.rig import make_source
from enrichment.tests.listings.factories import taken
from enrichment.twin_models import LeadTwin
from leadgen_project.tests.browser import Console, console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from leadgen_project.tests.test_captcha_browser import press
from leadgen_project.tests.test_console_browser import look_at
from tenants.context import in_tenant

pytestmark = pytest.mark.browser
LIST = "/admin/enrichment/leadtwin/"
NAMES = (("Alpha", "Beta"), ("Cafe", "Pub"), ("Inn", "Ode"))


@pytest.fixture
def nobody(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()


@pytest.fixture
def pages(nobody, django_db_blocker) -> list[str]:
    """Three pairs that share a site; the pages on which they and their listings stand."""
    with django_db_blocker.unblock(), in_tenant("acme"):
        for number, names in enumerate(NAMES):
            for name in names:
                taken(name=name, websites=(f"mall{number}.example.sg/{name}",))
        make_source(name="OpenStreetMap")
        twin = LeadTwin.objects.order_by("pk").first()
        request = HarvestRequest.objects.order_by("pk").first()
    return [
        LIST, f"{LIST}{twin.pk}/change/", f"/admin/icp/lead/{twin.first_id}/change/",
        f"/admin/enrichment/harvestrequest/{request.pk}/change/",
        "/admin/enrichment/harvestrequest/add/", "/admin/enrichment/contact/places/",
        f"/admin/enrichment/harvestsource/{request.source_id}/change/",
    ]  # fmt: skip


def heading(window: Console) -> str:
    return window.page.inner_text("th[scope=col]:has-text('stays') a")


def body(window: Console) -> str:
    return window.page.inner_text("body")


def test_pairs_are_decided_without_a_mouse(pages, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)
    console.open(LIST)
    page = console.page

    press(console, "n")
    first = heading(console)
    press(console, "s")
    assert heading(console) != first
    press(console, "m")
    assert "is merged into" in body(console)
    press(console, "n")
    skipped = heading(console)
    press(console, "n")
    assert heading(console) != skipped
    page.keyboard.press("a")
    page.keyboard.type("mns? tell them apart")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.is_hidden("#keys")
    page.keyboard.press("?")
    assert page.is_visible("#keys")
    page.keyboard.press("a")
    press(console, "Enter")
    assert "Kept apart" in body(console)
    press(console, "m")

    assert "Nothing to decide" in body(console)
    console.open(f"{LIST}?state=MERGED")
    assert page.locator("tbody tr").count() == 2
    console.open(f"{LIST}?state=APART")
    assert page.locator("tbody tr").count() == 1
    assert "mns? tell them apart" in body(console)
    assert console.problems == []


def test_the_pages_of_listings_look_right_with_data(pages, console):  # noqa: F811
    console.sign_in("operator", PASSWORD)

    assert look_at(console, pages) == []
