"""The operator's jobs of this app; each page lives in its own module."""

from outreach import (
    campaign_admin,
    mailbox_admin,
    message_admin,
    phone_admin,
    policy_admin,
    reply_admin,
    template_admin,
)

__all__ = [
    "campaign_admin",
    "mailbox_admin",
    "message_admin",
    "phone_admin",
    "policy_admin",
    "reply_admin",
    "template_admin",
]
