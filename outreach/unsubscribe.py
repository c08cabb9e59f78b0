"""A recipient says no: by one click, on the page, or by mail. It takes effect at once, and stays.

Whoever holds a link may use it, and for nobody else: no cookie, account or form token is asked for,
as RFC 8058 wants it. The link outlives its message, because it carries the recipient's hash; it is
kept as long as the tenant is (at least the 400 days of ``law.LINKS_STAY``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from icp import suppressions
from icp.models import Suppression
from outreach.models import Message, MessageEvent, UnsubscribeLink
from outreach.wording.way_out import token_hash

TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
IN_SUBJECT = re.compile(rf"\bunsubscribe[\s:]+({TOKEN.pattern})(?![A-Za-z0-9_-])", re.IGNORECASE)
SOURCE = "unsubscribe"
BY_RECIPIENT = "recipient"


class Door(StrEnum):
    """By which way a recipient opted out."""

    ONE_CLICK = "one-click"
    PAGE = "page"
    MAILTO = "mailto"


@dataclass(frozen=True, slots=True)
class OptOut:
    """What a link stands for. ``since`` is None while its recipient has not opted out."""

    shown: str  # the address, masked; empty once the person is erased
    since: datetime | None = None


def look(token: str) -> OptOut | None:
    """What the link with ``token`` stands for; None when it is none of this tenant's."""
    link = _find(token)
    if link is None:
        return None
    standing = _standing(link)
    return OptOut(_shown(link), standing.created_at if standing else None)


@transaction.atomic
def unsubscribe(token: str, *, door: Door, now: datetime) -> OptOut | None:
    """Suppress the recipient of the message the link was printed in; None for a link of nobody.

    Waiting mail to the address is cancelled, and what is in a sender's hands stops at its fence.
    A second time nothing changes, unless it was lifted meanwhile: then it stands again.
    """
    link = _find(token)
    if link is None:
        return None
    _suppress(link, door=door, now=now)
    UnsubscribeLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now, used_by=door.value)
    if link.message is not None:
        MessageEvent.objects.get_or_create(
            message=link.message, kind=MessageEvent.Kind.UNSUBSCRIBED, reference=f"link {link.pk}",
            defaults={"at": now, "actor": BY_RECIPIENT, "detail": _WORDS[door]},
        )  # fmt: skip
    standing = _standing(link)
    return OptOut(_shown(link), standing.created_at if standing else now)


def by_mail(subject: str, *, now: datetime) -> OptOut | None:
    """Opt out by a mail to the address printed in ``List-Unsubscribe``; None without a good token.

    ``subject`` is the decoded subject alone. A body is no place to look: replies quote our own way
    out. Who sent the mail does not matter, as people forward their mail.
    """
    for token in IN_SUBJECT.findall(subject[:1000]):
        found = unsubscribe(token, door=Door.MAILTO, now=now)
        if found is not None:
            return found
    return None


def masked(address: str) -> str:
    """``jo.tan@acme.com.sg`` as ``j***@a***``: enough to know one's own address again."""
    local, _, host = address.partition("@")
    return f"{local[:1]}***@{host[:1]}***" if local and host else ""


_WORDS = {
    Door.ONE_CLICK: "Opted out by one click in the mail program",
    Door.PAGE: "Opted out on the page of the link",
    Door.MAILTO: "Opted out by mail",
}


def _find(token: str) -> UnsubscribeLink | None:
    if not TOKEN.fullmatch(token):
        return None
    links = UnsubscribeLink.objects.select_related("message")
    return links.filter(token_hash=token_hash(token)).first()


def _suppress(link: UnsubscribeLink, *, door: Door, now: datetime) -> None:
    about = f"message {link.message_id}" if link.message_id else "a message erased since"
    reason = f"{_WORDS[door]}; the link was in {about}."
    address, kind = _address(link), Suppression.Kind.EMAIL
    if address:
        suppressions.add(kind, address, reason=reason, actor=BY_RECIPIENT, source=SOURCE, now=now)
    else:
        suppressions.add_hash(
            kind, link.recipient_hash, reason=reason, actor=BY_RECIPIENT, source=SOURCE, now=now
        )


def _address(link: UnsubscribeLink) -> str:
    """The recipient of the link's message, if it is known and the very one the link is for."""
    message: Message | None = link.message
    if message is None or message.recipient_hash != link.recipient_hash:
        return ""
    own = suppressions.hashes_of(Suppression.Kind.EMAIL, message.recipient)[0]
    return message.recipient if own == link.recipient_hash else ""


def _standing(link: UnsubscribeLink) -> Suppression | None:
    found = Suppression.objects.filter(
        kind=Suppression.Kind.EMAIL, value_hash=link.recipient_hash, lifted_at=None
    )
    return found.first()


def _shown(link: UnsubscribeLink) -> str:
    return masked(link.message.recipient) if link.message else ""
