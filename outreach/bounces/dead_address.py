"""An address turned out to be dead: nobody writes there again, from whatever campaign."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import transaction

from enrichment.models import Contact
from icp import suppressions
from icp.models import Suppression
from outreach.bounces.bounce_words import Says, meaning
from outreach.models import Message, MessageEvent

BY_MAIL = "mail"  # who did it, where no person did
_ADDRESS = re.compile(r"[^\s<>@\"']{1,64}@[\w.-]{1,255}")
_REPLY = re.compile(r"5\d\d(?: (5\.\d{1,3}\.\d{1,3}))?")


@transaction.atomic
def give_up_address(message: Message, *, words: str, reference: str, now: datetime) -> None:
    """Note the bounce, suppress the recipient, mark the contact. A second time nothing changes."""
    MessageEvent.objects.get_or_create(
        message=message, kind=MessageEvent.Kind.BOUNCED, reference=reference,
        defaults={"at": now, "actor": BY_MAIL, "detail": masked(words)[:500]},
    )  # fmt: skip
    suppress_recipient(message, f"Bounced for good: {words}", source="bounce", now=now)
    dead = Contact.objects.filter(email=message.recipient).exclude(email="")
    dead.update(verdict=Contact.Verdict.UNDELIVERABLE)


def is_refused_for_good(code: str, sentence: str) -> bool:
    """Whether a server's refusal at the door ("550 5.1.1") says that the address is dead."""
    found = _REPLY.fullmatch(code)
    return found is not None and meaning(found.group(1) or "5.0.0", sentence) is Says.GONE


def suppress_recipient(message: Message, reason: str, *, source: str, now: datetime) -> None:
    """Suppress whom the message went to, also when only the hash is left."""
    kind = Suppression.Kind.EMAIL
    about = f"{masked(reason).rstrip('.')}; message {message.pk}."
    if message.recipient:
        suppressions.add(
            kind, message.recipient, reason=about, actor=BY_MAIL, source=source, now=now
        )
    elif message.recipient_hash:
        suppressions.add_hash(
            kind, message.recipient_hash, reason=about, actor=BY_MAIL, source=source, now=now
        )


def masked(text: str) -> str:
    return _ADDRESS.sub("(address)", text)
