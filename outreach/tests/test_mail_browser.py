"""The operator's path in a real browser: write a template, start a campaign, see why it waits."""

from __future__ import annotations

import pytest

from leadgen_project.tests.browser import WIDTHS, console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from outreach.tests.factories import make_contact, make_mailbox, make_policy
from outreach.wording import templates
from tenants.context import in_tenant

pytestmark = pytest.mark.browser
PAGES = ("campaign/", "message/", "message/held/", "message/in-doubt/", "message/why/",
         "mailpolicy/", "originpolicy/", "emailtemplate/", "signature/")  # fmt: skip


@pytest.fixture
def mail(committed, django_db_blocker):
    """People, a ready mailbox, two leads: one can be written to, one is not verified."""
    with django_db_blocker.unblock():
        make_people()
        with in_tenant("acme"):
            make_policy()
            make_mailbox(address="olga@tea.example")
            olga = templates.save_signature(
                None, name="Olga", body="Olga Tan\n1 Road", actor="tests"
            )
            make_contact(verdict="DELIVERABLE")
            make_contact(verdict="UNVERIFIED")
            other = templates.save_template(
                None, name="Coffee", subject="Coffee", body="Dear {{ first_name }}", actor="tests",
                fallbacks={"first_name": "reader"}, signature=olga,
            )  # fmt: skip
            templates.add_variation(other, subject="Beans", body="Dear {{ first_name }}",
                                    actor="tests")  # fmt: skip


def test_a_campaign_is_written_started_and_explained(mail, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)
    page = console.page

    console.open("/admin/outreach/emailtemplate/add/")
    page.fill("#name", "Tea")
    page.fill("#subject", "Tea for {{ company }}")
    page.fill("#body", "Dear {{ colour }},\n\nsome tea?")
    page.wait_for_selector("text=No lead has colour")
    page.fill("#body", "Dear {{ first_name }},\n\nsome tea?")
    page.wait_for_selector("#fallback-first_name")
    page.fill("#fallback-first_name", "reader")
    page.wait_for_selector("#template-preview .ml-subject:has-text('Tea for KAYA')")
    assert page.is_visible(".lg-dirty")
    page.click(".ml-save button")
    console.settle()
    assert "Saved as Tea v1" in page.inner_text("body")

    console.open("/admin/outreach/campaign/add/")
    page.fill("#name", "Autumn")
    page.select_option("#source", "filter")
    page.wait_for_selector("#counted:has-text('2 people of 2 leads')")
    page.select_option("select[name=version] >> nth=0", label="Coffee (version 1)")
    page.wait_for_selector("[data-wordings]:has-text('Beans')")
    page.select_option("select[name=version] >> nth=0", label="Tea (version 1)")
    page.wait_for_selector("[data-wordings]:has-text('Beans')", state="detached")
    assert page.is_visible(".lg-dirty")
    page.check("input[name=mailbox]")
    page.click(".ml-save button")
    console.settle()
    assert "2 people of 2 leads" in page.inner_text("body")
    page.click("text=Start: write to 2 people")
    console.settle()
    said = page.inner_text("#live")
    assert "The address is not verified yet" in said

    console.open("/admin/outreach/message/")
    assert "kaya.example" in page.inner_text("#result_list")
    page.click("#result_list a.lg-link >> nth=0")
    console.settle()
    assert "What each rule said" in page.inner_text("body")

    for dark, width in zip((False, True), WIDTHS, strict=True):
        console.set_dark(dark)
        console.set_size(width)
        for name in PAGES:
            console.open(f"/admin/outreach/{name}")
            assert console.faults() == [], f"{name} {width} {dark}"
