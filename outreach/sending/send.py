"""Send one claimed message: draft, store, fence, ask once, write down what came of it.

The order of writes is what keeps a mail from going out twice (PROMISES, section 3). Each step is
committed before the next, and each says again whose the message is: a process that slept past its
lease finds the number changed and stops. What ends unclear stays SENDING for ``reconcile``.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from django.db import transaction
from django.utils import timezone

from outreach import gate
from outreach.admission.facts import hashes_against, suppressed_because
from outreach.admission.place import PUT_OFF, put_aside
from outreach.bounces.dead_address import give_up_address, is_refused_for_good
from outreach.mailboxes.stop_mailbox import stop_mailbox
from outreach.models import Mailbox, Message, MessageEvent
from outreach.sending.settle import LOOKS, change, in_hand, look_later, settle_doubt, settle_sent
from outreach.transports.interface import (
    Fault,
    Outcome,
    Result,
    Transport,
    TransportError,
)
from outreach.wording import way_out
from outreach.wording.compose import compose
from outreach.wording.draft import envelope_of
from outreach.wording.render import Rendered
from tenants.clock import database_now
from tenants.outage import outlast
from tenants.prepared import prepared_cursor

logger = logging.getLogger(__name__)

Status, Kind = Message.Status, MessageEvent.Kind
MOST_PUT_OFF = 10  # times one mail is put off by a server, over six hours and more
OF_THE_LINE = frozenset({"unreachable", "cut", "no_token", "application"})
LONGEST_PAUSE = timedelta(hours=1)  # a provider that asks for more gets this, and a held queue
# Who else has the row locked may be erasing or suppressing: then it is passed by here, and asked
# for again once the lock is free.
_ASK = """
WITH mine AS (
    SELECT id FROM outreach_message
    WHERE id = %(id)s AND lease = %(lease)s AND status = 'SENDING'
    FOR UPDATE SKIP LOCKED
), asked AS (
    UPDATE outreach_message message
    SET asked_at = clock_timestamp(), look_at = clock_timestamp() + %(first_look)s,
        draft_id = %(draft_id)s
    FROM mine
    WHERE message.id = mine.id AND NOT EXISTS (
        SELECT FROM icp_suppression
        WHERE value_hash = ANY(%(hashes)s) AND lifted_at IS NULL
    ) AND NOT EXISTS (SELECT FROM public.platform_forbids(%(hashes)s))
    RETURNING message.id, message.asked_at, message.recipient_hash
), noted AS (
    INSERT INTO outreach_messageevent (message_id, kind, at, actor, detail, reference)
    SELECT id, kind, asked_at, %(actor)s, '', ''
    FROM asked, unnest(%(kinds)s::text[]) WITH ORDINALITY AS event(kind, place) ORDER BY place
), way_out AS (
    INSERT INTO outreach_unsubscribelink (token_hash, message_id, recipient_hash, created_at,
                                          used_by)
    SELECT %(token_hash)s, id, recipient_hash, asked_at, '' FROM asked
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM asked
"""


def send(message: Message, *, transport: Transport) -> str:
    """Send ``message``, which this process has claimed; returns the status it ends in.

    SENT, ERROR_API_FAILURE, HELD, REFUSED (the recipient opted out meanwhile), IN_DOUBT (a
    transport that cannot be asked), or SENDING, which ``reconcile`` takes up. No transaction is
    open while the provider is asked.
    """
    try:
        mail = mail_of(message)
    except ValueError as exc:
        no_mail = Outcome(Result.REFUSED, "no_mail", f"No mail can be made of it: {exc}.")
        return outlast(lambda: _refused(message, no_mail, now=database_now()))
    draft_id = message.draft_id
    if transport.capabilities.drafts and not draft_id:
        try:
            draft_id = transport.draft(mail, key=str(message.key))
        except TransportError as exc:
            no_draft = exc.outcome
            return outlast(lambda: _no_draft(message, no_draft))
    if not outlast(lambda: _may_ask(message, draft_id=draft_id)):
        return _lost(message)
    outcome = transport.send(mail, draft_id=draft_id)
    return outlast(lambda: _record(message, outcome, transport=transport))


def mail_of(message: Message) -> EmailMessage:
    """The mail of a claimed message, in the words its row holds, as its transport gets it."""
    mailbox = message.mailbox
    assert mailbox is not None  # noqa: S101 -- a claimed message has one; the database says so
    written = Rendered(message.subject, message.body_html, message.body_text)
    return compose(written, envelope_of(message, mailbox=mailbox, now=timezone.now()))


def _may_ask(message: Message, *, draft_id: str) -> bool:
    """The fence before the one request that sends: still ours, and nobody has said no meanwhile.

    Keeps the id of the draft. From here on the mail counts as perhaps sent, whatever happens to
    this process. One statement, unless there is something in the way.
    """
    if _ask(message, draft_id=draft_id):
        return True
    with transaction.atomic():
        mine = in_hand(message).select_related("lead")
        locked = mine.select_for_update(of=("self",)).first()  # waits for who is busy with it
        if locked is None:
            return False
        if objection := gate.suppressed(suppressed_because(locked)):
            locked.draft_id = draft_id
            put_aside(locked, objection)
            return False
        return _ask(message, draft_id=draft_id)


def _ask(message: Message, *, draft_id: str) -> bool:
    """Note that the provider is asked, if the message is held as claimed and not suppressed."""
    kinds = [Kind.ASKED] if draft_id == message.draft_id else [Kind.DRAFTED, Kind.ASKED]
    values: dict[str, Any] = {
        "id": message.pk, "lease": message.lease, "actor": message.held_by, "draft_id": draft_id,
        "hashes": hashes_against(message), "kinds": [each.value for each in kinds],
        "first_look": LOOKS[0], "token_hash": way_out.token_hash(way_out.token_of(message)),
    }  # fmt: skip
    with prepared_cursor() as cursor:
        cursor.execute(_ASK, values)
        return bool(cursor.fetchone()[0])


def _record(message: Message, outcome: Outcome, *, transport: Transport) -> str:
    """Write down how the attempt ended. Whoever has taken the message over meanwhile decides."""
    if outcome.result is Result.ACCEPTED and outcome.retry_after is None:
        return settle_sent(message, reference=outcome.reference)
    now = database_now()
    _slow_down(message, outcome, now=now)
    match outcome.result:
        case Result.ACCEPTED:
            return settle_sent(message, reference=outcome.reference)
        case Result.REFUSED:
            return _refused(message, outcome, now=now)
    if transport.capabilities.can_be_asked:
        return look_later(message, outcome, now=now)
    return settle_doubt(message, outcome.sentence)


def _no_draft(message: Message, outcome: Outcome) -> str:
    """No draft was made, or nobody knows: nothing was sent, and a look comes before another.

    Looks come later and later; a provider that takes no draft often enough is told to a person.
    """
    now = database_now()
    _slow_down(message, outcome, now=now)
    if outcome.result is Result.REFUSED:
        return _refused(message, outcome, now=now)
    status, until = _put_off(message, outcome, now=now)
    if status is Status.HELD:
        return _hold(message, outcome)
    code, sentence = outcome.code[:40], outcome.sentence[:500]
    change(message, event=Kind.STOPPED, detail=sentence, look_at=until, held_until=now, code=code,
           sentence=sentence)  # fmt: skip
    return Status.SENDING


def _refused(message: Message, outcome: Outcome, *, now: datetime) -> str:
    """Certainly not sent: for good, or to be tried again once its mailbox or the provider can."""
    status = Status.QUEUED
    changes: dict[str, Any] = {"not_before": now}
    match outcome.fault:
        case Fault.MESSAGE:
            status = Status.ERROR_API_FAILURE
        case Fault.MAILBOX:
            if message.mailbox_id:
                stop_mailbox(message.mailbox_id, Mailbox.State.RECONNECT, outcome.sentence, now=now)
        case Fault.PASSING:
            status, until = _put_off(message, outcome, now=now)
            changes = {"not_before": until}
    words: dict[str, Any] = {"code": outcome.code[:40] or "refused",
                             "sentence": outcome.sentence[:500]}  # fmt: skip
    if status is Status.HELD:
        return _hold(message, outcome)
    kept = change(
        message, event=Kind.STOPPED, detail=outcome.sentence, status=status, held_until=None,
        look_at=None, asked_at=None, **words, **changes,
    )  # fmt: skip
    if not kept:
        return _lost(message)
    if status is Status.ERROR_API_FAILURE and is_refused_for_good(outcome.code, outcome.sentence):
        reference = f"refused {message.lease}"
        give_up_address(message, words=outcome.sentence, reference=reference, now=now)
    return str(status)


def _hold(message: Message, outcome: Outcome) -> str:
    """Put off so often that a person has to look."""
    said = f"Put off {MOST_PUT_OFF} times by the receiving side; last: {outcome.sentence}"
    kept = change(
        message, event=Kind.STOPPED, detail=outcome.sentence, status=Status.HELD, held_until=None,
        look_at=None, asked_at=None, not_before=None, code=PUT_OFF, sentence=said[:500],
    )  # fmt: skip
    return str(Status.HELD) if kept else _lost(message)


def _slow_down(message: Message, outcome: Outcome, *, now: datetime) -> None:
    """``Retry-After`` speaks to the whole mailbox, not to one message."""
    if outcome.retry_after is None or message.mailbox_id is None:
        return
    until = now + _pause(outcome)
    Mailbox.objects.filter(pk=message.mailbox_id, not_before__lt=until).update(not_before=until)


def _put_off(
    message: Message, outcome: Outcome, *, now: datetime
) -> tuple[Message.Status, datetime | None]:
    """Later, and later each time; held for a person once a server has said so often enough.

    A server that cannot be reached has refused nobody: mail waits for it however long.
    """
    if outcome.code in OF_THE_LINE:
        return Status.QUEUED, now + _pause(outcome)
    times = MessageEvent.objects.filter(message=message, kind=Kind.STOPPED).count()
    if times + 1 >= MOST_PUT_OFF:
        return Status.HELD, None
    return Status.QUEUED, now + max(_pause(outcome), LOOKS[min(times, len(LOOKS) - 1)])


def _pause(outcome: Outcome) -> timedelta:
    wanted = LOOKS[0] if outcome.retry_after is None else timedelta(seconds=outcome.retry_after)
    return min(max(wanted, timedelta(seconds=1)), LONGEST_PAUSE)


def _lost(message: Message) -> str:
    """It was refused, or somebody else has it because this process slept past its lease."""
    claimed = message.lease
    message.refresh_from_db()
    if message.lease != claimed:
        logger.warning("message %s was taken over while it was in hand here", message.pk)
    return message.status
