"""What pages of the console call things, offer and refuse: one name for one thing, no dead ends."""

from __future__ import annotations

import pytest

from leadgen_project.console.pages import link
from leadgen_project.console.sidebar import (
    MAIL_PAGES,
    ODOO_PAGES,
    OFFICE_PAGES,
    PLATFORM_PAGES,
    TENANT_PAGES,
)
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_vendor_pages import enter


@pytest.fixture
def people(db):
    return make_people()


def test_each_page_of_a_tenant_bears_its_name_in_the_sidebar(people):
    client = enter(people, "owner")
    pages = [*TENANT_PAGES, *MAIL_PAGES, *ODOO_PAGES, *OFFICE_PAGES]

    titles = {
        title: client.get(link(page), follow=True).context["title"] for title, _, page, _ in pages
    }

    assert titles == {title: title for title in titles}


def test_each_page_of_the_platform_bears_its_name_in_the_sidebar(people, client):
    client.force_login(people["root"])

    titles = {
        title: client.get(link(page), follow=True).context["title"]
        for title, _, page, _ in PLATFORM_PAGES
    }

    assert titles == {title: title for title in titles}


def test_a_list_without_rows_offers_whoever_may_to_make_the_first(people):
    owner, auditor = enter(people, "owner"), enter(people, "auditor")

    shown = owner.get("/admin/outreach/mailbox/").content.decode()
    read = auditor.get("/admin/outreach/mailbox/").content.decode()

    assert "No mailbox yet" in shown
    assert 'href="/admin/outreach/mailbox/add/">Add mailbox</a>' in shown
    assert "Add mailbox" not in read


def test_no_list_offers_an_auditor_what_only_others_may_begin(people):
    auditor = enter(people, "auditor")

    runs = auditor.get("/admin/tenants/pipelinerun/").content.decode()
    results = auditor.get("/admin/outreach/dncresult/").content.decode()

    assert "Start a night" not in runs
    assert "Import results" not in results


def test_a_page_for_a_row_that_is_gone_says_so_without_the_name_of_a_class(people):
    page = enter(people, "owner").get("/admin/outreach/campaign/987654/change/")

    assert page.status_code == 404
    assert "what it showed is gone" in page.content.decode()
    assert "matches the given query" not in page.content.decode()
