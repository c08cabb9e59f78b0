"""One name for one thing: a page bears the name of the item of the sidebar that leads to it."""

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
