"""Bring leads in hand into Odoo: find what is there, make what is missing, write what is new.

The order of writes keeps a record from being made twice: what will be made is written down and
committed before Odoo is asked, under an external id of our own numbers. After a lost answer Odoo is
asked for that id before anything is tried again. No transaction is open while Odoo is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from odoo_sync.claim import keep
from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway, RowsRefusedError
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.duplicates import Found, find_by_company, find_by_email, find_companies
from odoo_sync.mapping import COMPANY, CONTACT, KINDS, LEAD, MODELS, kind_of_field
from odoo_sync.models import OdooAttempt, OdooConnection, OdooPush, OdooRecord
from odoo_sync.resolve import Resolver
from odoo_sync.update import leave_closed, read_now, update
from odoo_sync.update_rows import update_rows
from odoo_sync.values import alike, as_cell, column_of
from odoo_sync.work import (
    Work,
    email_of,
    keys_of,
    prepare,
    refuse_suppressed,
    refuse_taken_back,
)
from tenants.clock import database_now

State = OdooPush.State


def push(
    connection: OdooConnection, gateway: Gateway, pushes: list[OdooPush],
    *, resolver: Resolver | None = None,
) -> list[Work]:  # fmt: skip
    """Settle each of ``pushes`` (claimed); returns those that went. About a dozen requests.

    A record Odoo refuses is parked with Odoo's reason and stops no other. Raises ``OdooError`` when
    Odoo itself cannot go on; what is not settled then is still in hand.
    """
    works = prepare(connection, pushes)
    if not works:
        return []
    fields = connection.findings.get("fields", {})
    resolver = resolver or Resolver(gateway, module=connection.module, fields=fields)
    resolver.learn(values for work in works for values in work.payload.values.values())
    for work in works:
        work.values = {kind: resolver.numbers(kind, values)
                       for kind, values in work.payload.values.items()}  # fmt: skip
    _find_lost(connection, gateway, works)
    _link(connection, gateway, works)
    known = [work for work in works if any(row.odoo_id for row in work.records.values())]
    leave_closed(gateway, known)
    for kind in KINDS:
        _make(connection, gateway, kind, [work for work in works if not work.is_over])
    update(connection, gateway, [work for work in known if not work.is_over])
    return _done(works)


def _find_lost(connection: OdooConnection, gateway: Gateway, works: Sequence[Work]) -> None:
    """Records whose making was asked for and never answered: are they there?"""
    lost = {row.key: (work, row) for work in works for row in work.records.values()
            if row.odoo_id is None}  # fmt: skip
    found = calls.by_external_id(gateway, module=connection.module, names=list(lost))
    for kind in KINDS:
        mine = [lost[key] for key in found if lost[key][1].kind == kind]
        for work, row in mine:
            row.odoo_id = found[row.key]
            work.wrote = True
        held = read_now(connection, gateway, kind, [work for work, _ in mine])
        for _, row in mine:
            now = held.get(row.odoo_id or 0)
            if now is None:
                row.odoo_id = None  # its external id outlived it
                continue
            # What differs from what we asked for, somebody has changed since.
            row.held = {
                name: now[name] if alike(value, now[name], _kind(connection, kind, name)) else value
                for name, value in row.pushed.items() if name in now
            }  # fmt: skip
            row.save()


def _link(connection: OdooConnection, gateway: Gateway, works: Sequence[Work]) -> None:
    """Take what was there before us as ours to look after, with the reason; write nothing yet."""
    fields = connection.findings.get("fields", {})
    by_lead = {work.lead.pk: work for work in works}

    def take(kind: str, found: dict[int, Found]) -> None:
        for pk, (number, why) in found.items():
            row = by_lead[pk].record_of(kind)
            row.odoo_id, row.link_reason = number, why[:300]
            row.save()

    new = _without(works, COMPANY)
    wanted = {work.lead.pk: (work.lead.uen, work.facts.shown["website"]) for work in new}
    take(COMPANY, find_companies(gateway, wanted, fields=fields))
    people = {email_of(work): work.lead.pk for work in _without(works, CONTACT) if email_of(work)}
    take(CONTACT, find_by_email(gateway, MODELS[CONTACT], people))
    new = _without(works, LEAD)
    emails = {email: work.lead.pk for work in new if (email := email_of(work))}
    take(LEAD, find_by_email(gateway, MODELS[LEAD], emails))
    linked = {work.number_of(COMPANY): work.lead.pk for work in _without(new, LEAD)
              if work.record_of(COMPANY).link_reason}  # fmt: skip
    take(LEAD, find_by_company(gateway, linked))


def _without(works: Sequence[Work], kind: str) -> list[Work]:
    """Those that are to have a record of ``kind`` and have none."""
    return [work for work in works if kind in work.values and not work.number_of(kind)]


def _make(connection: OdooConnection, gateway: Gateway, kind: str, works: Sequence[Work]) -> None:
    """Make the records of ``kind`` that are missing, in one load; those refused are parked."""
    new = _without(works, kind)
    if kind == CONTACT:
        for work in new:
            work.values[kind]["parent_id"] = work.number_of(COMPANY)
    if kind == LEAD:
        for work in new:
            person = work.number_of(CONTACT) or work.number_of(COMPANY)
            work.values[kind]["partner_id"] = person
    new = _fence(new, kind)
    if not new:
        return
    made = _load(connection, gateway, kind, new)
    held = read_now(connection, gateway, kind, made)
    rows = []
    for work in made:
        row = work.records[kind]
        row.held = held.get(row.odoo_id or 0, {})
        work.wrote = True
        rows.append(row)
    update_rows(rows, ["odoo_id", "held"])


def _fence(works: list[Work], kind: str) -> list[Work]:
    """Before Odoo is asked to make anything: it is noted, still ours, and nobody has said no.

    Noted first: an opt-out that comes later finds it and lists it for recall, one that came earlier
    is found here. From here on it counts as perhaps made, whatever happens to this process.
    """
    with transaction.atomic():
        ours = keep([work.push for work in works], asks=True)
        for work in works:
            work.is_over = work.push.pk not in ours
        going = [work for work in works if not work.is_over]
        for work in going:
            work.record_of(kind).pushed = dict(work.values[kind])
        rows = [work.records[kind] for work in going]
        update_rows([row for row in rows if row.pk], ["pushed"])
        OdooRecord.objects.bulk_create([row for row in rows if not row.pk])
        _keep_keys(going)
    return refuse_taken_back(refuse_suppressed(going))


def _keep_keys(works: Sequence[Work]) -> None:
    """What an opt-out will be compared with; mostly written at the first load of a turn."""
    changed = []
    for work in works:
        keys = keys_of(work)
        if keys != work.push.keys:
            work.push.keys = keys
            changed.append(work.push)
    update_rows(changed, ["keys"])


def _load(connection: OdooConnection, gateway: Gateway, kind: str, works: list[Work]) -> list[Work]:
    """Load the works' records; of those Odoo refuses each is parked, and the others go."""
    try:
        ids = _ask(connection, gateway, kind, works)
    except RowsRefusedError as exc:
        bad = {each.row: each for each in exc.complaints if each.row is not None}
        if not bad:
            return _by_halves(connection, gateway, kind, works, exc)
        for number, each in bad.items():
            words = f"{each.field}: {each.message}" if each.field else each.message
            works[number].stop(State.PARKED, "refused", f"Odoo refused it. {words}")
        rest = [work for number, work in enumerate(works) if number not in bad]
        keep([work.push for work in rest])
        return _load(connection, gateway, kind, rest) if rest else []
    except OdooError as exc:
        if exc.trouble not in (Trouble.FIELD, Trouble.REFUSED):
            raise
        return _by_halves(connection, gateway, kind, works, exc)
    for work, number in zip(works, ids, strict=True):
        work.records[kind].odoo_id = number
    return works


def _by_halves(
    connection: OdooConnection, gateway: Gateway, kind: str, works: list[Work], why: OdooError
) -> list[Work]:
    """Odoo refused them without saying which: ask for fewer, down to the one it is."""
    if len(works) == 1:
        works[0].stop(State.PARKED, "refused", why.sentence)
        return []
    keep([work.push for work in works])
    middle = len(works) // 2
    load: Callable[[list[Work]], list[Work]] = lambda some: _load(connection, gateway, kind, some)  # noqa: E731 -- said twice below
    return load(works[:middle]) + load(works[middle:])


def _ask(
    connection: OdooConnection, gateway: Gateway, kind: str, works: Sequence[Work]
) -> list[int]:
    names = list(dict.fromkeys(name for work in works for name in work.values[kind]))
    columns = [column_of(name, _kind(connection, kind, name)) for name in names]
    rows = [
        [f"{connection.module}.{work.records[kind].key}",
         *(as_cell(work.values[kind].get(name, "")) for name in names)]
        for work in works
    ]  # fmt: skip
    return calls.load(gateway, MODELS[kind], fields=["id", *columns], rows=rows)


def _done(works: Sequence[Work]) -> list[Work]:
    """They are there, with all we have to say: note it, and what they went with."""
    there = [work for work in works if not work.is_over and work.number_of(LEAD)]
    now, tries = database_now(), []
    with transaction.atomic():
        mine = OdooPush.objects.of_claims([work.push for work in there])
        ours = set(mine.select_for_update(of=("self",)).values_list("pk", flat=True))
        there = [work for work in there if work.push.pk in ours]
        for work in there:
            push = work.push
            push.state, push.held_until, push.held_by = State.DONE, None, ""
            push.code = push.sentence = ""
            push.attempts, push.asked_at, push.digest = 0, None, work.payload.digest
            if push.pushed_at is None:
                push.pushed_score, push.pushed_bucket = work.facts.score, work.facts.bucket
            push.pushed_at = now if work.wrote or not push.pushed_at else push.pushed_at
            if work.wrote:
                tries.append(OdooAttempt(push=push, result=_result(work)))
        _keep_keys(there)
        update_rows([work.push for work in there], _SETTLED)
        OdooAttempt.objects.bulk_create(tries)
    return there


_SETTLED = ["state", "held_until", "held_by", "code", "sentence", "attempts", "asked_at", "digest",
            "suppressions_seen", "pushed_at", "pushed_score", "pushed_bucket"]  # fmt: skip


def _result(work: Work) -> str:
    return "LINKED" if any(row.link_reason for row in work.records.values()) else "WROTE"


def _kind(connection: OdooConnection, kind: str, name: str) -> str:
    return kind_of_field(connection.findings.get("fields", {}), MODELS[kind], name)
