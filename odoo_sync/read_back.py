"""Read back what became of leads in Odoo: stage, won or lost, salesperson, last activity.

Each change is kept as a labelled outcome beside the score the lead went with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway
from odoo_sync.mapping import LEAD, MODELS
from odoo_sync.models import OdooConnection, OdooOutcome, OdooPush, OdooRecord
from odoo_sync.update import closed_because, won_stages
from odoo_sync.update_rows import update_rows
from tenants.clock import database_now

EVERY = timedelta(hours=1)
CHUNK = 200
FIELDS = ["stage_id", "active", "probability", "user_id", "write_date", "date_last_stage_update"]
_KEPT = ("stage_there", "outcome", "salesperson", "active_there_at", "read_at")
_SAID = ("stage_there", "outcome", "salesperson")


def read_back(connection: OdooConnection, gateway: Gateway) -> int:
    """Read all leads that are there; returns of how many something changed. Writes nothing there.

    A request for 200 leads. A second time without changes there, nothing changes here either.
    Raises ``OdooError``; what was read until then is kept.
    """
    won = won_stages(gateway)
    rows = OdooRecord.objects.filter(push__connection=connection, kind=LEAD, odoo_id__isnull=False)
    known = [(number, push_id) for number, push_id in
             rows.order_by("pk").values_list("odoo_id", "push_id") if number]  # fmt: skip
    changed = 0
    for start in range(0, len(known), CHUNK):
        chunk = known[start : start + CHUNK]
        there = calls.read(gateway, MODELS[LEAD], ids=[each for each, _ in chunk], fields=FIELDS)
        pushes = OdooPush.objects.in_bulk([push_id for _, push_id in chunk])
        changed += _note([(pushes[push_id], there.get(number)) for number, push_id in chunk],
                         won=won, now=database_now())  # fmt: skip
    OdooConnection.objects.filter(pk=connection.pk).update(read_at=database_now())
    return changed


def _note(
    pairs: Sequence[tuple[OdooPush, Mapping[str, Any] | None]], *, won: set[int], now: datetime
) -> int:
    outcomes, seen = [], []
    for push, row in pairs:
        if row is None:
            continue  # deleted there: the next push finds out and says so
        said = _said(row, won)
        if any(getattr(push, name) != said[name] for name in _SAID):
            outcomes.append(OdooOutcome(
                push=push, at=now, outcome=said["outcome"], stage=said["stage_there"],
                salesperson=said["salesperson"], score=push.pushed_score, bucket=push.pushed_bucket,
            ))  # fmt: skip
        for name, value in {**said, "read_at": now}.items():
            setattr(push, name, value)
        seen.append(push)
    update_rows(seen, _KEPT)
    OdooOutcome.objects.bulk_create(outcomes)
    return len(outcomes)


def _said(row: Mapping[str, Any], won: set[int]) -> dict[str, Any]:
    over = closed_because(row, won)
    moments = [
        at for name in ("write_date", "date_last_stage_update") if (at := _moment(row[name]))
    ]
    return {
        "stage_there": _name(row["stage_id"])[:100],
        "salesperson": _name(row["user_id"])[:150],
        # Archived with a chance left is neither: it was put away.
        "outcome": {"won": "WON", "lost": "LOST"}.get(over, "OPEN"),
        "active_there_at": max(moments, default=None),
    }


def _name(link: Any) -> str:
    return str(link[1]) if isinstance(link, list | tuple) and len(link) > 1 else ""


def _moment(text: Any) -> datetime | None:
    """Odoo's moments are UTC without saying so."""
    try:
        return datetime.strptime(str(text)[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
