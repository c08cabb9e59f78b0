"""The card in use, and how a new version of it comes into use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from scoring import default_card
from scoring.cards import parse
from scoring.models import ScoreCard
from tenants import audit
from tenants.models import PipelineRun

NAME = "default"


class StaleCardError(Exception):
    """Somebody else saved a version while this one was being edited."""


def current_card() -> ScoreCard:
    """The tenant's card in use. The first call ever saves the default as version 1."""
    card = ScoreCard.objects.filter(name=NAME, is_current=True).first()
    if card is not None:
        return card
    try:
        with transaction.atomic():
            return ScoreCard.objects.create(
                name=NAME, version=1, payload=default_card.PAYLOAD, created_by="leadgen",
                reason="The points a new tenant starts with.",
            )  # fmt: skip
    except IntegrityError:  # another worker was first
        return ScoreCard.objects.get(name=NAME, is_current=True)


def card_of(run: PipelineRun) -> ScoreCard:
    """The card a run works with: the one its plan names, so that all its batches agree.

    A run without one (started before the plan knew cards) works with the card in use.
    """
    chosen = run.plan.get("card_id")
    return ScoreCard.objects.get(pk=chosen) if chosen else current_card()


@transaction.atomic
def save_card(
    payload: Any, *, actor: str, reason: str, based_on: int, now: datetime | None = None
) -> ScoreCard:
    """Save ``payload`` as the next version and take it into use; older versions stay as they are.

    ``based_on`` is the version the editor began with. The same payload again returns the version
    in use. Raises ``CardError`` with all problems, or ``StaleCardError``. Leads that are open are
    scored anew in the next run.
    """
    parse(payload)
    current = ScoreCard.objects.select_for_update().get(pk=current_card().pk)
    if not current.is_current or current.version != based_on:
        raise StaleCardError(
            f"Version {current.version} was saved meanwhile by {current.created_by}."
            " Reload the page and make your change again."
        )
    if payload == current.payload:
        return current
    current.is_current = False
    current.save(update_fields=["is_current"])
    saved = ScoreCard.objects.create(
        name=NAME, version=current.version + 1, payload=payload, created_by=actor,
        created_at=now or timezone.now(), reason=reason[:500],
    )  # fmt: skip
    audit.record(
        "scoring.card.save", actor=actor, subject=str(saved), before=current.payload,
        after=payload, reason=reason,
    )  # fmt: skip
    return saved
