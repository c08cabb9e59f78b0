"""A source that shows too many walls pauses itself; a person resumes it.

The rule: of the source's last CAPTCHA_STOP_LAST listings that were read, more than
CAPTCHA_STOP_PERCENT of that number were walls. It does not wait for so many to be read: once the
walls are more than that share of them, the rest cannot help.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import HarvestSource, Listing
from tenants import audit
from tenants.clock import database_now

BY_ITSELF = "leadgen"


@dataclass(frozen=True, slots=True)
class Walls:
    """How many of the source's last listings that were read were walls."""

    met: int
    read: int

    @property
    def is_too_many(self) -> bool:
        return self.met * 100 > settings.CAPTCHA_STOP_PERCENT * settings.CAPTCHA_STOP_LAST

    @property
    def sentence(self) -> str:
        return (
            f"{self.met} of its last {self.read} listings stood behind a wall; more than"
            f" {settings.CAPTCHA_STOP_PERCENT} % of {settings.CAPTCHA_STOP_LAST} is too many."
        )


def stop_if_walled(source_id: int, *, now: datetime) -> bool:
    """Pause the source when the rule says so; whether it did. Two statements at most, and an event.

    Its challenges stay in the queue; nothing more is asked of it until somebody resumes it.
    """
    walls = walls_of(source_id)
    if not walls.is_too_many:
        return False
    running = HarvestSource.objects.filter(pk=source_id, paused_at=None)
    if not running.update(paused_at=now, pause_reason=walls.sentence):
        return False
    audit.record("enrichment.source.pause", actor=BY_ITSELF, subject=f"harvest source {source_id}",
                 after={"walls": walls.met, "read": walls.read}, reason=walls.sentence)  # fmt: skip
    return True


@transaction.atomic
def resume_source(source: HarvestSource, *, actor: str, now: datetime | None = None) -> bool:
    """Let a paused source be asked again; False when it is not paused. Walls count from now on."""
    row = HarvestSource.objects.select_for_update().get(pk=source.pk)
    if row.paused_at is None:
        return False
    HarvestSource.objects.filter(pk=row.pk).update(
        paused_at=None, pause_reason="", walls_counted_from=now or database_now()
    )
    audit.record(
        "enrichment.source.resume", actor=actor, subject=f"harvest source {row.pk}",
        before={"paused_at": row.paused_at.isoformat(), "reason": row.pause_reason},
    )  # fmt: skip
    return True


def walls_of(source_id: int) -> Walls:
    """The last listings of the source since it was last resumed. One statement."""
    challenges = CaptchaChallenge.objects.filter(listing=OuterRef("pk"))
    since = HarvestSource.objects.filter(
        pk=source_id, walls_counted_from__gt=OuterRef("retrieved_at")
    )
    rows = Listing.objects.filter(~Exists(since), source=source_id)
    rows = rows.annotate(wall=Exists(challenges))
    read = rows.filter(~Q(outcome=Listing.Outcome.FOUND) | Q(wall=True))
    last = read.order_by("-retrieved_at", "-pk").values_list("wall", flat=True)
    shown = list(last[: settings.CAPTCHA_STOP_LAST])
    return Walls(sum(shown), len(shown))
