"""The mail a message becomes: its wording filled in, and the envelope it comes in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from enrichment.models import Contact
from outreach.law import NEEDS_NOTICE
from outreach.models import Mailbox, MailPolicy, Message
from outreach.wording.compose import Envelope, footer, labelled
from outreach.wording.render import Rendered, Text, header_line, render
from outreach.wording.templates import text_of_version
from outreach.wording.way_out import way_out_of


@dataclass(frozen=True, slots=True)
class Draft:
    """The mail as it would go out now."""

    rendered: Rendered
    envelope: Envelope


def draft_of(message: Message, *, mailbox: Mailbox, policy: MailPolicy, now: datetime) -> Draft:
    """What the recipient would read, and the envelope it would come in."""
    envelope = envelope_of(message, mailbox=mailbox, now=now)
    rendered = render(
        text_of(message),
        data_of(message, mailbox),
        footer_html=footer(
            envelope.way_out, why=policy.why_sentence, notice=_notice_in(message, policy)
        ),
    )
    subject = labelled(rendered.subject, needs_label=policy.labels)
    return Draft(replace(rendered, subject=subject), envelope)


def _notice_in(message: Message, policy: MailPolicy) -> str:
    return policy.notice if message.is_first and message.country in NEEDS_NOTICE else ""


def envelope_of(message: Message, *, mailbox: Mailbox, now: datetime) -> Envelope:
    """Who writes to whom, and the way out."""
    before = _mail_before(message)
    return Envelope(
        sender=mailbox.address,
        sender_name=header_line(mailbox.display_name),
        recipient=message.recipient,
        recipient_name=header_line(_name_of(message)),
        reply_to=mailbox.reply_to,
        key=str(message.key),
        way_out=way_out_of(message, mailbox_address=mailbox.address),
        sent_at=now,
        answers=before.message_id if before else "",
    )


def text_of(message: Message) -> Text:
    """The wording this message has: its variation's, else its version's."""
    return text_of_version(message.template_version, variation=message.variation)


def data_of(message: Message, mailbox: Mailbox | None) -> dict[str, Any]:
    """What its variables stand for, those about the sender included."""
    return {
        **message.lead_data,
        "sender_name": mailbox.display_name if mailbox else "-",
        "sender_email": mailbox.address if mailbox else "-",
    }


def _name_of(message: Message) -> str:
    """As read at the claim; else asked anew: the contact may have been erased since."""
    if Message.contact.is_cached(message):
        return message.contact.name if message.contact else ""
    named = Contact.objects.filter(pk=message.contact_id or 0).values_list("name", flat=True)
    return named.first() or ""


def _mail_before(message: Message) -> Message | None:
    """The mail of the step before to the same person, if it went out."""
    if message.step is None or message.is_first:
        return None
    return Message.objects.filter(
        step__campaign=message.step.campaign_id, step__position=message.step.position - 1,
        recipient_hash=message.recipient_hash, status=Message.Status.SENT,
    ).first()  # fmt: skip
