"""The IMAP reader of mailboxes that send by SMTP or a mass-mail service."""

from __future__ import annotations

from outreach.inbox.imap import ImapInbox
from outreach.inbox.interface import InboxError
from outreach.mailboxes.mail_server import MailServerError, read_server
from outreach.models import Mailbox
from tenants.secrets import decrypt


def open_imap(mailbox: Mailbox) -> ImapInbox | None:
    """None while no ``imap_host`` is named. Raises ``InboxError`` for options that do not do."""
    if not mailbox.options.get("imap_host"):
        return None
    # Of a mass-mail service the secret is its key; the inbox's password stands behind a line break.
    kept = decrypt(bytes(mailbox.secret)) if mailbox.secret else ""
    password = kept.rpartition("\n")[2]
    try:
        return ImapInbox(read_server(mailbox.options, password=password, prefix="imap_"))
    except MailServerError as exc:
        raise InboxError(exc.sentence, lasts=True) from None
