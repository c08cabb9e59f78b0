"""Take some leads in hand for Odoo, keep them, and say whose they still are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from icp.models import lease_time
from odoo_sync.models import OdooAttempt, OdooPush
from tenants.clock import database_now
from tenants.context import connection
from tenants.process_name import process_name

State = OdooPush.State


def claim(connection_id: int, *, count: int, run_id: int | None = None) -> list[OdooPush]:
    """Up to ``count`` leads whose time has come, or whose worker is gone; longest waiting first.

    One that took others with it before is taken alone. Others pass them by while the lease holds.
    """
    with transaction.atomic():
        now = database_now()
        due = Q(state=State.WAITING, not_before__lte=now)
        lost = Q(state=State.SENDING, held_until__lt=now)
        waiting = OdooPush.objects.filter(due | lost, connection_id=connection_id)
        if run_id is not None:
            waiting = waiting.filter(run_id=run_id)
        ordered = waiting.order_by("attempts", "not_before", "pk")
        found = list(ordered.select_for_update(skip_locked=True, of=("self",))[:count])
        if found and found[0].attempts:
            found = found[:1]
        found = [push for push in found if not push.attempts or push is found[0]]
        changes: dict[str, Any] = {"state": State.SENDING, "held_until": now + lease_time(),
                                   "held_by": process_name()}  # fmt: skip
        mine = OdooPush.objects.filter(pk__in=[push.pk for push in found])
        mine.update(lease=F("lease") + 1, **changes)
    for push in found:
        push.lease += 1
        for name, value in changes.items():
            setattr(push, name, value)
    return found


_KEEP = """
UPDATE odoo_sync_odoopush p
SET held_until = clock_timestamp() + %(lease)s,
    asked_at = CASE WHEN %(asks)s THEN clock_timestamp() ELSE p.asked_at END
FROM unnest(%(ids)s::bigint[], %(leases)s::int[]) AS mine (id, lease)
WHERE p.id = mine.id AND p.lease = mine.lease AND p.state = 'SENDING'
RETURNING p.id
"""


def keep(pushes: Sequence[OdooPush], *, asks: bool = False) -> set[int]:
    """Begin the lease anew; the numbers of those that are still ours. One statement.

    ``asks``: Odoo is about to be asked to make something of them, which is noted with the time.
    """
    mine = {"ids": [push.pk for push in pushes], "leases": [push.lease for push in pushes],
            "lease": lease_time(), "asks": asks}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, mine)
        return {pk for (pk,) in cursor.fetchall()}


def settle(push: OdooPush, state: str, *, result: str = "", **changes: Any) -> bool:
    """End this claim in ``state``; False, and nothing changed, when somebody else has it now."""
    values = {"state": state, "held_until": None, "held_by": "", **changes}
    settled = OdooPush.objects.of_claims([push]).update(**values)
    if settled:
        for name, value in values.items():
            setattr(push, name, value)
        if result:
            OdooAttempt.objects.create(
                push=push, result=result, sentence=str(changes.get("sentence") or "")[:500]
            )
    return bool(settled)


def stop(push: OdooPush, state: str, code: str, sentence: str) -> bool:
    """Park it, leave it alone or refuse it, with the reason an operator reads."""
    return settle(push, state, result=str(state), code=code[:40], sentence=sentence[:500])
