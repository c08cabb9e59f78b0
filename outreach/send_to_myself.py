"""Send a text to oneself, from the mailbox it is to go out from. It is counted nowhere."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from enrichment.email_address import normal_email
from enrichment.models import Contact
from icp.models import Lead
from outreach.models import Mailbox, MailPolicy
from outreach.preview import message_for
from outreach.transports.interface import Outcome, Result, Transport, TransportError
from outreach.wording.compose import compose
from outreach.wording.draft import draft_of
from outreach.wording.render import Text
from tenants import audit


class NotSentError(Exception):
    """No test mail was sent; the sentence says why and what to do."""


def send_test(
    text: Text,
    *,
    lead: Lead,
    contact: Contact | None,
    mailbox: Mailbox,
    to: str,
    transport: Transport,
    actor: str,
    now: datetime,
) -> Outcome:
    """Send ``text``, filled for ``lead``, to the operator's own address ``to``; asked once.

    The subject begins with ``[Test]``. The way out in it belongs to no message, so it does nothing.
    Raises ``NotSentError``.
    """
    recipient = normal_email(to)
    if recipient is None:
        raise NotSentError("Your account has no e-mail address; give it one under People.")
    if mailbox.state != Mailbox.State.READY:
        raise NotSentError(f"{mailbox} does not send: {mailbox.state_reason or 'connect it'}.")
    message = message_for(text, lead=lead, contact=contact, now=now)
    message.key, message.recipient, message.contact = uuid4(), recipient, None
    policy = MailPolicy.current()
    draft = draft_of(message, mailbox=mailbox, policy=policy, now=now)
    mail = compose(draft.rendered, draft.envelope)
    subject = str(mail["Subject"])
    del mail["Subject"]
    mail["Subject"] = f"[Test] {subject}"
    try:
        draft_id = ""
        if transport.capabilities.drafts:
            draft_id = transport.draft(mail, key=str(message.key))
        outcome = transport.send(mail, draft_id=draft_id)
    except TransportError as exc:
        outcome = exc.outcome
    audit.record("outreach.template.test", actor=actor, subject=f"mailbox {mailbox.pk}",
                 after={"result": outcome.result.value})  # fmt: skip
    if outcome.result is Result.REFUSED:
        raise NotSentError(f"{mailbox} did not take it: {outcome.sentence}")
    return outcome
