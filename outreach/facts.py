"""All the gate has to know about one message, and the mail it would become. Reads, never writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, Q

from acra.models import RegisteredCompany
from enrichment.models import Contact, Evidence
from icp.suppressions import find_suppression
from outreach import law
from outreach.compose import Envelope, footer, labelled
from outreach.gate import Facts
from outreach.law import Answer, Origin
from outreach.lint import lint
from outreach.models import (
    Adoption,
    Mailbox,
    MailPolicy,
    Message,
    MessageEvent,
    OriginPolicy,
)
from outreach.render import Rendered, Text, render
from outreach.transports.open import has_one_click
from outreach.way_out import way_out_of
from outreach.windows import OFFICE, parse_hours

Kind = MessageEvent.Kind
ENDS_SEQUENCE = {
    Kind.REPLIED: "The recipient has answered an earlier mail.",
    Kind.BOUNCED: "An earlier mail bounced for good.",
    Kind.UNSUBSCRIBED: "The recipient has opted out.",
    Kind.COMPLAINED: "The recipient has complained.",
}
ORIGINS = {
    "OPERATOR": Origin.TYPED,
    "CAPTCHA": Origin.CAPTCHA,
    "IMPORT": Origin.IMPORTED,
    "PAGE": Origin.PAGE,
    "LLM": Origin.PAGE,  # its quote stands on the page
    "PROVIDER": Origin.PROVIDER,
    "LISTING": Origin.HARVESTED,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """The mail as it would go out now."""

    rendered: Rendered
    envelope: Envelope


def facts_of(message: Message, *, mailbox: Mailbox, now: datetime) -> tuple[Facts, Draft]:
    """Facts and mail of ``message`` if ``mailbox`` sent it ``now``. About ten statements."""
    policy = MailPolicy.objects.filter(pk=1).first() or MailPolicy(pk=1)
    version = message.template_version
    draft = draft_of(message, mailbox=mailbox, policy=policy, now=now)
    campaign = message.step.campaign if message.step else None
    contact = message.contact
    facts = Facts(
        now=now,
        tenant_paused=policy.sending_off,
        campaign_status=campaign.status if campaign else "RUNNING",
        mailbox_state=mailbox.state,
        mailbox_reason=mailbox.state_reason,
        unresolved=draft.rendered.unresolved,
        lint_errors=tuple(
            remark.sentence
            for remark in lint(text_of(message), is_first=_is_first(message))
            if remark.blocks
        ),
        template_archived=version.template.is_archived,
        recipient=message.recipient,
        is_erased=not message.recipient and bool(message.recipient_hash),
        suppressed_because=suppressed_because(message),
        company_ceased=_has_ceased(message),
        verdict=contact.verdict if contact else "UNVERIFIED",
        accepts_risky=policy.accepts_risky,
        forbids_collection="forbids" in contact.not_mailable_reason if contact else False,
        origin=origin_of(message),
        own_policy=own_policy(),
        is_released=message.is_released,
        was_moved_in=message.move_id is not None,
        country=message.country,
        bases=frozenset(policy.bases),
        sent_alike=(0, 0, 0) if policy.labels else _sent_alike(message, now=now),
        carries_label=policy.labels,
        carries_opt_out=True,
        needs_one_click=bool(campaign and campaign.audience.get("needs_one_click")),
        has_one_click=has_one_click(mailbox),
        window=parse_hours(policy.hours) if policy.hours else OFFICE,
        zone=message.timezone,
        active_zones=frozenset(policy.active_zones),
        earlier_stopped=_earlier_stopped(message),
    )
    return facts, draft


def draft_of(message: Message, *, mailbox: Mailbox, policy: MailPolicy, now: datetime) -> Draft:
    """What the recipient would read, and the envelope it would come in."""
    envelope = envelope_of(message, mailbox=mailbox, now=now)
    rendered = render(
        text_of(message),
        {**message.lead_data, "sender_name": mailbox.display_name, "sender_email": mailbox.address},
        footer_html=footer(envelope.way_out, why=policy.why_sentence),
    )
    subject = labelled(rendered.subject, needs_label=policy.labels)
    return Draft(replace(rendered, subject=subject), envelope)


def envelope_of(message: Message, *, mailbox: Mailbox, now: datetime) -> Envelope:
    """Who writes to whom, and the way out."""
    before = _mail_before(message)
    return Envelope(
        sender=mailbox.address,
        sender_name=mailbox.display_name,
        recipient=message.recipient,
        recipient_name=_name_of(message),
        reply_to=mailbox.reply_to,
        key=str(message.key),
        way_out=way_out_of(message, mailbox_address=mailbox.address),
        sent_at=now,
        answers=before.message_id if before else "",
    )


def suppressed_because(message: Message) -> str:
    """Why nobody writes to this address or company, without a full stop; empty if all may."""
    found = find_suppression(email=message.recipient, uen=message.lead.uen if message.lead else "")
    return found.reason.rstrip(".") if found else ""


def _name_of(message: Message) -> str:
    """Asked anew: the contact may have been erased since the message was claimed."""
    named = Contact.objects.filter(pk=message.contact_id or 0).values_list("name", flat=True)
    return named.first() or ""


def text_of(message: Message) -> Text:
    """The wording this message has: its variation's, else its version's."""
    version = message.template_version
    words = message.variation or version
    signature = version.signature.body_html if version.signature else ""
    return Text(words.subject, words.body_html, version.fallbacks, signature)


def origin_of(message: Message) -> Origin:
    """How we came by the address: by the best of its evidence; unknown counts as harvested."""
    contact = message.contact
    if contact is None:
        return Origin.TYPED if message.step is None and message.lead is None else Origin.HARVESTED
    if _has_answered(message):
        return Origin.REPLIED
    adopted = Adoption.objects.filter(contact=contact, email=message.recipient)
    if adopted.exists():
        return Origin.ADOPTED
    said = Evidence.objects.filter(
        lead=contact.lead_id, value=message.recipient, field="emails", superseded_at=None
    )
    origins = {ORIGINS.get(source, Origin.HARVESTED)
               for source in said.values_list("source", flat=True)}  # fmt: skip
    return min(origins, key=list(Origin).index, default=Origin.HARVESTED)


def own_policy() -> Mapping[tuple[str, str], Answer]:
    """The tenant's own cells of the table origin x country."""
    rows = OriginPolicy.objects.values_list("origin", "country", "answer")
    return {(origin, country): Answer(answer) for origin, country, answer in rows}


def _has_answered(message: Message) -> bool:
    return MessageEvent.objects.filter(
        message__recipient_hash=message.recipient_hash, kind=Kind.REPLIED
    ).exists()


def _has_ceased(message: Message) -> bool:
    uen = message.lead.uen if message.lead else ""
    if not uen:
        return False
    return RegisteredCompany.objects.filter(uen=uen, status_class="CEASED").exists()


def _sent_alike(message: Message, *, now: datetime) -> tuple[int, ...]:
    """Mails of the same template in the windows of the Spam Control Act: similar subject matter."""
    alike = Message.objects.filter(
        template_version__template=message.template_version.template, asked_at__isnull=False
    )
    windows = {str(number): Count("pk", filter=Q(asked_at__gt=now - threshold.window))
               for number, threshold in enumerate(law.THRESHOLDS)}  # fmt: skip
    counts = alike.filter(asked_at__gt=now - law.THRESHOLDS[-1].window).aggregate(**windows)
    return tuple(counts[str(number)] for number in range(len(law.THRESHOLDS)))


def _is_first(message: Message) -> bool:
    return message.step is None or message.step.position == 1


def _mail_before(message: Message) -> Message | None:
    """The mail of the step before to the same person, if it went out."""
    if message.step is None or _is_first(message):
        return None
    return Message.objects.filter(
        step__campaign=message.step.campaign_id, step__position=message.step.position - 1,
        recipient_hash=message.recipient_hash, status=Message.Status.SENT,
    ).first()  # fmt: skip


def _earlier_stopped(message: Message) -> str:
    """Why a follow-up must not go: what came back on an earlier mail of its sequence."""
    if message.step is None or _is_first(message):
        return ""
    earlier = MessageEvent.objects.filter(
        message__step__campaign=message.step.campaign_id,
        message__recipient_hash=message.recipient_hash,
        kind__in=list(ENDS_SEQUENCE),
    )
    kind = earlier.order_by("at").values_list("kind", flat=True).first()
    return ENDS_SEQUENCE[Kind(kind)] if kind else ""
