"""A message with all that the gate and the text ask of it, by one statement."""

from __future__ import annotations

from enrichment.models import Contact
from icp.models import Lead
from outreach.models import (
    Campaign,
    CampaignStep,
    EmailTemplate,
    MailPolicy,
    Message,
    Signature,
    TemplateVersion,
    Variation,
)
from outreach.sending.read_together import Part
from tenants.prepared import prepared_cursor

_MESSAGE = Part(Message, "message")
_LEAD = Part(Lead, "lead", only=("name", "uen"))  # its facts and trace are large
_CONTACT, _VARIATION = Part(Contact, "contact"), Part(Variation, "variation")
_VERSION, _TEMPLATE = Part(TemplateVersion, "version"), Part(EmailTemplate, "template")
_SIGNATURE, _STEP = Part(Signature, "signature"), Part(CampaignStep, "step")
_CAMPAIGN, _POLICY = Part(Campaign, "campaign"), Part(MailPolicy, "policy")
_PARTS = (_MESSAGE, _LEAD, _CONTACT, _VARIATION, _VERSION, _TEMPLATE, _SIGNATURE, _STEP, _CAMPAIGN,
          _POLICY)  # fmt: skip
_ALL = f"""
SELECT {", ".join(part.columns for part in _PARTS)}
FROM outreach_message message
JOIN outreach_templateversion version ON version.id = message.template_version_id
JOIN outreach_emailtemplate template ON template.id = version.template_id
LEFT JOIN outreach_signature signature ON signature.id = version.signature_id
LEFT JOIN outreach_variation variation ON variation.id = message.variation_id
LEFT JOIN icp_lead lead ON lead.id = message.lead_id
LEFT JOIN enrichment_contact contact ON contact.id = message.contact_id
LEFT JOIN outreach_campaignstep step ON step.id = message.step_id
LEFT JOIN outreach_campaign campaign ON campaign.id = step.campaign_id
LEFT JOIN outreach_mailpolicy policy ON policy.id = 1
WHERE message.id = %(id)s
"""


def message_with_all(message_id: int) -> tuple[Message, MailPolicy]:
    """The message, whose relations need no further statement, and the tenant's mail policy."""
    with prepared_cursor() as cursor:
        cursor.execute(_ALL, {"id": message_id})
        values = iter(cursor.fetchone())
    message = _MESSAGE.take(values)
    lead, contact, variation = _LEAD.take(values), _CONTACT.take(values), _VARIATION.take(values)
    version, template = _VERSION.take(values), _TEMPLATE.take(values)
    signature, step, campaign = _SIGNATURE.take(values), _STEP.take(values), _CAMPAIGN.take(values)
    assert message and version and template  # noqa: S101, PT018 -- inner joins
    message.lead, message.contact, message.variation, message.step = lead, contact, variation, step
    version.template, version.signature, message.template_version = template, signature, version
    if step and campaign:
        step.campaign = campaign
    return message, _POLICY.take(values) or MailPolicy(pk=1)
