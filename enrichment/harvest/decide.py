"""Pause, resume and cancel harvests, by a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from enrichment.harvest_models import HarvestRequest
from tenants import audit

Status = HarvestRequest.Status


class DecisionError(Exception):
    """The harvest is not in a state that allows this; the sentence says which it is in."""


def pause(request: HarvestRequest, *, actor: str, reason: str, now: datetime) -> None:
    """Ask the source nothing more until it is resumed; what is in hand is ended."""
    _change(request, "pause", actor=actor, reason=reason, paused_at=now)


def resume(request: HarvestRequest, *, actor: str, reason: str = "") -> None:
    """Go on where it was paused."""
    _change(request, "resume", actor=actor, reason=reason, paused_at=None, not_before=None)


def cancel(request: HarvestRequest, *, actor: str, reason: str, now: datetime) -> None:
    """End it for good. Leads it made stay; what was only found another harvest may take."""
    _change(
        request, "cancel", actor=actor, reason=reason, status=Status.CANCELLED, finished_at=now,
        ending=f"Cancelled by {actor}."[:300], held_until=None, held_by="", not_before=None,
    )  # fmt: skip


@transaction.atomic
def _change(
    request: HarvestRequest, verb: str, *, actor: str, reason: str, **fields: Any
) -> None:  # fmt: skip
    locked = HarvestRequest.objects.select_for_update().get(pk=request.pk)
    _refuse(locked, verb)
    before = {"status": locked.status, "paused": locked.paused_at is not None}
    HarvestRequest.objects.filter(pk=locked.pk).update(**fields)
    request.refresh_from_db()
    audit.record(
        f"enrichment.{verb}_harvest", actor=actor, subject=f"harvest {request.pk}", before=before,
        after={"status": request.status, "paused": request.paused_at is not None}, reason=reason,
    )  # fmt: skip


def _refuse(request: HarvestRequest, verb: str) -> None:
    if request.status not in HarvestRequest.OPEN:
        word = request.get_status_display().lower()
        raise DecisionError(f"Nothing changed: the harvest is {word}.")
    if verb == "pause" and request.paused_at is not None:
        raise DecisionError("Nothing changed: the harvest is paused.")
    if verb == "resume" and request.paused_at is None:
        raise DecisionError("Nothing changed: the harvest is not paused.")
