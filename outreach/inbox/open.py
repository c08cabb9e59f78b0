"""From a mailbox's row to a reader of its inbox."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

from outreach.inbox.interface import Inbox
from outreach.models import Mailbox

Make: TypeAlias = Callable[[Mailbox], Inbox | None]
Kind = Mailbox.Transport

# transport -> (module, function that makes a reader, or None where there is nothing to read)
MAKERS: dict[str, tuple[str, str]] = {
    # GRAPH_DIRECT is allowed to send and nothing else, so there is no reading it.
    Kind.GRAPH_DRAFT: ("outreach.inbox.open_signed_in", "open_graph"),
    Kind.GMAIL: ("outreach.inbox.open_signed_in", "open_gmail"),
    Kind.SMTP: ("outreach.inbox.open_imap", "open_imap"),
    Kind.ANYMAIL: ("outreach.inbox.open_imap", "open_imap"),
}


def open_inbox(mailbox: Mailbox) -> Inbox | None:
    """A reader of ``mailbox``; None where none is set up. Asks nobody yet.

    Raises ``InboxError`` for options that do not do.
    """
    if mailbox.transport not in MAKERS:
        return None
    module, make = MAKERS[mailbox.transport]
    found: Inbox | None = getattr(import_module(module), make)(mailbox)
    return found
