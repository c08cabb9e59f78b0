"""Take rows of ``email_queue``: what was sent is history, what waits needs somebody's approval.

A sent mail counts wherever mails are counted: for the law's thresholds, for the quiet days of a
recipient, for what was last sent to a lead. Nothing that waited goes out by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from enrichment.models import Contact
from icp.models import Lead, MovedRow
from leadgen_project.moving_in.earlier import moved_before, templates_of
from leadgen_project.moving_in.read_mail import Mail, read_mail
from leadgen_project.moving_in.report import Tally
from leadgen_project.moving_in.rows import Kept, Outcome, Place, keep, read_each
from leadgen_project.moving_in.source import Row
from leadgen_project.moving_in.store import Stored, store_all_but_suppressed
from leadgen_project.moving_in.templates import placeholder
from outreach.admission.ask_many import ask_many
from outreach.admission.place import place as set_state
from outreach.models import Message, TemplateVersion

Status = Message.Status
CODE = "former_program"
AT_ONCE = 500
GONE = "The recipient is suppressed: only that a mail was sent is kept, not to whom"
_FIELDS = ["status", "code", "sentence", "sent_at", "asked_at", "not_before", "gate"]


def take_email_queue(
    batch: list[Row], *, place: Place, tally: Tally, now: datetime, mailbox_id: int | None,
    region: str,
) -> None:  # fmt: skip
    """Take a batch. ``mailbox_id``: the mailbox here that is the one the mails were sent from."""
    kept: list[Kept] = []
    mails = list(read_each(batch, lambda row: read_mail(row, region=region, now=now),
                           place=place, tally=tally, kept=kept))  # fmt: skip
    versions = _versions(mails, kept, place=place, tally=tally, now=now)
    mails = [one for one in mails if not one.row.reasons]
    people = [one.person for one in mails if one.person and (one.email or one.person.phone)]
    stored = store_all_but_suppressed(people, place=place, now=now)
    barred = {one.row.position for one in people} - set(stored)
    known = moved_before((one.key_hash for one in mails), table=place.table)
    fresh: dict[str, tuple[Mail, Message]] = {}
    for one in mails:
        at = one.row.position
        if at in barred:
            _take_suppressed(one, known, fresh, kept, versions, tally=tally, place=place, now=now)
        elif one.key_hash in known:
            kept.append(_renew(one, known[one.key_hash], stored.get(at), mailbox_id=mailbox_id))
        elif one.key_hash in fresh:
            kept.append(_kept(one, Outcome.LINKED, stored.get(at)))
        else:
            message = _message(one, versions[one.former_template], stored.get(at), place=place,
                               mailbox_id=mailbox_id, now=now)  # fmt: skip
            fresh[one.key_hash] = one, message
            kept.append(_kept(one, Outcome.CREATED, stored.get(at)))
    _store(fresh, now=now)
    for each in kept:
        if each.key_hash in fresh:
            each.object_id = fresh[each.key_hash][1].pk
    keep(kept, place=place, tally=tally)


def _versions(
    mails: list[Mail], kept: list[Kept], *, place: Place, tally: Tally, now: datetime
) -> dict[str, TemplateVersion]:
    """The text of each mail. What waits for a text nobody has is refused."""
    ids = templates_of({one.former_template for one in mails}, place=place)
    rows = TemplateVersion.objects.filter(template__in=ids.values(), is_current=True)
    by_template = {row.template_id: row for row in rows.select_related("template", "signature")}
    found = {former: by_template[pk] for former, pk in ids.items() if pk in by_template}
    for one in mails:
        if one.former_template in found:
            continue
        if one.status == Status.QUEUED:
            reason = f"templateId: template {one.former_template or '(none)'} is not here."
            one.row.reasons.append(reason)
            kept.append(Kept(one.row, Outcome.REFUSED, reasons=one.row.reasons))
        else:
            found[one.former_template] = placeholder(one.former_template, place=place, now=now)
            tally.note("its template is not in the files; an archived one stands for it")
    return found


def _message(
    one: Mail, version: TemplateVersion, where: Stored | None, *, place: Place,
    mailbox_id: int | None, now: datetime,
) -> Message:  # fmt: skip
    message = Message(
        lead_id=where.lead_id if where else None, contact_id=where.contact_id if where else None,
        recipient=one.email, recipient_hash=one.recipient_hash, template_version=version,
        lead_data=one.values, city=one.city, timezone=one.timezone, country=one.country,
        created_at=one.created_at or one.sent_at or now, created_by=str(place.move),
        move_id=place.move.pk,
    )  # fmt: skip
    _set(message, one, mailbox_id=mailbox_id)
    return message


def _set(message: Message, one: Mail, *, mailbox_id: int | None) -> None:
    """Put the message into the state the row says; what is queued is asked about later."""
    message.status, message.not_before = one.status, None
    message.code = message.sentence = ""
    if one.status == Status.SENT:
        message.sent_at = message.asked_at = one.sent_at or one.created_at
        message.mailbox_id = mailbox_id
    elif one.status != Status.QUEUED:
        message.code = CODE
        message.sentence = f"The former program: {one.status}. {one.error}".strip()[:500]


def _store(fresh: dict[str, tuple[Mail, Message]], *, now: datetime) -> None:
    waiting = [message for _, message in fresh.values() if message.status == Status.QUEUED]
    for start in range(0, len(waiting), AT_ONCE):
        part = waiting[start : start + AT_ONCE]
        _with_people(part)
        for message, verdicts in zip(part, ask_many(part, now=now), strict=True):
            set_state(message, verdicts, now=now)
    Message.objects.bulk_create((message for _, message in fresh.values()), batch_size=1000)


def _with_people(messages: Sequence[Message]) -> None:
    """Give each its lead and contact, in two statements."""
    leads = Lead.objects.in_bulk([each.lead_id for each in messages if each.lead_id])
    contacts = Contact.objects.in_bulk([each.contact_id for each in messages if each.contact_id])
    for each in messages:
        each.lead = leads.get(each.lead_id or 0)
        each.contact = contacts.get(each.contact_id or 0)


def _renew(
    one: Mail, known: MovedRow, where: Stored | None, *, mailbox_id: int | None
) -> Kept:  # fmt: skip
    """A later state of a mail that was moved before; one a person decided about stays."""
    message = Message.objects.filter(
        pk=known.object_id or 0, status__in=Message.WAITING, is_released=False
    ).first()
    if message is None or one.status == Status.QUEUED:
        made = _kept(one, Outcome.LINKED, where)
    else:
        before = {name: _plain(getattr(message, name)) for name in _FIELDS}
        _set(message, one, mailbox_id=mailbox_id)
        message.save(update_fields=[*_FIELDS, "mailbox"])
        made = _kept(one, Outcome.UPDATED, where)
        made.added = {**made.added, "before": before}
    made.object_id = known.object_id
    return made


def _kept(one: Mail, outcome: Outcome, where: Stored | None) -> Kept:
    """``made_lead``: the mail spoke of somebody who was no lead yet."""
    made = Kept(one.row, outcome, one.key_hash, added={"status": one.status})
    if where is not None:
        made.lead_id, made.made_lead = where.lead_id, where.is_new
        made.added = {**where.added, **made.added}
    return made


def _take_suppressed(
    one: Mail,
    known: dict[str, MovedRow],
    fresh: dict[str, tuple[Mail, Message]],
    kept: list[Kept],
    versions: dict[str, TemplateVersion],
    *,
    tally: Tally,
    place: Place,
    now: datetime,
) -> None:
    """Of a mail to somebody suppressed nothing is kept but, if it was sent, that it was."""
    if one.status != Status.SENT or one.key_hash in known or one.key_hash in fresh:
        tally.count("suppressed")
        return
    bare = Mail(one.row, one.former_template, one.status, timezone=one.timezone,
                created_at=one.created_at, sent_at=one.sent_at)  # fmt: skip
    message = _message(bare, versions[one.former_template], None, place=place, mailbox_id=None,
                       now=now)  # fmt: skip
    message.recipient_hash = one.recipient_hash
    fresh[one.key_hash] = one, message
    cells = {"templateId": one.former_template, "status": one.status}
    original = json.dumps(cells, separators=(",", ":"))
    row = Row(one.row.position, {}, original, sha256(original.encode()).hexdigest())
    kept.append(Kept(row, Outcome.CREATED, one.key_hash, added={"status": one.status}))
    tally.note(GONE)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
