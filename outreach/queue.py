"""Put mail into the queue: with frozen data, asked of the gate, once per step and recipient.

What the gate refuses is stored as refused, what a person has to decide is held, the rest waits for
a mailbox. Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from enrichment.email_address import normal_email
from enrichment.evidence.merge import kind_of_mailbox
from enrichment.models import Contact, Evidence
from icp.models import Lead
from icp.suppressions import hash_of, is_suppressed
from outreach.admission.ask_many import ask_many
from outreach.admission.place import place
from outreach.models import (
    Campaign,
    CampaignStep,
    EmailTemplate,
    Mailbox,
    Message,
    MessageEvent,
    TemplateVersion,
    Variation,
)
from outreach.windows import WindowError, zone_of
from outreach.wording.lead_data import DEFAULT_ZONE, LeadData, lead_data_of, place_of
from outreach.wording.render import MAX_VALUE, one_line, value_of
from outreach.wording.templates import current_version, faults_of
from tenants import audit

SAME_WITHIN = timedelta(hours=24)
MOST_VALUES = 60  # of one lead's data; more is no lead
AT_ONCE = 500
Status, Kind = Message.Status, MessageEvent.Kind


class QueueError(Exception):
    """Nothing was queued; ``field`` names what to change (as ``queueEmail`` calls it)."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person to be written to, with what the mail may say of them."""

    lead: Lead
    contact: Contact
    data: LeadData
    mailbox: Mailbox | None = None  # of a follow-up: the one the first mail came from


# --- one mail -------------------------------------------------------------------------------
@transaction.atomic
def queue_mail(
    *,
    lead_data: Mapping[str, Any],
    template_id: int,
    city: str,
    timezone: str,
    actor: str,
    now: datetime,
) -> tuple[Message, bool]:
    """Queue one mail as ``queueEmail`` asks for it; returns it and whether it is new.

    The lead is found by ``leadId``, ``uen`` or address; one nobody knows becomes a candidate whose
    address counts as imported. Without an address the message ends as ERROR_NO_EMAIL. The same
    template to the same address within a day, or while it still waits, is the same message.
    Of a suppressed recipient only the hash is stored. Raises ``QueueError``.
    """
    version = _usable(template_id)
    values = frozen(lead_data)
    place_ = _place(values, city=city, timezone=timezone)
    email = normal_email(value_of(values, "email")) or ""
    EmailTemplate.objects.select_for_update().get(pk=version.template_id)
    if email and (known := _same(version, email, now=now)):
        return known, False
    lead, contact = _find_or_make(values, email, actor=actor, now=now)
    message = Message(
        lead=lead, contact=contact, recipient=email,
        recipient_hash=hash_of("EMAIL", email) if email else "",
        template_version=version, lead_data=values, city=place_.city[:100],
        timezone=place_.timezone, country=place_.country, mailbox=least_busy(now=now),
        created_at=now, created_by=actor,
    )  # fmt: skip
    place(message, ask_many([message], now=now)[0], now=now)
    if email and is_suppressed(email=email):
        _forget(message)
    message.save()
    MessageEvent.objects.create(message=message, kind=Kind.QUEUED, at=now, actor=actor,
                                detail=message.sentence)  # fmt: skip
    audit.record("outreach.queue_mail", actor=actor, subject=f"message {message.pk}",
                 after={"template": version.template_id, "status": message.status})  # fmt: skip
    return message, True


def _forget(message: Message) -> None:
    """Who asked for silence or to be erased is not stored again; that a mail was refused is."""
    message.recipient, message.lead_data, message.city = "", {}, ""


def frozen(lead_data: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of data from outside: scalars and lists of them, cut, without odd characters."""
    kept: dict[str, Any] = {}
    for name, value in list(lead_data.items())[:MOST_VALUES]:
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, str | int | float):
            kept[one_line(str(name))[:60]] = one_line(str(value))[:MAX_VALUE]
        elif isinstance(value, list):
            parts = [one_line(str(each))[:MAX_VALUE] for each in value[:20]
                     if isinstance(each, str | int | float)]  # fmt: skip
            kept[one_line(str(name))[:60]] = parts
    return kept


def least_busy(*, now: datetime) -> Mailbox | None:
    """The ready mailbox with the fewest mails waiting; None when none is ready."""
    waiting = Count("messages", filter=Q(messages__status__in=Message.WAITING))
    ready = Mailbox.objects.filter(state=Mailbox.State.READY)
    return ready.annotate(load=waiting).order_by("load", "pk").first()


def give_mailboxes(*, now: datetime) -> int:
    """Give single mails that have no mailbox to one that is ready; returns how many. Idempotent."""
    homeless = Message.objects.filter(step=None, mailbox=None, status__in=Message.WAITING)
    if not homeless.exists():
        return 0
    mailbox = least_busy(now=now)
    return homeless.update(mailbox=mailbox) if mailbox else 0


def _usable(template_id: int) -> TemplateVersion:
    template = EmailTemplate.objects.filter(pk=template_id).first()
    version = current_version(template) if template else None
    if version is None:
        raise QueueError("templateId", f"There is no template {template_id} here.")
    if faults := faults_of(version):
        raise QueueError("templateId", " ".join(faults))
    return version


@dataclass(frozen=True, slots=True)
class _Whereabouts:
    city: str
    timezone: str
    country: str


def _place(values: Mapping[str, Any], *, city: str, timezone: str) -> _Whereabouts:
    said = value_of(values, "city")
    city = one_line(city)
    if city and said and city.casefold() != said.casefold():
        raise QueueError("city", f"leadData says {said}, and city says {city}.")
    if timezone:
        try:
            zone_of(timezone)
        except WindowError as exc:
            raise QueueError("timezone", str(exc)) from exc
    found = place_of(city=city or said, phone=value_of(values, "phone"), timezone=timezone)
    return _Whereabouts(city or said, found.timezone or DEFAULT_ZONE, found.country)


def _same(version: TemplateVersion, email: str, *, now: datetime) -> Message | None:
    """The mail of this template to this address that waits, or went out within a day."""
    mine = Message.objects.filter(
        step=None, template_version__template=version.template_id,
        recipient_hash=hash_of("EMAIL", email),
    )  # fmt: skip
    same = mine.filter(
        Q(status__in=Message.OPEN) | Q(status=Status.SENT, sent_at__gt=now - SAME_WITHIN)
    )
    return same.order_by("-pk").first()


def _find_or_make(
    values: Mapping[str, Any], email: str, *, actor: str, now: datetime
) -> tuple[Lead | None, Contact | None]:
    """Whom the data speaks of. A suppressed address makes nobody; the gate says why."""
    lead = _find_lead(values)
    of_lead = Contact.objects.filter(email=email) if email else Contact.objects.none()
    if lead is not None:
        of_lead = of_lead.filter(lead=lead)
    contact = of_lead.select_related("lead").order_by("pk").first()
    if contact is not None:
        return contact.lead, contact
    if not email or is_suppressed(email=email):
        return lead, None
    if lead is None:
        host = email.rpartition("@")[2]
        name = value_of(values, "business_name") or value_of(values, "company") or host
        website = value_of(values, "website_url") or value_of(values, "website")
        lead, _ = Lead.objects.get_or_create(
            source=Lead.Source.IMPORT, source_ref=f"mail:{email}",
            defaults={"name": name, "website": website, "stage_since": now},
        )  # fmt: skip
    return lead, _make_contact(lead, values, email, actor=actor, now=now)


def _find_lead(values: Mapping[str, Any]) -> Lead | None:
    given = value_of(values, "lead_id")
    if given:
        try:
            found = Lead.objects.filter(public_id=UUID(given)).first()
        except ValueError:
            found = None
        if found is None:
            raise QueueError("leadData", f"leadId: there is no lead {given[:60]} here.")
        return found
    uen = value_of(values, "uen").upper()
    return Lead.objects.filter(uen=uen).order_by("pk").first() if uen else None


def _make_contact(
    lead: Lead, values: Mapping[str, Any], email: str, *, actor: str, now: datetime
) -> Contact:
    """A contact whose address came with a call: no better than an imported list."""
    name = value_of(values, "name")[:200]
    contact, is_new = Contact.objects.get_or_create(
        lead=lead, email=email,
        defaults={"name": name, "title": value_of(values, "title")[:200], "created_at": now,
                  "kind": kind_of_mailbox(email, company_name=lead.name)},
    )  # fmt: skip
    if is_new:
        Evidence.objects.create(
            lead=lead, contact=contact, field="emails", value=email, method="queueEmail",
            source=Evidence.Source.IMPORT, reference=actor[:2000], confidence=1, observed_at=now,
        )  # fmt: skip
    return contact


# --- a step of a campaign -------------------------------------------------------------------
@transaction.atomic
def queue_step(
    step: CampaignStep, recipients: Sequence[Recipient], *, actor: str, now: datetime
) -> int:
    """Queue the mail of ``step`` to each of ``recipients``; returns how many were new.

    Whoever has a message of this step already is passed by. The campaign's ``chosen`` counts every
    message, in the same transaction. About twenty statements for each 500.
    """
    Campaign.objects.select_for_update().get(pk=step.campaign_id)
    present = set(step.messages.values_list("recipient_hash", flat=True))
    wordings = wordings_of(step)
    made = 0
    for start in range(0, len(recipients), AT_ONCE):
        fresh: list[Message] = []
        for one in recipients[start : start + AT_ONCE]:
            message = _message(step, one, wordings=wordings, actor=actor, now=now)
            if message.recipient_hash not in present:
                present.add(message.recipient_hash)
                fresh.append(message)
        _store(fresh, mailbox=step.campaign.mailboxes.order_by("pk").first(), actor=actor, now=now)
        made += len(fresh)
    Campaign.objects.filter(pk=step.campaign_id).update(chosen=F("chosen") + made)
    return made


def recipients_of(pairs: Sequence[tuple[Lead, Contact]]) -> list[Recipient]:
    """The people of an audience with their data, read now."""
    return [
        Recipient(lead, contact, data)
        for (lead, contact), data in zip(pairs, lead_data_of(pairs), strict=True)
    ]


def wordings_of(step: CampaignStep) -> list[Variation | None]:
    """What the step's recipients are shared among: its own wording (None) and those chosen."""
    chosen: QuerySet[Variation] = step.variations.filter(approved_at__isnull=False)
    return [None, *chosen.order_by("label")]


def draft_message(step: CampaignStep, one: Recipient, *, actor: str, now: datetime) -> Message:
    """The message ``one`` would get, unsaved; for previews."""
    return _message(step, one, wordings=wordings_of(step), actor=actor, now=now)


def _message(
    step: CampaignStep,
    one: Recipient,
    *,
    wordings: Sequence[Variation | None],
    actor: str,
    now: datetime,
) -> Message:
    email = one.contact.email
    hashed = hash_of("EMAIL", email)
    return Message(
        step=step, lead=one.lead, contact=one.contact, recipient=email, recipient_hash=hashed,
        template_version=step.template_version,
        # By the address, so that the same person gets the same wording however often it is asked.
        variation=wordings[int(hashed[:8], 16) % len(wordings)],
        lead_data=dict(one.data.values), city=one.data.city[:100], timezone=one.data.timezone,
        country=one.data.country, mailbox=one.mailbox, created_at=now, created_by=actor,
    )  # fmt: skip


def _store(messages: list[Message], *, mailbox: Mailbox | None, actor: str, now: datetime) -> None:
    for message, verdicts in zip(
        messages, ask_many(messages, now=now, mailbox=mailbox), strict=True
    ):
        place(message, verdicts, now=now)
    Message.objects.bulk_create(messages)
    MessageEvent.objects.bulk_create(
        MessageEvent(message=message, kind=Kind.QUEUED, at=now, actor=actor,
                     detail=message.sentence)
        for message in messages
    )  # fmt: skip
