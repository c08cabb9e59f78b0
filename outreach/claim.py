"""Take the next message of a mailbox in hand: gate, pace and text in one transaction.

When it commits, the row says SENDING, holds all that will be sent, and belongs to this claim alone.
One message of a mailbox is in hand at a time; other senders pass the mailbox by meanwhile.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from outreach import gate, pacing
from outreach.facts import Draft, facts_of
from outreach.gate import Say, Verdict
from outreach.history import history_of
from outreach.models import CampaignStep, Mailbox, Message, MessageEvent, TemplateVersion
from outreach.waiting import in_hand_of, lock_first, lots_of
from tenants.clock import database_now
from tenants.process_name import process_name

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)  # above all a transport may take: three calls of 90 s
MOST_PASSED_BY = 200  # messages one claim may hold or refuse before it gives up its turn
Status = Message.Status
Kind = MessageEvent.Kind


def claim(mailbox_id: int) -> Message | None:
    """The next message the mailbox may send now, claimed; None when there is none yet.

    On the way, messages the gate objects to are held or refused, each with its reason. A mailbox
    that another sender has in hand, that does not send, or whose next moment has not come gives
    None. Safe in any number of processes. About 20 statements, however many messages wait.
    """
    with transaction.atomic():
        now = database_now()
        mailbox = _mine(mailbox_id, now=now)
        if mailbox is None:
            return None
        brake, moment = _pace(mailbox, now=now)
        if brake.stops:
            _stop(mailbox, brake.sentence, now=now)
            return None
        if moment > now:
            Mailbox.objects.filter(pk=mailbox.pk).update(not_before=moment)
            return None
        for _ in range(MOST_PASSED_BY):
            message = _next_due(mailbox, now=now)
            if message is None:
                return None
            facts, draft = facts_of(message, mailbox=mailbox, now=now)
            verdicts = gate.ask(facts)
            verdict = gate.decide(verdicts)
            message.gate = [_as_json(each) for each in verdicts]
            if verdict.say is Say.ALLOW:
                return _take(message, draft, mailbox=mailbox, factor=brake.factor, now=now)
            put_aside(message, verdict)
    return None


def next_moment_of(mailbox: Mailbox, *, now: datetime) -> datetime:
    """When the mailbox may send next by its pace; for pages. One statement."""
    return max(_pace(mailbox, now=now)[1], mailbox.not_before)


def put_aside(message: Message, verdict: Verdict) -> None:
    """Hold or refuse a message, with the gate's reason. The caller holds its row."""
    message.status = Status.HELD if verdict.say is Say.HOLD else Status.REFUSED
    if verdict.code == "no_address":
        message.status = Status.ERROR_NO_EMAIL
    message.code, message.sentence = verdict.code, verdict.sentence[:500]
    message.not_before = verdict.until
    message.held_until = message.look_at = None
    message.save(update_fields=["status", "code", "sentence", "not_before", "gate", "held_until",
                                "look_at"])  # fmt: skip


def _mine(mailbox_id: int, *, now: datetime) -> Mailbox | None:
    """The mailbox, locked, if it sends at all, its time has come, and nothing of it is in hand."""
    ready = Mailbox.objects.filter(pk=mailbox_id, state=Mailbox.State.READY, not_before__lte=now)
    mailbox = ready.select_for_update(skip_locked=True, of=("self",)).first()
    if mailbox is None:
        return None
    return None if in_hand_of(mailbox, now=now).until else mailbox


def _next_due(mailbox: Mailbox, *, now: datetime) -> Message | None:
    """The message due longest among those this mailbox may send, locked."""
    for lot in lots_of(mailbox):
        if lot.first > now:
            break
        if message_id := lock_first(lot, mailbox, now=now):
            return _with_surroundings(message_id)
    return None


def _with_surroundings(message_id: int) -> Message:
    """In three statements: of one that joins nine tables, planning takes 4 to 7 ms."""
    message = Message.objects.select_related("lead", "contact", "variation").get(pk=message_id)
    versions = TemplateVersion.objects.select_related("template", "signature")
    message.template_version = versions.get(pk=message.template_version_id)
    if message.step_id:
        message.step = CampaignStep.objects.select_related("campaign").get(pk=message.step_id)
    return message


def _stop(mailbox: Mailbox, sentence: str, *, now: datetime) -> None:
    Mailbox.objects.filter(pk=mailbox.pk).update(
        state=Mailbox.State.STOPPED, state_reason=sentence, state_since=now
    )
    logger.error("mailbox %s is stopped: %s", mailbox.pk, sentence)


def _pace(mailbox: Mailbox, *, now: datetime) -> tuple[pacing.Brake, datetime]:
    """What brakes the mailbox, and the moment its caps and gap let it send."""
    pace, today = pace_of(mailbox), now.astimezone(ZoneInfo(mailbox.timezone)).date()
    numbers = frozenset(pacing.numbers_asked(pace, today=today))
    history = history_of(mailbox, now=now, numbers=numbers)
    brake = pacing.brake(history.record)
    return brake, pacing.next_moment(
        pace, nth_last=history.asked.get, now=now, today=today, factor=brake.factor
    )


def pace_of(mailbox: Mailbox) -> pacing.Pace:
    return pacing.Pace(mailbox.gap_seconds, mailbox.gap_jitter, mailbox.per_minute,
                       mailbox.per_day, mailbox.ramp_from)  # fmt: skip


def _take(
    message: Message, draft: Draft, *, mailbox: Mailbox, factor: int, now: datetime
) -> Message:
    """Write what will be sent and whose it is, and set the mailbox's next moment."""
    changes: dict[str, Any] = {
        "status": Status.SENDING, "mailbox": mailbox, "code": "", "sentence": "",
        "gate": message.gate, "lease": message.lease + 1,
        "held_until": now + LEASE, "held_by": process_name(), "look_at": now + LEASE,
    }  # fmt: skip
    if not message.draft_id:  # a draft from an earlier try keeps its words
        changes |= {"subject": draft.rendered.subject, "body_html": draft.rendered.body_html,
                    "body_text": draft.rendered.body_text,
                    "message_id": draft.envelope.message_id[:300]}  # fmt: skip
    Message.objects.filter(pk=message.pk).update(**changes)
    MessageEvent.objects.create(message=message, kind=Kind.CLAIMED, at=now, actor=process_name())
    gap = pacing.gap(pace_of(mailbox), chance=secrets.randbelow(1001) / 1000, factor=factor)
    Mailbox.objects.filter(pk=mailbox.pk).update(not_before=now + gap)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def _as_json(verdict: Verdict) -> dict[str, str]:
    kept = {name: value for name, value in asdict(verdict).items() if value}
    return {name: value if isinstance(value, str) else value.isoformat()
            for name, value in kept.items()}  # fmt: skip
