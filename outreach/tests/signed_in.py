"""Mailboxes that are signed in at a stand-in."""

from __future__ import annotations

from typing import Any

from leadgen_project.sandbox.vendors.microsoft import CLIENT_ID, CLIENT_SECRET, MicrosoftStandIn
from outreach.clients.oauth import Tokens
from outreach.models import Mailbox
from outreach.tests.factories import make_mailbox
from outreach.tokens import keep

PLACES = ("http://testserver", "http://localhost:8000")


def use_microsoft(settings: Any, stand_in: MicrosoftStandIn) -> None:
    """Lead the product's settings to the stand-in."""
    settings.MICROSOFT_LOGIN_BASE_URL = settings.GRAPH_BASE_URL = stand_in.url
    stand_in.desk.redirect_uris = {f"{place}/admin/outreach/mailbox/signed-in/" for place in PLACES}
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET


def make_signed_in(stand_in: MicrosoftStandIn, **changes: Any) -> Mailbox:
    """A READY mailbox with tokens of the stand-in, in the current tenant."""
    mailbox = make_mailbox(**changes)
    given = stand_in.tokens(mailbox.address)
    keep(mailbox, Tokens(given.access, given.refresh, given.seconds, given.scope))
    return mailbox
