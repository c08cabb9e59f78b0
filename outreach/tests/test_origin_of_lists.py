"""An address of an imported list goes by what the list says of how it was obtained."""

from __future__ import annotations

import pytest

from enrichment.contact_lists.import_contacts import confirm_contacts, preview_contacts
from enrichment.contact_lists.undo_contacts import undo_contacts
from enrichment.models import Evidence
from icp.models import Lead
from icp.tests.factories import NOW
from outreach.admission.facts import Known
from outreach.law import Origin
from outreach.models import Message
from outreach.tests.factories import make_campaign, make_mailbox, make_message
from outreach.tests.factories import make_policy as allow_any_hour
from outreach.tests.test_law import sent_mail

UEN = "201912345A"


def listed(message: Message, origin: str):
    """The import of the message's address with ``origin``, of which nothing else is known."""
    lead = message.contact.lead
    Evidence.objects.filter(lead=lead).delete()
    Lead.objects.filter(pk=lead.pk).update(uen=UEN)
    upload = preview_contacts(
        f"uen,email,origin\n{UEN},{message.recipient},{origin}\n".encode(),
        file_name="people.csv", actor="olga", now=NOW,
    )  # fmt: skip
    assert confirm_contacts(upload, actor="olga", now=NOW) == 1
    return upload


def origin_of(message: Message) -> Origin:
    return Known([message], now=NOW).origin_of(message)


@pytest.mark.parametrize(
    ("word", "origin"),
    [("given", Origin.REPLIED), ("card", Origin.REPLIED), ("list", Origin.IMPORTED),
     ("bought", Origin.PROVIDER), ("harvested", Origin.HARVESTED), ("guessed", Origin.GUESSED)],
)  # fmt: skip
def test_the_gate_goes_by_the_origin_of_the_list_and_no_more_once_it_is_undone(acme, word, origin):
    message = make_message(make_campaign(make_mailbox()))

    upload = listed(message, word)

    assert origin_of(message) is origin
    undo_contacts(upload, reason="Wrong list.", actor="ben", now=NOW)
    assert origin_of(message) is Origin.HARVESTED


@pytest.mark.parametrize(
    ("word", "code"), [("given", ""), ("bought", "origin"), ("harvested", "origin")]
)
def test_mail_goes_to_whom_gave_the_address_and_to_nobody_whose_address_was_bought(
    acme, word, code
):
    allow_any_hour()
    mailbox = make_mailbox()
    message = make_message(make_campaign(mailbox))
    listed(message, word)

    assert (sent_mail(message, mailbox) is None) is bool(code)

    message.refresh_from_db()
    assert message.code.startswith(code)
