"""A stray draft is cleared away a day later; a person's, and one that is still needed, is not."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.models import Mailbox
from outreach.sending.clear_drafts import LEFT_ALONE, clear_all_drafts
from outreach.tests.factories import make_campaign, make_message, make_policy
from outreach.tests.mails import make_mail
from outreach.tests.signed_in import make_signed_in, use_microsoft

ASKED = timezone.now()


@pytest.fixture
def microsoft(settings):
    with MicrosoftStandIn() as stand_in:
        use_microsoft(settings, stand_in)
        yield stand_in


@pytest.fixture
def mailbox(acme, microsoft) -> Mailbox:
    make_policy()
    return make_signed_in(microsoft)


def lay(microsoft: MicrosoftStandIn, mailbox: Mailbox, *, key: object = None, header: bool = True):
    """A draft in the mailbox; returns its lasting id."""
    mail = make_mail(sender=mailbox.address)
    del mail["X-Leadgen-Key"], mail["Message-ID"]
    if key:
        mail["Message-ID"] = f"<{key}@acme.example>"
        if header:
            mail["X-Leadgen-Key"] = str(key)
    box = microsoft.open(mailbox.address)
    return box.add("drafts", mail.as_bytes(), is_draft=True).lasting_id


def left_in(microsoft: MicrosoftStandIn, mailbox: Mailbox) -> set[str]:
    return {item.lasting_id for item in microsoft.open(mailbox.address).items}


def tomorrow():
    return timezone.now() + LEFT_ALONE + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "is_own", "asked_at", "is_cleared"),
    [
        ("SENT", False, ASKED, True),
        ("CANCELLED", False, None, True),
        ("REFUSED", True, None, True),
        ("ERROR_API_FAILURE", True, None, True),
        ("CANCELLED", True, ASKED, False),  # a person left a doubt at that
        ("SENT", True, ASKED, False),  # perhaps still on its way out
        ("IN_DOUBT", False, ASKED, False),
        ("SENDING", False, ASKED, False),
        ("QUEUED", True, None, False),
        ("QUEUED", False, None, False),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_a_draft_goes_when_its_mail_is_done_with_it(
    mailbox, microsoft, status, is_own, asked_at, is_cleared, header
):
    words = {} if status in {"SENT", "SENDING", "QUEUED"} else {"code": "x", "sentence": "Why."}
    message = make_message(
        make_campaign(mailbox), status=status, asked_at=asked_at, mailbox=mailbox,
        sent_at=ASKED if status == "SENT" else None, **words,
    )  # fmt: skip
    lying = lay(microsoft, mailbox, key=message.key, header=header)
    message.draft_id = lying if is_own else "another"
    message.save(update_fields=["draft_id"])

    assert clear_all_drafts(now=tomorrow()) == is_cleared

    assert (lying not in left_in(microsoft, mailbox)) == is_cleared
    assert message.events.filter(kind="LOOKED").count() == is_cleared
    assert clear_all_drafts(now=tomorrow()) == 0


def test_what_a_person_wrote_stays_and_what_carries_our_key_without_a_row_goes(mailbox, microsoft):
    own = lay(microsoft, mailbox)
    of_a_program_that_numbers_alike = lay(microsoft, mailbox, key=uuid4(), header=False)
    lay(microsoft, mailbox, key=uuid4())

    assert clear_all_drafts(now=tomorrow()) == 1

    assert left_in(microsoft, mailbox) == {own, of_a_program_that_numbers_alike}


def test_a_draft_of_today_is_left_alone_and_so_is_a_mailbox_that_does_not_answer(
    mailbox, microsoft, settings
):
    lay(microsoft, mailbox, key=uuid4())

    assert clear_all_drafts(now=timezone.now()) == 0
    settings.GRAPH_BASE_URL = "http://127.0.0.1:9"
    assert clear_all_drafts(now=tomorrow()) == 0

    assert len(left_in(microsoft, mailbox)) == 1
