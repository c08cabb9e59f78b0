"""Leads, mailboxes and messages for the tests of mail."""

from __future__ import annotations

from itertools import count
from typing import Any

from enrichment.models import Contact, Evidence
from icp.models import Lead
from icp.suppressions import hash_of
from outreach.models import (
    Campaign,
    CampaignStep,
    EmailTemplate,
    Mailbox,
    MailPolicy,
    Message,
    Signature,
    TemplateVersion,
    UnsubscribeLink,
)
from outreach.windows import DAYS
from outreach.wording.way_out import token_hash, token_of

NUMBERS = count(1)
ALWAYS = {day: ["00:00-23:59:59.999999"] for day in DAYS}


def make_policy(**changes: Any) -> MailPolicy:
    """Mail at any hour of any day, unless said otherwise."""
    return MailPolicy.objects.create(pk=1, **{"hours": ALWAYS, **changes})


def make_version(**changes: Any) -> TemplateVersion:
    number = next(NUMBERS)
    signature = Signature.objects.create(name=f"Olga {number}", body_html="<p>Olga, 1 Road</p>")
    template = EmailTemplate.objects.create(name=f"Tea {number}")
    values = {"version": 1, "subject": "Tea for {{ business_name }}",
              "body_html": "<p>Dear {{ first_name }}</p>", "fallbacks": {"first_name": "reader"},
              "created_by": "olga", "signature": signature}  # fmt: skip
    return TemplateVersion.objects.create(template=template, **{**values, **changes})


def make_mailbox(**changes: Any) -> Mailbox:
    values = {"address": f"olga{next(NUMBERS)}@us.example", "display_name": "Olga Tan",
              "transport": "GRAPH_DRAFT", "state": "READY", "gap_seconds": 1, "gap_jitter": 0,
              "per_minute": 1000, "per_day": 10_000}  # fmt: skip
    return Mailbox.objects.create(**{**values, **changes})


def make_contact(**changes: Any) -> Contact:
    number = next(NUMBERS)
    lead = Lead.objects.create(source_ref=f"2015{number:05}K", name=f"KAYA {number}")
    email = f"mei{number}@kaya.example"
    contact = Contact.objects.create(lead=lead, kind="PERSON", name="Mei", email=email, **changes)
    Evidence.objects.create(
        lead=lead, contact=contact, field="emails", value=email, source="OPERATOR",
        reference="olga", method="typed", confidence=1,
    )  # fmt: skip
    return contact


def make_campaign(*mailboxes: Mailbox, **changes: Any) -> CampaignStep:
    campaign = Campaign.objects.create(
        name=f"Autumn {next(NUMBERS)}", created_by="olga", **{"status": "RUNNING", **changes}
    )
    campaign.mailboxes.set(mailboxes)
    return CampaignStep.objects.create(
        campaign=campaign, position=1, template_version=make_version()
    )


def make_message(step: CampaignStep | None = None, **changes: Any) -> Message:
    contact = changes.pop("contact", None) or make_contact(verdict="DELIVERABLE")
    values = {
        "step": step, "lead": contact.lead, "contact": contact, "recipient": contact.email,
        "recipient_hash": hash_of("EMAIL", contact.email),
        "template_version": step.template_version if step else make_version(),
        "lead_data": {"business_name": "Kaya", "first_name": "Mei"},
        "timezone": "UTC", "country": "", "created_by": "olga",
    }  # fmt: skip
    return Message.objects.create(**{**values, **changes})


def make_link(message: Message) -> UnsubscribeLink:
    """The way out of ``message`` works, as if the provider had been asked to send it."""
    return UnsubscribeLink.objects.get_or_create(
        token_hash=token_hash(token_of(message)),
        defaults={"message": message, "recipient_hash": message.recipient_hash},
    )[0]
