"""What the mail queue runs."""

from __future__ import annotations

from outreach.deliver import call_all, deliver
from outreach.models import Message
from outreach.waiting import ask_again
from tenants.tasks import tenant_task


@tenant_task
def deliver_mail(*, mailbox_id: int, called_for: str = "") -> None:
    """One turn of a mailbox: send what is due, ask after what is in doubt."""
    deliver(mailbox_id, called_for=called_for)


@tenant_task
def ask_about_held_mail() -> None:
    """Once a night: what a mail was held for may be true no more, and nobody noticed."""
    if ask_again(Message.objects.filter(not_before=None)):
        call_all()
