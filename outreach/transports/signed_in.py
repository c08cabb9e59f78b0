"""Transports of mailboxes that are connected by a sign-in."""

from __future__ import annotations

from django.conf import settings

from outreach.clients.ask import Line
from outreach.clients.google import GmailClient
from outreach.clients.microsoft import JSON, MIME, GraphClient
from outreach.mailboxes.tokens import TokenAtHand
from outreach.models import Mailbox
from outreach.transports import gmail, graph
from outreach.transports.interface import Capabilities


def open_graph(mailbox: Mailbox) -> graph.GraphTransport:
    line = Line("Microsoft", settings.GRAPH_BASE_URL, settings.MAIL_READ_SECONDS)
    client = GraphClient(line, TokenAtHand(mailbox.pk))
    return graph.GraphTransport(client, graph_capabilities(mailbox), _form(mailbox))


def graph_capabilities(mailbox: Mailbox) -> Capabilities:
    drafts = mailbox.transport == Mailbox.Transport.GRAPH_DRAFT
    return graph.capabilities(drafts=drafts, form=_form(mailbox))


def open_gmail(mailbox: Mailbox) -> gmail.GmailTransport:
    line = Line("Google", settings.GMAIL_BASE_URL, settings.MAIL_READ_SECONDS)
    return gmail.GmailTransport(GmailClient(line, TokenAtHand(mailbox.pk)))


def gmail_capabilities(_mailbox: Mailbox) -> Capabilities:
    return gmail.GMAIL


def _form(mailbox: Mailbox) -> str:
    return JSON if mailbox.options.get("format") == JSON else MIME
