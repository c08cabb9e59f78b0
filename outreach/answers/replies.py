"""Take in one incoming mail: find the message it is about, and do what follows from it, once.

A bounce for good, a complaint and an opt-out suppress; a person's reply ends the sequence and waits
for a person; a machine's answer is noted and changes nothing. All effects of one mail stand in one
transaction, under a reference that the mail itself gives, so that reading it again adds nothing.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message as Part
from enum import StrEnum

from django.db import transaction
from django.db.models import Q

from icp import suppressions
from icp.models import Suppression
from icp.normalise import NotAValueError, fold
from outreach import unsubscribe
from outreach.answer_models import Reply
from outreach.answers.intents import SHORT, Intent, intent_of, own_words
from outreach.bounces.bounce_report import Kind, Refusal, Report
from outreach.bounces.bounce_words import Says
from outreach.bounces.bounces import judge
from outreach.bounces.dead_address import BY_MAIL, give_up_address, masked, suppress_recipient
from outreach.bounces.mail import Mail, parts_of, plain_header, read_mail
from outreach.mailboxes.stop_mailbox import stop_mailbox
from outreach.models import Mailbox, Message, MessageEvent
from outreach.sending.settle import settle_sent

KNOWN_FOR = timedelta(days=180)  # an address alone ties a mail to one of ours for so long
MOST_IDS = 60
EXCERPT = 1000
_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_IN_TEXT = re.compile(r"(?im)^[> \t]*(?:x-leadgen-key|message-id):[ \t]*(\S{3,300})")
Event = MessageEvent.Kind


class Taken(StrEnum):
    """What a mail was to us."""

    NOT_OURS = "NOT_OURS"  # it answers no mail of ours: not kept
    BOUNCED = "BOUNCED"
    DELAYED = "DELAYED"
    COMPLAINED = "COMPLAINED"
    AUTO_REPLIED = "AUTO_REPLIED"
    OPTED_OUT = "OPTED_OUT"
    REPLIED = "REPLIED"


@dataclass(frozen=True, slots=True)
class _Case:
    """One incoming mail and the message it is about."""

    mail: Mail
    report: Report
    message: Message
    mailbox: Mailbox
    reference: str
    now: datetime


@transaction.atomic
def take(raw: bytes, *, mailbox: Mailbox, now: datetime, size: int | None = None) -> Taken:
    """Take in the mail ``raw``, which came to ``mailbox``. A second time nothing changes.

    Never fails for what stands in a mail. About ten statements for a mail of ours, three for
    another.
    """
    mail = read_mail(raw, size=size)
    if mail.sender == mailbox.address.lower():
        return Taken.NOT_OURS  # a copy of our own, or the self-test
    report = judge(mail)
    if _may_opt_out(mail, report) and unsubscribe.by_mail(mail.subject, now=now) is not None:
        return Taken.OPTED_OUT
    message = find_message(mail, report, mailbox=mailbox, now=now)
    if message is None:
        return Taken.NOT_OURS
    case = _Case(mail, report, message, mailbox, reference_of(mail, raw), now)
    return _EFFECTS[report.kind](case)


def find_message(mail: Mail, report: Report, *, mailbox: Mailbox, now: datetime) -> Message | None:
    """The message ``mail`` is about: by what it refers to or returns, else by whose address."""
    ids, keys = _names(mail, report)
    sent = Message.objects.exclude(asked_at=None).select_related("contact", "lead", "mailbox")
    named = sent.filter(Q(message_id__in=ids) | Q(key__in=keys)).order_by("-asked_at")
    found = list(named[:MOST_IDS])
    people = _people(mail, report)
    if found:
        return next((each for each in found if each.recipient_hash in people), found[0])
    if is_for_many(mail):
        return None
    known = sent.filter(mailbox=mailbox, recipient_hash__in=people, asked_at__gt=now - KNOWN_FOR)
    return known.order_by("-asked_at").first()


def is_for_many(mail: Mail) -> bool:
    """A newsletter or a list: that its sender was written to does not make it an answer."""
    marks = ("List-Id", "List-Unsubscribe", "List-Post")
    return any(mail.header(each) for each in marks) or mail.header("Precedence").lower() in {
        "bulk", "list",
    }  # fmt: skip


def reference_of(mail: Mail, raw: bytes) -> str:
    """What names an incoming mail: the same however often and from wherever it is read."""
    own = f"{mail.message_id}|{mail.sender}" if mail.message_id else raw.decode("latin-1")
    return f"mail {hashlib.sha256(own.encode()).hexdigest()[:40]}"


def _may_opt_out(mail: Mail, report: Report) -> bool:
    """Whether a token in the subject may act. No machine's answer to a mail ever opts out."""
    return report.kind in {Kind.OTHER, Kind.AUTO_REPLY} and not mail.header(
        "Auto-Submitted"
    ).lower().startswith("auto-replied")


def _names(mail: Mail, report: Report) -> tuple[list[str], list[uuid.UUID]]:
    """Message-IDs and keys that stand where a mail names the one it is about."""
    said = list(mail.answers)
    for part in report.returned:
        said += _named_in(part)
    if report.kind is not Kind.OTHER:
        said += _IN_TEXT.findall(mail.text)[:MOST_IDS]
        said += [each for part in parts_of(mail.root) for each in _named_by_report(part)]
    said = said[:MOST_IDS]
    keys = {uuid.UUID(found.group()) for each in said if (found := _KEY.search(each))}
    return [each for each in said if each.startswith("<")], sorted(keys)


def _named_in(part: Part) -> list[str]:
    """Of a returned mail, whole or its headers alone."""
    inner = part.get_payload()
    heads = inner if isinstance(inner, list) else []
    found = [
        plain_header(each.get(name))
        for each in heads[:1]
        if not isinstance(each, str)
        for name in ("X-Leadgen-Key", "Message-ID")
    ]
    if isinstance(inner, str):
        found += _IN_TEXT.findall(inner[:20_000])
    return [each for each in found if each]


def _named_by_report(part: Part) -> list[str]:
    name = part.get("Original-Message-ID") or part.get("X-Original-Message-ID")
    return [plain_header(name)] if name else []


def _people(mail: Mail, report: Report) -> set[str]:
    """Hashes of the addresses a mail speaks of: those refused, else its sender's."""
    addresses = [each.address for each in report.refusals] or [mail.sender]
    return {_hash(each) for each in addresses if each}


def _hash(address: str) -> str:
    return suppressions.hash_of(Suppression.Kind.EMAIL, fold(Suppression.Kind.EMAIL, address))


# --- what follows -------------------------------------------------------------------------------
def _bounced(case: _Case) -> Taken:
    """The address is dead: suppressed, if it is the very one we wrote to."""
    refusal = _refusal_of(case)
    if refusal is None or refusal.says is not Says.GONE:
        return _delayed(case)
    give_up_address(case.message, words=_words(refusal), reference=case.reference, now=case.now)
    _prove_sent(case)
    return Taken.BOUNCED


def _delayed(case: _Case) -> Taken:
    refusal = _refusal_of(case) or case.report.worst
    _note(case, Event.DELAYED, _words(refusal) if refusal else "")
    if refusal is not None and refusal.says is Says.SENDER:
        _pause_mailbox(case, refusal)
    return Taken.DELAYED


def _complained(case: _Case) -> Taken:
    _note(case, Event.COMPLAINED, "The recipient's provider reports it as unwanted.")
    _suppress(case, "Complained about our mail.", source="complaint")
    return Taken.COMPLAINED


def _auto_replied(case: _Case) -> Taken:
    _note(case, Event.AUTO_REPLIED, case.mail.subject)
    return Taken.AUTO_REPLIED


def _delivered(_case: _Case) -> Taken:
    return Taken.NOT_OURS  # that a server took it says nothing we do not know


def _answered(case: _Case) -> Taken:
    intent = intent_of(case.mail.text, subject=case.mail.subject)
    if intent is Intent.AWAY:
        return _auto_replied(case)
    words = own_words(case.mail.text)
    if intent is Intent.OPT_OUT:
        _note(case, Event.UNSUBSCRIBED, "Opted out in a reply.")
        _suppress(case, "Opted out in a reply.", source="reply")
        _suppress_sender(case)
        _keep(case, Reply.Kind.OPT_OUT, words)
        return Taken.OPTED_OUT
    _note(case, Event.REPLIED, "")
    _keep(case, Reply.Kind.REPLY, words)
    return Taken.REPLIED


_EFFECTS = {
    Kind.HARD: _bounced,
    Kind.SOFT: _delayed,
    Kind.COMPLAINT: _complained,
    Kind.AUTO_REPLY: _auto_replied,
    Kind.DELIVERED: _delivered,
    Kind.OTHER: _answered,
}


def _note(case: _Case, kind: MessageEvent.Kind, detail: str) -> None:
    """The event, once; whatever comes back also proves that the mail went out."""
    MessageEvent.objects.get_or_create(
        message=case.message, kind=kind, reference=case.reference,
        defaults={"at": case.now, "actor": BY_MAIL, "detail": masked(detail)[:500]},
    )  # fmt: skip
    _prove_sent(case)


def _prove_sent(case: _Case) -> None:
    if case.message.status in {Message.Status.SENDING, Message.Status.IN_DOUBT}:
        settle_sent(case.message, reference="proved by what came back")


def _suppress(case: _Case, reason: str, *, source: str) -> None:
    suppress_recipient(case.message, reason, source=source, now=case.now)


def _suppress_sender(case: _Case) -> None:
    """Who opts out from another address than we wrote to means that one as well."""
    sender = case.mail.sender
    if not sender or _hash(sender) == case.message.recipient_hash:
        return
    reason = f"Opted out in a reply; message {case.message.pk} went to another address."
    try:
        suppressions.add(
            Suppression.Kind.EMAIL, sender, reason=reason, actor=BY_MAIL, source="reply",
            now=case.now,
        )  # fmt: skip
    except NotAValueError:
        return  # no address a mail could go to


def _keep(case: _Case, kind: Reply.Kind, words: str) -> None:
    """The reply for the page of answers. An opt-out that says no more than that is done."""
    is_done = kind is Reply.Kind.OPT_OUT and len(words) <= SHORT
    decided = {"state": Reply.State.DONE, "decided_at": case.now, "decided_by": BY_MAIL}
    Reply.objects.get_or_create(
        message=case.message, reference=case.reference,
        defaults={
            "mailbox": case.mailbox, "kind": kind, "sender": case.mail.sender[:320],
            "subject": case.mail.subject[:300], "excerpt": words[:EXCERPT],
            "notes": " ".join(case.mail.notes)[:500], "received_at": case.now,
            **(decided if is_done else {}),
        },
    )  # fmt: skip


def _refusal_of(case: _Case) -> Refusal | None:
    """What the report says of the address we wrote to; a nameless refusal counts as its."""
    for each in case.report.refusals:
        if not each.address or _hash(each.address) == case.message.recipient_hash:
            return each
    return None


def _pause_mailbox(case: _Case, refusal: Refusal) -> None:
    """A receiver does not accept that mail of this domain is ours: more of it would harm."""
    because = ("A receiver says that mail of this domain is not authenticated (SPF, DKIM, DMARC): "
               + masked(_words(refusal)))  # fmt: skip
    if case.message.mailbox_id:
        stop_mailbox(case.message.mailbox_id, Mailbox.State.PAUSED, because, now=case.now)


def _words(refusal: Refusal) -> str:
    return " ".join(f"{refusal.status} {refusal.words}".split())[:300]
