"""Take the next message of a mailbox in hand: gate, pace and text in one transaction.

When it commits, the row says SENDING, holds all that will be sent, and belongs to this claim alone.
One message of a mailbox is in hand at a time; other senders pass the mailbox by meanwhile.
"""

from __future__ import annotations

import json
import secrets
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from outreach import gate, pacing
from outreach.admission.facts import Known, facts_of
from outreach.admission.place import put_aside
from outreach.gate import Say
from outreach.mailboxes.stop_mailbox import stop_mailbox
from outreach.models import Mailbox, Message, MessageEvent
from outreach.sending.history import History, history_of
from outreach.sending.message_with_all import message_with_all
from outreach.sending.read_together import Part
from outreach.sending.waiting import Lot, lock_first, survey
from outreach.wording.draft import Draft, draft_of
from tenants.prepared import prepared_cursor
from tenants.process_name import process_name

LEASE = timedelta(minutes=5)  # above all a transport may take: three calls of 90 s
MOST_PASSED_BY = 200  # messages one claim may hold or refuse before it gives up its turn
Status = Message.Status
Kind = MessageEvent.Kind
_TAKEN = ("status", "code", "sentence", "lease", "held_until", "held_by", "look_at", "subject",
          "body_html", "body_text", "message_id")  # fmt: skip
_TAKE = f"""
WITH taken AS (
    UPDATE outreach_message
    SET mailbox_id = %(mailbox)s, gate = %(gate)s::jsonb,
        {", ".join(f"{name} = %({name})s" for name in _TAKEN)}
    WHERE id = %(id)s
), noted AS (
    INSERT INTO outreach_messageevent (message_id, kind, at, actor, detail, reference)
    VALUES (%(id)s, %(kind)s, %(now)s, %(held_by)s, '', '')
)
UPDATE outreach_mailbox SET not_before = %(free_at)s WHERE id = %(mailbox)s
"""
_MAILBOX = Part(Mailbox, "mailbox")
_MINE = f"""
SELECT clock_timestamp(), {_MAILBOX.columns}
FROM outreach_mailbox mailbox
WHERE id = %(id)s AND state = 'READY' AND not_before <= clock_timestamp()
FOR UPDATE OF mailbox SKIP LOCKED
"""


def claim(mailbox_id: int) -> Message | None:
    """The next message the mailbox may send now, claimed; None when there is none yet.

    On the way, messages the gate objects to are held or refused, each with its reason. A mailbox
    that another sender has in hand, that does not send, or whose next moment has not come gives
    None. Safe in any number of processes. A dozen statements, however many messages wait.
    """
    with transaction.atomic():
        mine = _mine(mailbox_id)
        if mine is None:
            return None
        mailbox, now = mine
        # Asked once the mailbox is locked: what others committed before has to be seen.
        in_hand, history, lots = survey(mailbox, now=now, numbers=_numbers(mailbox, now=now))
        if in_hand.until:
            return None
        brake, moment = _pace(mailbox, history, now=now)
        if brake.stops:
            stop_mailbox(mailbox.pk, Mailbox.State.STOPPED, brake.sentence, now=now)
            return None
        if moment > now:
            Mailbox.objects.filter(pk=mailbox.pk).update(not_before=moment)
            return None
        for _ in range(MOST_PASSED_BY):
            message_id = _next_due(mailbox, lots, now=now)
            if message_id is None:
                return None
            message, policy = message_with_all(message_id)
            known = Known([message], now, policy)
            verdicts = gate.ask(facts_of(message, known=known, mailbox=mailbox))
            verdict = gate.decide(verdicts)
            message.gate = [each.as_json for each in verdicts]
            if verdict.say is Say.ALLOW:
                draft = draft_of(message, mailbox=mailbox, policy=policy, now=now)
                return _take(message, draft, mailbox=mailbox, factor=brake.factor, now=now)
            put_aside(message, verdict)
    return None


def next_moment_of(mailbox: Mailbox, *, now: datetime) -> datetime:
    """When the mailbox may send next by its pace; for pages. One statement."""
    history = history_of(mailbox, now=now, numbers=_numbers(mailbox, now=now))
    return max(_pace(mailbox, history, now=now)[1], mailbox.not_before)


def _mine(mailbox_id: int) -> tuple[Mailbox, datetime] | None:
    """The mailbox, locked, if it sends at all and its time has come; with it, what the time is."""
    with prepared_cursor() as cursor:
        cursor.execute(_MINE, {"id": mailbox_id})
        row = cursor.fetchone()
    if row is None:
        return None
    now, *values = row
    mailbox = _MAILBOX.take(iter(values))
    assert mailbox is not None  # noqa: S101 -- the statement names it
    return mailbox, now


def _next_due(mailbox: Mailbox, lots: list[Lot], *, now: datetime) -> int | None:
    """The message due longest among those this mailbox may send, locked."""
    for lot in lots:
        if lot.first > now:
            break
        if message_id := lock_first(lot, mailbox, now=now):
            return message_id
    return None


def _pace(mailbox: Mailbox, history: History, *, now: datetime) -> tuple[pacing.Brake, datetime]:
    """What brakes the mailbox, and the moment its caps and gap let it send."""
    brake = pacing.brake(history.record)
    return brake, pacing.next_moment(
        pace_of(mailbox), nth_last=history.asked.get, now=now, today=_today(mailbox, now=now),
        factor=brake.factor,
    )  # fmt: skip


def _numbers(mailbox: Mailbox, *, now: datetime) -> frozenset[int]:
    """Which of its last mails pace the mailbox."""
    today = _today(mailbox, now=now)
    return frozenset(pacing.numbers_asked(pace_of(mailbox), today=today))


def _today(mailbox: Mailbox, *, now: datetime) -> date:
    return now.astimezone(ZoneInfo(mailbox.timezone)).date()


def pace_of(mailbox: Mailbox) -> pacing.Pace:
    return pacing.Pace(mailbox.gap_seconds, mailbox.gap_jitter, mailbox.per_minute,
                       mailbox.per_day, mailbox.ramp_from)  # fmt: skip


def _take(
    message: Message, draft: Draft, *, mailbox: Mailbox, factor: int, now: datetime
) -> Message:
    """Write what will be sent and whose it is, and set the mailbox's next moment."""
    message.status, message.mailbox = Status.SENDING, mailbox
    message.code = message.sentence = ""
    message.lease += 1
    message.held_by, message.held_until = process_name(), now + LEASE
    message.look_at = message.held_until
    if not message.draft_id:  # a draft from an earlier try keeps its words
        message.subject = draft.rendered.subject
        message.body_html, message.body_text = draft.rendered.body_html, draft.rendered.body_text
        message.message_id = draft.envelope.message_id[:300]
    gap = pacing.gap(pace_of(mailbox), chance=secrets.randbelow(1001) / 1000, factor=factor)
    with prepared_cursor() as cursor:
        cursor.execute(_TAKE, {
            **{name: getattr(message, name) for name in _TAKEN}, "id": message.pk,
            "mailbox": mailbox.pk, "gate": json.dumps(message.gate), "now": now,
            "kind": Kind.CLAIMED.value, "free_at": now + gap,
        })  # fmt: skip
    return message
