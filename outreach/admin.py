"""The operator's jobs of this app; each page lives in its own module."""

from outreach import mailbox_admin, reply_admin, template_admin

__all__ = ["mailbox_admin", "reply_admin", "template_admin"]
