"""Stop a mailbox from sending and let it go on. What waits in its queue stays where it is."""

from __future__ import annotations

from django.db import transaction

from outreach.clients.token_trouble import TokenTroubleError
from outreach.mailboxes import tokens
from outreach.mailboxes.makers import signs_in
from outreach.models import Mailbox
from tenants import audit
from tenants.clock import database_now

State = Mailbox.State
STILL = (State.PAUSED, State.STOPPED, State.RECONNECT)


class MailboxError(Exception):
    """The mailbox cannot do that now; the text says why."""


@transaction.atomic
def pause(mailbox: Mailbox, *, reason: str, actor: str) -> None:
    """From now on nothing new is taken from its queue; a mail in hand is finished."""
    if not reason.strip():
        raise MailboxError("Say why, for those who wonder why nothing is sent.")
    _move(mailbox, State.PAUSED, reason.strip(), actor=actor, allowed=(State.READY, State.STOPPED))


def resume(mailbox: Mailbox, *, actor: str) -> None:
    """Let it send again, if it can. A mailbox that signs in is tried with its maker first.

    Raises ``MailboxError``. One a brake has stopped is stopped again at its next mail while the
    bounces of the last days are as they were.
    """
    if mailbox.state not in STILL:
        raise MailboxError(f"{mailbox.address} is not paused.")
    if signs_in(mailbox):
        try:
            tokens.access_token(mailbox.pk)
        except TokenTroubleError as exc:
            raise MailboxError(str(exc)) from None
    elif mailbox.secret is None and mailbox.transport != Mailbox.Transport.SMTP:
        raise MailboxError("It has no key. Enter one first.")
    with transaction.atomic():
        _move(mailbox, State.READY, "", actor=actor, allowed=STILL)


@transaction.atomic
def disconnect(mailbox: Mailbox, *, actor: str) -> None:
    """Forget its tokens or password; it sends nothing until it is connected anew."""
    locked = Mailbox.objects.select_for_update(of=("self",)).get(pk=mailbox.pk)
    tokens.forget(locked)
    Mailbox.objects.filter(pk=mailbox.pk).update(
        state=State.NEW, state_reason="", state_since=database_now()
    )
    audit.record("outreach.mailbox.disconnect", actor=actor, subject=f"mailbox {mailbox.pk}")
    mailbox.refresh_from_db()


def make_ready(mailbox: Mailbox, *, actor: str) -> None:
    """A mailbox that was just seen to send is ready, if it was new."""
    with transaction.atomic():
        if mailbox.state == State.NEW:
            _move(mailbox, State.READY, "", actor=actor, allowed=(State.NEW,))


def _move(mailbox: Mailbox, to: str, reason: str, *, actor: str, allowed: tuple[str, ...]) -> None:
    before = mailbox.state
    changed = Mailbox.objects.filter(pk=mailbox.pk, state__in=allowed).update(
        state=to, state_reason=reason[:300], state_since=database_now()
    )
    if not changed:
        mailbox.refresh_from_db()
        raise MailboxError(f"{mailbox.address} is {mailbox.get_state_display().lower()}.")
    audit.record(
        f"outreach.mailbox.{'resume' if to == State.READY else 'pause'}", actor=actor,
        subject=f"mailbox {mailbox.pk}", before={"state": before}, after={"state": to},
        reason=reason,
    )  # fmt: skip
    mailbox.refresh_from_db()
