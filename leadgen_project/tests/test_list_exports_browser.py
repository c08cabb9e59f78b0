"""A list taken out in a real browser: the button, the page, the file, and back to the same list."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from leadgen_project.tests.browser import WIDTHS, console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, fill, make_people

pytestmark = pytest.mark.browser
LIST = "/admin/icp/lead/?stage=SCORED"


@pytest.fixture
def filled(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()
        fill("acme", mark="Acmemark", leads=12)


def test_a_filtered_list_is_exported_and_stays_as_it_was(filled, console):  # noqa: F811
    page, faults = console.page, []
    console.sign_in("operator", PASSWORD)
    console.open(LIST)
    with page.expect_navigation():
        page.click('a[href*="/icp/lead/export/"]')
    for dark in (False, True):
        for width in WIDTHS:
            console.set_dark(dark)
            console.set_size(width)
            page.reload()
            console.settle()
            faults += console.faults()

    page.get_by_label("Telephone", exact=True).uncheck()
    with page.expect_download() as got:
        page.get_by_role("button", name="Export", exact=True).click()
    rows = list(csv.reader(Path(got.value.path()).read_text("utf-8-sig").splitlines()))
    with page.expect_navigation():
        page.get_by_role("link", name="Back to the list").click()
    console.settle()

    assert faults == []
    assert got.value.suggested_filename.startswith("acme-leads-")
    assert [len(rows), {row[2] for row in rows[1:]}] == [5, {"Scored"}]
    assert "Telephone" not in rows[0]
    assert page.url.endswith(LIST)
    assert "4 rows." in page.inner_text("main, body")
