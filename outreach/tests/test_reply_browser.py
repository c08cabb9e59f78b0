"""The page of answers in a real browser: both sizes, both themes, with data and without."""

from __future__ import annotations

import pytest

from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.console_data import PASSWORD, make_people
from leadgen_project.tests.test_console_browser import look_at
from outreach.answer_models import InboxState
from outreach.tests.factories import make_mailbox, make_policy
from outreach.tests.incoming import reply_to
from outreach.tests.test_replies import make_sent, read
from tenants.context import in_tenant

pytestmark = pytest.mark.browser
LIST = "/admin/outreach/reply/"
WORDS = (
    "Thank you Olga,\nplease send me a price list, we need 40 kg a month.\nMei",
    "<script>alert(1)</script> x" + "x" * 300,
    "Remove me from your list, and tell whoever sold you my address that I do not want any of this",
    "下周二可以打电话给我。",
)


@pytest.fixture
def answered(committed, django_db_blocker):
    with django_db_blocker.unblock():
        make_people()
        with in_tenant("acme"):
            make_policy()
            mailbox = make_mailbox(address="olga@us.example", transport="SMTP")
            for words in WORDS:
                read(reply_to(make_sent(mailbox, subject="Tea for Kaya"), words), mailbox)
            InboxState.objects.create(mailbox=mailbox, trouble="mx.us.example:993 broke off.")


def test_answers_look_right_and_one_is_decided(answered, console):  # noqa: F811
    console.sign_in("owner", PASSWORD)
    assert look_at(console, [LIST]) == []

    console.open(LIST)
    console.page.click("article:first-of-type button:has-text('Interested') >> nth=0")
    console.settle()

    assert "Marked as interested." in console.page.inner_text("body")
    assert console.page.locator("article").count() == len(WORDS) - 1
    assert console.problems == []
