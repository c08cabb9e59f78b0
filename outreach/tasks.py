"""What the mail queue runs."""

from __future__ import annotations

from outreach.admission.ask_again import ask_again
from outreach.answers.read_answers import read_answers
from outreach.sending.clear_drafts import clear_all_drafts
from outreach.sending.deliver import call_all, deliver
from tenants.clock import database_now
from tenants.tasks import tenant_task

MOST_ASKED_ABOUT = 100_000


@tenant_task
def deliver_mail(*, mailbox_id: int, called_for: str = "") -> None:
    """One turn of a mailbox: send what is due, ask after what is in doubt."""
    deliver(mailbox_id, called_for=called_for)


@tenant_task
def ask_about_held_mail() -> None:
    """Once a night: what a mail was held for may be true no more, and nobody noticed."""
    if ask_again(now=database_now(), most=MOST_ASKED_ABOUT):
        call_all()


@tenant_task
def clear_stray_drafts() -> None:
    """Once a night: drafts in mailboxes that no mail needs any more."""
    clear_all_drafts(now=database_now())


@tenant_task
def read_mailbox(*, mailbox_id: int) -> None:
    """One reading of a mailbox's inbox. Whoever comes second, or too early, finds nothing to do."""
    read_answers(mailbox_id)
