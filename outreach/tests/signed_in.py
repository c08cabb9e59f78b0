"""Mailboxes that are signed in at a stand-in."""

from __future__ import annotations

from typing import Any

from leadgen_project.sandbox.vendors import google, microsoft
from leadgen_project.sandbox.vendors.google import GoogleStandIn
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.clients.oauth import Tokens
from outreach.mailboxes.tokens import keep
from outreach.models import Mailbox
from outreach.tests.factories import make_mailbox

PLACES = ("http://testserver", "http://localhost:8000")
BACK = {f"{place}/admin/outreach/mailbox/signed-in/" for place in PLACES}


def use_microsoft(settings: Any, stand_in: MicrosoftStandIn) -> None:
    """Lead the product's settings to the stand-in."""
    settings.MICROSOFT_LOGIN_BASE_URL = settings.GRAPH_BASE_URL = stand_in.url
    stand_in.desk.redirect_uris = set(BACK)
    settings.MICROSOFT_CLIENT_ID = microsoft.CLIENT_ID
    settings.MICROSOFT_CLIENT_SECRET = microsoft.CLIENT_SECRET


def use_google(settings: Any, stand_in: GoogleStandIn) -> None:
    settings.GOOGLE_OAUTH_BASE_URL = settings.GMAIL_BASE_URL = stand_in.url
    stand_in.desk.redirect_uris = set(BACK)
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = (
        google.CLIENT_ID,
        google.CLIENT_SECRET,
    )


def make_signed_in(stand_in: MicrosoftStandIn | GoogleStandIn, **changes: Any) -> Mailbox:
    """A READY mailbox with tokens of the stand-in, in the current tenant."""
    mailbox = make_mailbox(**changes)
    given = stand_in.tokens(mailbox.address)
    keep(mailbox, Tokens(given.access, given.refresh, given.seconds, given.scope))
    return mailbox
