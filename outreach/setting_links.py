"""Where an operator changes what a rule of the gate objected to."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

# Page an objection of the gate names as its setting -> words and address of it.
_SETTINGS = {
    "mail": ("Mail policy", "outreach_mailpolicy_changelist"),
    "hours": ("Working hours", "hours"),
    "policy": ("Origins of addresses", "outreach_originpolicy_changelist"),
    "held": ("Held mail", "outreach_held"),
    "doubt": ("Mail in doubt", "outreach_doubt"),
    "suppressions": ("Suppressions", "icp_suppression_changelist"),
    "campaign": ("Campaigns", "outreach_campaign_changelist"),
    "mailbox": ("Mailboxes", "outreach_mailbox_changelist"),
    "template": ("Templates", "outreach_emailtemplate_changelist"),
    "sending": ("Sending policy", "enrichment_sendingpolicy_changelist"),
    "verification": ("Contacts", "enrichment_contact_changelist"),
    "contact": ("Contacts", "enrichment_contact_changelist"),
    "lead": ("Leads", "icp_lead_changelist"),
    "person": ("Suppressions", "icp_suppression_changelist"),  # where the hash of the erased stands
}


def link_of_setting(setting: str) -> tuple[str, str]:
    """Words and address of the page where a rule's answer can be changed; else empty."""
    words, name = _SETTINGS.get(setting, ("", ""))
    try:
        return words, reverse(f"admin:{name}") if name else ""
    except NoReverseMatch:
        return "", ""
