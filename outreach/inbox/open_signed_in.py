"""Readers of mailboxes that are connected by a sign-in."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from outreach.clients.ask import Line
from outreach.clients.google import GmailClient
from outreach.clients.microsoft import GraphClient
from outreach.inbox.gmail import GmailInbox
from outreach.inbox.graph import GraphInbox
from outreach.mailboxes.tokens import access_token
from outreach.models import Mailbox


def open_graph(mailbox: Mailbox) -> GraphInbox:
    line = Line("Microsoft", settings.GRAPH_BASE_URL, settings.MAIL_READ_SECONDS)
    return GraphInbox(GraphClient(line, partial(access_token, mailbox.pk)))


def open_gmail(mailbox: Mailbox) -> GmailInbox:
    line = Line("Google", settings.GMAIL_BASE_URL, settings.MAIL_READ_SECONDS)
    return GmailInbox(GmailClient(line, partial(access_token, mailbox.pk)))
