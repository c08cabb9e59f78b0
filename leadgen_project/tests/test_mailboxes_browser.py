"""An operator connects a mailbox in a real browser, tests it and pauses it."""

from __future__ import annotations

import pytest

from leadgen_project.sandbox.vendors.microsoft import CLIENT_ID, CLIENT_SECRET, MicrosoftStandIn
from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from leadgen_project.tests.test_console_browser import look_at
from outreach.tests.factories import make_mailbox
from tenants.context import in_tenant

pytestmark = pytest.mark.browser
LIST = "/admin/outreach/mailbox/"


@pytest.fixture
def microsoft(committed, django_db_blocker):
    """Mailboxes of every state, and a Microsoft to sign in at. Stands before the server."""
    with MicrosoftStandIn(asks_first=True) as stand_in, django_db_blocker.unblock():
        committed.env.update(
            MICROSOFT_LOGIN_BASE_URL=stand_in.url, GRAPH_BASE_URL=stand_in.url,
            MICROSOFT_CLIENT_ID=CLIENT_ID, MICROSOFT_CLIENT_SECRET=CLIENT_SECRET,
        )  # fmt: skip
        make_people()
        with in_tenant("acme"):
            make_mailbox(pk=1, state="NEW", address="olga@us.example")
            dns = [{"what": "SPF", "grade": "bad", "sentence": "us.example has no SPF record."},
                   {"what": "MX", "grade": "good", "sentence": "Answers go to mx.us.example."},
                   {"what": "DMARC", "grade": "wait", "sentence": "Its policy is p=none."},
                   {"what": "DKIM", "grade": "", "sentence": "DNS did not answer."}]  # fmt: skip
            make_mailbox(pk=2, state="RECONNECT", address="far-too-long-a-name@sub.us.example",
                         state_reason="Microsoft asks for a new sign-in.",
                         findings={"dns": {"at": "2026-11-22", "found": dns}})  # fmt: skip
            make_mailbox(
                pk=3, transport="SMTP", state="PAUSED", state_reason="Olga is away",
                address="sales@us.example", options={"host": "smtp.us.example"},
            )  # fmt: skip
        yield stand_in


def own_problems(window, microsoft) -> list[str]:
    """All but the visit at the maker, which is meant."""
    return [each for each in window.problems if microsoft.url not in each]


def test_a_mailbox_is_connected_tested_and_paused(microsoft, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)
    page = console.page
    console.open(f"{LIST}1/change/")

    page.click("button:has-text('Connect'):not(:has-text('Dis'))")
    console.settle()
    page.click("#continue")
    page.wait_for_selector("#yes")
    page.click("#yes")
    page.wait_for_url(f"{console.url}{LIST}1/change/")
    console.settle()
    assert "olga@us.example is connected." in page.inner_text("body")

    page.click("button:has-text('Send a test to myself')")
    console.settle()
    assert "one-click unsubscribe came through" in page.inner_text("body")
    assert "List-Unsubscribe=One-Click" in page.inner_text("table")

    page.fill("#pause-reason", "Olga is on leave")
    page.click("button:has-text('Pause')")
    console.settle()
    assert "Olga is on leave" in page.inner_text("body")
    assert own_problems(console, microsoft) == []


def test_the_pages_look_right_in_both_sizes_and_themes(microsoft, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)
    pages = [LIST, f"{LIST}add/", *(f"{LIST}{number}/change/" for number in (1, 2, 3))]

    assert look_at(console, pages) == []


def test_the_form_shows_what_the_way_of_sending_needs(microsoft, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)
    console.open(f"{LIST}add/")
    page = console.page

    seen = {}
    for kind in ("GRAPH_DRAFT", "GMAIL", "SMTP", "ANYMAIL"):
        page.select_option("#id_transport", kind)
        seen[kind] = [name for name in ("account", "format", "host", "service")
                      if page.is_visible(f"#id_{name}")]  # fmt: skip

    assert seen == {
        "GRAPH_DRAFT": ["account", "format"],
        "GMAIL": ["account"],
        "SMTP": ["host"],
        "ANYMAIL": ["service"],
    }
