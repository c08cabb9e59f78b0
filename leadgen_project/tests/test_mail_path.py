"""An operator's whole path by mail, in a real browser: from an empty desk to a reply."""

from __future__ import annotations

import subprocess
import sys

import pytest

from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.browser import BASE_DIR, console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from outreach.tests.factories import make_contact, make_mailbox, make_policy
from tenants.context import in_tenant

pytestmark = pytest.mark.browser
HERE = "/admin/outreach/"
REPLY = """From: Mei <{recipient}>
To: olga@us.example
Subject: Re: Tea for you
Message-ID: <reply-1@kaya.example>
In-Reply-To: {message_id}
Content-Type: text/plain; charset=utf-8

Thank you, please send me a price list.
"""


@pytest.fixture
def microsoft(committed, django_db_blocker):
    """Three people one may write to, a mailbox that nobody has connected, and its Microsoft."""
    with MicrosoftStandIn() as stand_in, django_db_blocker.unblock():
        committed.env.update(stand_in.environment)
        make_people()
        with in_tenant("acme"):
            make_policy()
            make_mailbox(pk=1, state="NEW", address="olga@us.example")
            for _ in range(3):
                make_contact(verdict="DELIVERABLE")
        yield stand_in


def by_itself(committed, *steps: str) -> None:
    """What the workers do meanwhile."""
    command = [sys.executable, "-m", "leadgen_project.tests.mail_steps", "acme", *steps]
    subprocess.run(command, cwd=BASE_DIR, env=committed.env, check=True)


def press(console, words: str) -> str:  # noqa: F811
    """Click the button of these words; the text of the page that follows."""
    with console.page.expect_navigation():
        console.page.click(f"button:has-text('{words}') >> visible=true >> nth=0")
    console.settle()
    return console.page.inner_text("body")


def test_from_an_empty_desk_to_a_reply_that_ends_the_sequence(
    microsoft,
    committed,
    console,  # noqa: F811
):
    page = console.page
    console.sign_in("owner", PASSWORD)

    console.open(f"{HERE}mailbox/1/change/")
    press(console, "Connect")
    page.click("#continue")
    page.wait_for_url(f"**{HERE}mailbox/1/change/")
    console.settle()
    assert "olga@us.example is connected." in page.inner_text("body")

    write_signature(console)
    for name, subject in (("First", "Tea for {{ business_name }}"), ("Second", "Still no tea?")):
        write_template(console, name, subject)
    plan_campaign(console)
    assert "Start: write to 3 people" in page.inner_text("body")
    assert "Started: 3 mails are queued" in press(console, "Start: write to 3 people")

    by_itself(committed, "send")
    assert len(microsoft.keys) == 3
    sent = microsoft.mails[0]
    microsoft.deliver("olga@us.example", REPLY.format(
        recipient=sent.recipients[0], message_id=sent.message_id).encode())  # fmt: skip
    by_itself(committed, "read", "wait", "send")

    assert len(microsoft.keys) == 5, "whoever answered gets no second mail"
    console.open(f"{HERE}reply/")
    assert "please send me a price list" in page.inner_text("body")
    console.open(f"{HERE}message/why/")
    assert "mail has come to its end" in page.inner_text("body")
    assert [each for each in console.problems if microsoft.url not in each] == []


def write_signature(console) -> None:  # noqa: F811
    console.open(f"{HERE}signature/add/")
    console.page.fill("[name=name]", "Olga")
    console.page.fill("[name=body]", "Olga Tan, Us Pte Ltd, 1 Road, Singapore 048616")
    press(console, "Save")


def write_template(console, name: str, subject: str) -> None:  # noqa: F811
    page = console.page
    console.open(f"{HERE}emailtemplate/add/")
    page.fill("#name", name)
    page.fill("#subject", subject)
    page.fill("#body", "Dear {{ first_name }},\n\nwe grow tea.")
    page.select_option("#signature", label="Olga")
    page.wait_for_selector("[name='fallback.first_name']")
    page.fill("[name='fallback.first_name']", "reader")
    text = press(console, "Save")
    assert "cannot be" not in text


def plan_campaign(console) -> None:  # noqa: F811
    page = console.page
    console.open(f"{HERE}campaign/add/")
    page.fill("#name", "Autumn")
    page.select_option("#source", "filter")
    page.check("[name=stage][value=CANDIDATE]")
    choose(page, 0, "First (version 1)")
    assert "3" in press(console, "Count again")
    choose(page, 1, "Second (version 1)")
    page.check("[name=mailbox][value='1']")
    press(console, "Save the draft")


def choose(page, number: int, template: str) -> None:
    page.locator("[name=version]").nth(number).select_option(label=template)
