"""Take a harvest for a while: one worker reads it, others pass it by, and a dead one loses it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest

from enrichment.harvest_models import HarvestRequest, HarvestSource
from icp.models import lease_time
from tenants import audit
from tenants.clock import database_now
from tenants.process_name import process_name

Status = HarvestRequest.Status
ACTOR: Final = "harvest"


def due(*, now: datetime) -> QuerySet[HarvestRequest]:
    """Harvests that a worker may take now: nobody holds them, nothing tells them to wait."""
    return HarvestRequest.objects.filter(
        Q(held_until=None) | Q(held_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        status__in=HarvestRequest.OPEN, paused_at=None,
        source__is_enabled=True, source__paused_at=None,
    )  # fmt: skip


@transaction.atomic
def claim(request_id: int) -> HarvestRequest | None:
    """The harvest, PROCESSING and held by this process; None when it is not to be had now.

    Each claim has a number (``lease``), which every later write asks for. ``attempts`` counts
    claims until one of them gets on.
    """
    now = database_now()
    waiting = due(now=now).filter(pk=request_id)
    request = waiting.select_for_update(skip_locked=True, of=("self",)).first()
    if request is None:
        return None
    is_new = request.status == Status.PENDING
    HarvestRequest.objects.filter(pk=request.pk).update(
        lease=F("lease") + 1, attempts=F("attempts") + 1, held_until=now + lease_time(),
        held_by=process_name(), status=Status.PROCESSING, not_before=None,
        started_at=request.started_at or now,
    )  # fmt: skip
    if is_new:
        audit.record(
            "enrichment.begin_harvest", actor=ACTOR, subject=f"harvest {request.pk}",
            before={"status": Status.PENDING}, after={"status": Status.PROCESSING},
        )  # fmt: skip
    return HarvestRequest.objects.select_related("source").get(pk=request.pk)


def mine(request: HarvestRequest) -> QuerySet[HarvestRequest]:
    """The row while this claim still holds it and nobody has paused or ended it."""
    return HarvestRequest.objects.filter(
        pk=request.pk, lease=request.lease, status=Status.PROCESSING, paused_at=None
    )


def hold_longer(request: HarvestRequest) -> bool:
    """Begin the lease anew; False when the harvest is another's, paused or ended by now."""
    source = HarvestSource.objects.filter(pk=request.source_id, is_enabled=True, paused_at=None)
    if not source.exists():
        return False
    return bool(mine(request).update(held_until=database_now() + lease_time()))


def let_go(request: HarvestRequest, **changes: Any) -> bool:
    """Give the harvest back; whether it was still ours. A pause in the meantime stays."""
    held = HarvestRequest.objects.filter(pk=request.pk, lease=request.lease)
    return bool(held.update(held_until=None, held_by="", **changes))


def free_harvests(name: str, *, blamed: bool) -> int:
    """Free what the dead process, or group of them, called ``name`` held; returns how many.

    A claim counts against what was in hand only when the death may be its fault (``blamed``).
    """
    theirs = Q(held_by=name) | Q(held_by__startswith=f"{name}:")
    held = HarvestRequest.objects.filter(theirs, held_until__isnull=False)
    attempts = F("attempts") if blamed else Greatest(F("attempts") - 1, 0)
    return held.update(held_until=None, held_by="", attempts=attempts)


@transaction.atomic
def end(request: HarvestRequest, status: Status, *, sentence: str) -> bool:
    """COMPLETED or FAILED, with how it ended in a sentence; whether it was still ours to end."""
    fields: dict[str, Any] = {"ending": sentence[:300]}
    if status == Status.FAILED:
        fields["error"] = sentence[:500]
    ended = mine(request).update(
        status=status, finished_at=database_now(), held_until=None, held_by="", attempts=0,
        troubles=0, not_before=None, **fields,
    )  # fmt: skip
    if ended:
        audit.record(
            "enrichment.end_harvest", actor=ACTOR, subject=f"harvest {request.pk}",
            before={"status": Status.PROCESSING}, after={"status": status}, reason=sentence,
        )  # fmt: skip
    return bool(ended)
