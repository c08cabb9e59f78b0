"""Find out what became of messages whose sender died or got no clear answer.

Looks at 60 s, 5, 15 and 60 minutes after the provider was asked. A second send of the same draft is
allowed once, at the 5 or 15 minute look, only if the draft is still one, and only if the gate would
let the mail go now. After the last look a person decides.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Q

from outreach import gate
from outreach.admission.facts import Known, facts_of
from outreach.gate import Say
from outreach.models import Mailbox, Message, MessageEvent
from outreach.sending.claim import LEASE
from outreach.sending.message_with_all import message_with_all
from outreach.sending.send import mail_of
from outreach.sending.settle import LOOKS, change, in_hand, settle_doubt, settle_sent
from outreach.transports.interface import (
    WENT_OUT,
    Result,
    Trace,
    Transport,
    TransportError,
)
from tenants.clock import database_now
from tenants.outage import outlast
from tenants.process_name import process_name

Status, Kind = Message.Status, MessageEvent.Kind
RESEND_AT = {1, 2}  # number of the look, from 0
MOST_RESENDS = 1


def reconcile(mailbox: Mailbox, *, transport: Transport, most: int = 20) -> int:
    """Look at up to ``most`` due messages of ``mailbox``; returns how many were looked at.

    Safe in any number of processes: each message is claimed for the look.
    """
    count = 0
    while count < most:
        message = outlast(lambda: _claim_for_look(mailbox))
        if message is None:
            break
        _look(message, transport=transport)
        count += 1
    return count


def _claim_for_look(mailbox: Mailbox) -> Message | None:
    """The message longest due for a look whose sender no longer holds it, with a new lease."""
    with transaction.atomic():
        now = database_now()
        due = Message.objects.filter(mailbox=mailbox, status=Status.SENDING, look_at__lte=now)
        message = (
            due.filter(Q(held_until=None) | Q(held_until__lte=now))
            .order_by("look_at")
            .select_for_update(skip_locked=True, of=("self",))
            .first()
        )
        if message is None:
            return None
        Message.objects.filter(pk=message.pk).update(
            lease=F("lease") + 1, held_until=now + LEASE, held_by=process_name(),
            look_at=now + LEASE,
        )  # fmt: skip
    message.refresh_from_db()
    return message


def _look(message: Message, *, transport: Transport) -> None:
    if message.asked_at is None:
        _never_asked(message, transport=transport)
        return
    if not transport.capabilities.can_be_asked:
        outlast(lambda: settle_doubt(message, _NOT_ASKABLE))
        return
    trace = transport.look(
        key=str(message.key), draft_id=message.draft_id, message_id=message.message_id
    )
    outlast(lambda: _note(message, trace))
    if trace in WENT_OUT:
        outlast(lambda: settle_sent(message, reference="found by a look"))
    elif trace is Trace.DRAFT and _may_send_again(message):
        _send_again(message, transport=transport)
    else:
        outlast(lambda: _later(message, trace))


def _never_asked(message: Message, *, transport: Transport) -> None:
    """Its sender died before the request that sends. At most a draft lies about, and is used."""
    draft_id: str | None = message.draft_id
    if transport.capabilities.drafts and not draft_id:
        try:
            draft_id = transport.find_draft(key=str(message.key), message_id=message.message_id)
        except TransportError:
            outlast(lambda: _later(message, Trace.UNKNOWN))
            return
    found = draft_id or ""
    outlast(lambda: _give_back(message, draft_id=found))


def _give_back(message: Message, *, draft_id: str) -> None:
    """Into the queue again, with the draft it has: nobody has asked anybody to send it."""
    change(
        message, event=Kind.LOOKED, detail="It was never sent: its sender stopped before.",
        status=Status.QUEUED, not_before=database_now(), draft_id=draft_id, held_until=None,
        look_at=None, lease=F("lease") + 1,
    )  # fmt: skip


def _may_send_again(message: Message) -> bool:
    return message.looks in RESEND_AT and message.resends < MOST_RESENDS


def _send_again(message: Message, *, transport: Transport) -> None:
    if not outlast(lambda: _may_go_now(message)):
        outlast(lambda: _later(message, Trace.DRAFT))
        return
    outcome = transport.send(mail_of(message), draft_id=message.draft_id)
    if outcome.result is Result.ACCEPTED:
        outlast(lambda: settle_sent(message, reference=outcome.reference))
    else:
        # A refusal now proves nothing: perhaps it is no draft any more because it is on its way.
        outlast(lambda: _later(message, Trace.DRAFT))


@transaction.atomic
def _may_go_now(message: Message) -> bool:
    """Note that it is sent once more, if it is still ours and the gate lets it go.

    Minutes have passed since it was claimed: its recipient may have opted out or been erased, its
    campaign or all sending be switched off.
    """
    if not in_hand(message).select_for_update(of=("self",)).exists():
        return False
    now = database_now()
    current, policy = message_with_all(message.pk)
    mailbox = Mailbox.objects.filter(pk=current.mailbox_id or 0).first()
    known = Known([current], now, policy)
    verdict = gate.decide(gate.ask(facts_of(current, known=known, mailbox=mailbox)))
    if verdict.say is Say.ALLOW:
        again = "Once more: it was still a draft."
        return change(message, event=Kind.ASKED, detail=again, at=now, resends=F("resends") + 1)
    change(message, event=Kind.LOOKED, detail=f"It is not sent once more. {verdict.sentence}")
    return False


def _later(message: Message, trace: Trace) -> None:
    """Plan the next look; after the last one a person decides. Nothing if it is settled."""
    now = database_now()
    number = message.looks + 1
    if number >= len(LOOKS):
        settle_doubt(message, _DOUBTS[trace])
        return
    since = message.asked_at or now
    in_hand(message).update(looks=number, look_at=max(since + LOOKS[number], now + LOOKS[0]))


def _note(message: Message, trace: Trace) -> None:
    MessageEvent.objects.create(
        message=message, kind=Kind.LOOKED, at=database_now(), actor=process_name(),
        detail=_SAYS[trace],
    )  # fmt: skip


_NOT_ASKABLE = (
    "The connection broke while the mail was handed over, and the server cannot be asked."
)
_SAYS = {
    Trace.SENT: "The provider has sent it.",
    Trace.TWICE: "The provider has sent it, and shows it twice: delivered twice by the provider."
    " Nothing is sent again.",
    Trace.DRAFT: "It is still a draft.",
    Trace.NOTHING: "The provider knows of no such mail.",
    Trace.UNKNOWN: "The provider did not answer.",
}
_DOUBTS = {
    Trace.DRAFT: "An hour later it is still a draft at the provider, which was asked to send it.",
    Trace.NOTHING: "The provider was asked to send it and finds neither draft nor mail.",
    Trace.UNKNOWN: "The provider was asked to send it and has not answered since.",
}
