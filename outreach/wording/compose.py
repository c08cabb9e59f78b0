"""From what one person reads to the mail as it goes over the wire. Pure.

One recipient, text and HTML, our own key and Message-ID, and both headers of RFC 8058. Built with
``email.message``, whose policy refuses a line break in a header.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from outreach.law import LABEL
from outreach.wording.render import Rendered

KEY_HEADER = "X-Leadgen-Key"


@dataclass(frozen=True, slots=True)
class WayOut:
    """How the recipient of one message can say no: an address and two places to click."""

    url: str  # a page to look at, and the target of the one-click POST
    mailto: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom, and what ties the mail to its row."""

    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    reply_to: str
    key: str  # of the message, a UUID
    way_out: WayOut
    sent_at: datetime
    answers: str = ""  # Message-ID of the mail before it in the sequence

    @property
    def message_id(self) -> str:
        return message_id_of(self.key, sender=self.sender)


def message_id_of(key: str, *, sender: str) -> str:
    """``<key@domain of the sender>``: found again at the provider, and the same on every try."""
    return f"<{key}@{sender.rpartition('@')[2]}>"


def compose(rendered: Rendered, envelope: Envelope) -> EmailMessage:
    """The whole mail. Raises ``ValueError`` for an address or header no mail can carry."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _address(envelope.sender, envelope.sender_name)
    mail["To"] = _address(envelope.recipient, envelope.recipient_name)
    if envelope.reply_to and envelope.reply_to != envelope.sender:
        mail["Reply-To"] = _address(envelope.reply_to, "")
    mail["Subject"] = _not_encoded(rendered.subject)
    mail["Date"] = format_datetime(envelope.sent_at)
    mail["Message-ID"] = envelope.message_id
    if envelope.answers:
        mail["In-Reply-To"] = envelope.answers
        mail["References"] = envelope.answers
    mail[KEY_HEADER] = envelope.key
    mail["List-Unsubscribe"] = f"<{envelope.way_out.url}>, <{envelope.way_out.mailto}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(rendered.body_text)
    mail.add_alternative(rendered.body_html, subtype="html")
    return mail


def footer(way_out: WayOut, *, why: str, notice: str = "") -> str:
    """The end of every body, as HTML: why the recipient gets it, and how to get no more.

    ``why``: one sentence, e.g. where the address was found. In English, as the Spam Control Act
    (Second Schedule 2) asks. ``notice``: about personal data, in lines of plain text.
    """
    told = "<br>".join(escape(line) for line in notice.splitlines())
    return (
        f"<hr><p>{escape(why)} If you would rather not hear from us again,"
        f' <a href="{escape(way_out.url)}">unsubscribe here</a> or write to'
        f' <a href="{escape(way_out.mailto)}">{escape(_bare(way_out.mailto))}</a>.'
        " It takes effect at once.</p>" + (f"<p>{told}</p>" if told else "")
    )


def labelled(subject: str, *, needs_label: bool) -> str:
    """``<ADV> `` before the subject where the law asks for it; never twice."""
    if not needs_label or subject.startswith(LABEL):
        return subject
    return LABEL + subject


def _bare(mailto: str) -> str:
    return mailto.removeprefix("mailto:").partition("?")[0]


def _not_encoded(text: str) -> str:
    """See ``outreach.wording.render.header_line``: whoever did not use it gets no mail made."""
    if "=?" in text:
        raise ValueError("a header holds '=?', which would be decoded")
    return text


def _address(address: str, name: str) -> Address:
    try:
        return Address(display_name=_not_encoded(name), addr_spec=_not_encoded(address))
    except (IndexError, MessageError) as exc:  # the parser's own, for some addresses
        raise ValueError(str(exc)) from exc
