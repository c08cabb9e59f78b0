"""Write what is new into records that are there, and never over what a person changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from odoo_sync.claim import keep
from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.compare import Plan, compare
from odoo_sync.mapping import KINDS, LEAD, MODELS, ONCE, kind_of_field
from odoo_sync.models import OdooConflict, OdooConnection, OdooPush, OdooRecord
from odoo_sync.values import Value, as_read, as_written
from odoo_sync.work import Work

State, Choice = OdooPush.State, OdooConflict.Choice
CLOSING = ["active", "stage_id", "probability"]


def leave_closed(gateway: Gateway, works: Sequence[Work]) -> None:
    """Leads that are archived, won, lost or deleted there are settled: nothing of them is written.

    Two requests.
    """
    numbers = [number for work in works if (number := work.number_of(LEAD))]
    rows = calls.read(gateway, MODELS[LEAD], ids=numbers, fields=CLOSING)
    won = won_stages(gateway) if rows else set()
    for work in works:
        number = work.number_of(LEAD)
        if not number:
            continue
        row = rows.get(number)
        if row is None:
            work.stop(State.LEFT, "deleted", "It was deleted in Odoo, and is not made again unless"
                      " somebody asks for it.")  # fmt: skip
        elif why := closed_because(row, won):
            work.stop(State.LEFT, why, f"It is {why} in Odoo and left alone.")


def closed_because(row: Mapping[str, Any], won: set[int]) -> str:
    """``won``, ``lost``, ``archived``, or nothing while the sales team works on it."""
    stage = row["stage_id"][0] if row["stage_id"] else 0
    if row["active"]:
        return "won" if stage in won else ""
    return "lost" if not row["probability"] else "archived"


def won_stages(gateway: Gateway) -> set[int]:
    found = calls.search(gateway, "crm.stage", domain=[["is_won", "=", True]], fields=["name"])
    return {row["id"] for row in found}


def read_now(
    connection: OdooConnection, gateway: Gateway, kind: str, works: Sequence[Work]
) -> dict[int, dict[str, Value]]:
    """What the works' records hold now in the fields we write, by id. One request, or none."""
    ids = [number for work in works if (number := work.number_of(kind))]
    names = sorted({name for work in works for name in work.values.get(kind, {})
                    if name not in ONCE[kind]})  # fmt: skip
    if not ids or not names:
        return {}
    found = calls.read(gateway, MODELS[kind], ids=ids, fields=names)
    kinds = kinds_of(connection, kind, names)
    return {number: {name: as_read(row[name], kinds[name]) for name in names}
            for number, row in found.items()}  # fmt: skip


def update(connection: OdooConnection, gateway: Gateway, works: Sequence[Work]) -> None:
    """Bring records that are there up to date, each by a write of its own where there is news.

    What was deleted there stays deleted. Conflicts are noted for a person, and settled by what a
    person has chosen.
    """
    for kind in KINDS:
        mine = [work for work in works if kind in work.values and work.number_of(kind)
                and not work.is_over]  # fmt: skip
        now = read_now(connection, gateway, kind, mine)
        written = [work for work in mine if _update(connection, gateway, kind, work, now)]
        after = read_now(connection, gateway, kind, written)
        for work in written:
            row = work.records[kind]
            there = after.get(row.odoo_id or 0, {})
            row.held |= {name: there[name] for name in work.fresh.get(kind, ()) if name in there}
            row.save(update_fields=["held"])


def _update(
    connection: OdooConnection, gateway: Gateway, kind: str, work: Work,
    now: Mapping[int, Mapping[str, Value]],
) -> bool:  # fmt: skip
    """Write what is new into one record; returns whether anything was."""
    row = work.records[kind]
    there = now.get(row.odoo_id or 0)
    if there is None:
        return False
    ours = {name: value for name, value in work.values[kind].items() if name in there}
    kinds = kinds_of(connection, kind, ours)
    chosen = _forced(row)
    plan = compare(ours, now=there, pushed=row.pushed, held=row.held, kinds=kinds, forced=chosen)
    if plan.write and not _write(gateway, kind, work, plan, kinds=kinds):
        return False
    _note(row, plan, there)
    return bool(plan.write)


def _write(
    gateway: Gateway, kind: str, work: Work, plan: Plan, *, kinds: Mapping[str, str]
) -> bool:
    if work.push.pk not in keep([work.push]):
        work.is_over = True
        return False
    values = {name: as_written(value, kinds[name]) for name, value in plan.write.items()}
    try:
        calls.write(gateway, MODELS[kind], ids=[work.number_of(kind)], values=values)
    except OdooError as exc:
        if exc.trouble not in (Trouble.FIELD, Trouble.REFUSED, Trouble.GONE, Trouble.RIGHT):
            raise
        work.stop(State.PARKED, "refused", exc.sentence)
        return False
    work.wrote = True
    work.fresh[kind] = set(plan.write)
    return True


def _note(row: OdooRecord, plan: Plan, there: Mapping[str, Value]) -> None:
    """Keep what was written and what Odoo held, and list what a person has to decide."""
    row.pushed = {**row.pushed, **plan.agreed, **plan.write}
    row.held = {**row.held, **{name: there[name] for name in plan.agreed}, **plan.write}
    row.save()
    settled = OdooConflict.objects.filter(record=row)
    settled.filter(field__in=[*plan.write, *plan.agreed]).delete()
    for name, (ours, theirs) in plan.conflicts.items():
        known = OdooConflict.objects.filter(record=row, field=name).first()
        if known and (known.ours, known.theirs) == (ours, theirs):
            continue
        OdooConflict.objects.update_or_create(
            record=row, field=name,
            defaults={"ours": ours, "theirs": theirs, "choice": Choice.OPEN, "decided_by": "",
                      "decided_at": None},
        )  # fmt: skip


def _forced(row: OdooRecord) -> frozenset[str]:
    chosen = OdooConflict.objects.filter(record=row, choice=Choice.OURS)
    return frozenset(chosen.values_list("field", flat=True))


def kinds_of(connection: OdooConnection, kind: str, names: Any) -> dict[str, str]:
    fields = connection.findings.get("fields", {})
    return {name: kind_of_field(fields, MODELS[kind], name) for name in names}
