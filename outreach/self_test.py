"""Send a mail from a mailbox to itself and look which headers arrive.

The only way to know whether one-click unsubscribe (RFC 8058) can be promised over Microsoft 365:
what is public on it contradicts itself (PROMISES, finding 8). The mail goes through the mailbox's
own transport, as all mail does, and counts towards no campaign.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from django.conf import settings
from django.db import transaction

from outreach.mailboxes.pause_mailbox import MailboxError, make_ready
from outreach.models import Mailbox
from outreach.transports.interface import Result, Transport, TransportError
from outreach.transports.open import NoTransportError, open_transport
from outreach.wording.compose import KEY_HEADER, Envelope, WayOut, compose, footer
from outreach.wording.render import Rendered
from tenants import audit

AGAIN_AFTER = timedelta(seconds=20)  # between two tests of one mailbox
ONE_CLICK = ("List-Unsubscribe", "List-Unsubscribe-Post")
SHOWN = (*ONE_CLICK, "Message-ID", "X-Leadgen-Key", "Reply-To", "DKIM-Signature",
         "Authentication-Results")  # fmt: skip
_SUBJECT = "Test of a mailbox: you may delete this"


@runtime_checkable
class ShowsArrivals(Protocol):
    """A transport that can read the mailbox it sends from."""

    def arrived(self, message_id: str) -> list[tuple[str, str]] | None:
        """The headers of a mail in the inbox or among junk; None when it is not there (yet).

        Raises ``TransportError`` when the mailbox cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Header:
    """One header: as it was sent, and as it arrived; empty for not at all."""

    name: str
    sent: str
    came: str

    @property
    def is_intact(self) -> bool:
        return _flat(self.sent) == _flat(self.came)


def send_test(mailbox: Mailbox, *, actor: str, now: datetime) -> None:
    """Send it; what was sent stands in ``findings["self_test"]``. Raises ``MailboxError``.

    A new mailbox whose mail is taken is ready from then on.
    """
    known = mailbox.findings.get("self_test", {})
    if known and datetime.fromisoformat(known["sent_at"]) > now - AGAIN_AFTER:
        raise MailboxError("A test was sent a moment ago. Wait for it, then try again.")
    key = str(uuid.uuid4())
    mail = compose(_text(mailbox), _envelope(mailbox, key=key, now=now))
    try:
        transport = open_transport(mailbox)
        draft_id = transport.draft(mail, key=key) if transport.capabilities.drafts else ""
        outcome = transport.send(mail, draft_id=draft_id)
    except NoTransportError as exc:
        raise MailboxError(str(exc)) from None
    except TransportError as exc:
        raise MailboxError(exc.outcome.sentence) from None
    if outcome.result is not Result.ACCEPTED:
        raise MailboxError(f"The test was not taken: {outcome.sentence}")
    sent = {name: str(mail[name]) for name in (*ONE_CLICK, "Message-ID", KEY_HEADER)}
    _keep(mailbox, {"self_test": {"sent_at": now.isoformat(), "by": actor, "sent": sent}})
    audit.record("outreach.mailbox.test", actor=actor, subject=f"mailbox {mailbox.pk}")
    make_ready(mailbox, actor=actor)


def look_for_test(mailbox: Mailbox, *, now: datetime, transport: Transport | None = None) -> str:
    """Look whether the last test has arrived, and with which headers; returns a sentence.

    Sets ``findings["one_click"]`` when it has. Raises ``MailboxError``.
    """
    test = mailbox.findings.get("self_test")
    if not test:
        raise MailboxError("No test was sent yet.")
    transport = transport or open_transport(mailbox)
    if not isinstance(transport, ShowsArrivals):
        return "It was sent. This kind of mailbox cannot be read from here: look into it yourself."
    try:
        headers = transport.arrived(test["sent"]["Message-ID"])
    except TransportError as exc:
        raise MailboxError(exc.outcome.sentence) from None
    if headers is None:
        return "It has not arrived yet. That may take a minute or two; look again."
    came = {name.lower(): value for name, value in headers}
    kept = {name: came[name.lower()][:1000] for name in SHOWN if name.lower() in came}
    test = {**test, "came": kept, "came_at": now.isoformat()}
    found = [each for each in headers_of(test) if each.name in ONE_CLICK]
    has_one_click = all(each.is_intact for each in found)
    _keep(mailbox, {"self_test": test, "one_click": has_one_click})
    if has_one_click:
        return "It has arrived, and one-click unsubscribe came through."
    lost = " and ".join(each.name for each in found if not each.is_intact)
    return (
        f"It has arrived, but {lost} did not come through: campaigns that need one-click"
        " unsubscribe cannot go out from here. The link in the text works all the same."
    )


def headers_of(test: dict[str, dict[str, str]]) -> list[Header]:
    """The headers of a test, those it was sent with first."""
    sent, came = test.get("sent", {}), test.get("came", {})
    names = [*sent, *(name for name in came if name not in sent)]
    return [Header(name, sent.get(name, ""), came.get(name, "")) for name in names]


def _text(mailbox: Mailbox) -> Rendered:
    way_out = _way_out(mailbox)
    html = (f"<p>This mail was sent by {mailbox.address} to itself, to see what arrives.</p>"
            + footer(way_out, why="It went to nobody else."))  # fmt: skip
    return Rendered(_SUBJECT, html, f"Sent by {mailbox.address} to itself. {way_out.url}", ())


def _way_out(mailbox: Mailbox) -> WayOut:
    """Of the same shape as real ones; it leads nowhere."""
    return WayOut(f"{settings.BASE_URL}/u/self-test/none", f"mailto:{mailbox.address}")


def _envelope(mailbox: Mailbox, *, key: str, now: datetime) -> Envelope:
    return Envelope(
        sender=mailbox.address, sender_name=mailbox.display_name, recipient=mailbox.address,
        recipient_name="", reply_to=mailbox.reply_to, key=key, way_out=_way_out(mailbox),
        sent_at=now,
    )  # fmt: skip


def _keep(mailbox: Mailbox, news: dict[str, object]) -> None:
    with transaction.atomic():
        locked = Mailbox.objects.select_for_update(of=("self",)).get(pk=mailbox.pk)
        locked.findings = {**locked.findings, **news}
        locked.save(update_fields=["findings"])
    mailbox.findings = locked.findings


def _flat(value: str) -> str:
    return "".join(value.split())
