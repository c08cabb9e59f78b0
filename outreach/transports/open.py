"""From a mailbox's row to a transport that sends from it, and what each kind can do.

A maker of transports is named here and imported when its kind is first used, so that no process
loads what none of its mailboxes needs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

from outreach.models import Mailbox
from outreach.transports.interface import Capabilities, Transport

Make: TypeAlias = Callable[[Mailbox], Transport]
Kind = Mailbox.Transport

# transport -> (module, function that makes one, function that tells its capabilities)
MAKERS: dict[str, tuple[str, str, str]] = {
    Kind.GRAPH_DRAFT: ("outreach.transports.signed_in", "open_graph", "graph_capabilities"),
    Kind.GRAPH_DIRECT: ("outreach.transports.signed_in", "open_graph", "graph_capabilities"),
    Kind.GMAIL: ("outreach.transports.signed_in", "open_gmail", "gmail_capabilities"),
    Kind.SMTP: ("outreach.transports.smtp", "open_smtp", "smtp_capabilities"),
    Kind.ANYMAIL: ("outreach.transports.anymail", "open_anymail", "anymail_capabilities"),
}


class NoTransportError(Exception):
    """The mailbox's kind cannot be used; the text says why."""


def open_transport(mailbox: Mailbox) -> Transport:
    """A transport for ``mailbox``, for one sender at a time. Asks nobody yet.

    Raises ``NoTransportError``. Tokens are looked up when they are needed, so a transport may be
    kept for as long as its mailbox does not change.
    """
    module, make, _ = _entry(mailbox)
    found: Transport = getattr(import_module(module), make)(mailbox)
    return found


def capabilities_of(mailbox: Mailbox) -> Capabilities:
    """What the mailbox's transport can do and how much it takes. Raises ``NoTransportError``."""
    module, _, tell = _entry(mailbox)
    found: Capabilities = getattr(import_module(module), tell)(mailbox)
    return found


def has_one_click(mailbox: Mailbox) -> bool:
    """Whether one-click unsubscribe arrives from this mailbox: by its kind, or as a test showed."""
    try:
        carries = capabilities_of(mailbox).one_click
    except NoTransportError:
        return False
    return carries == "yes" or (carries == "when shown" and bool(mailbox.findings.get("one_click")))


def _entry(mailbox: Mailbox) -> tuple[str, str, str]:
    try:
        return MAKERS[mailbox.transport]
    except KeyError:
        raise NoTransportError(
            f"{mailbox.get_transport_display()} cannot be used for sending yet."
        ) from None
