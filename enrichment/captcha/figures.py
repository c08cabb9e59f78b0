"""How many pages wait, and what became of those at each source and host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from enrichment.captcha.settled import IN_VAIN
from enrichment.captcha.stop import Walls, walls_of
from enrichment.captcha.tidy import without_challenge
from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import HarvestSource

State = CaptchaChallenge.State
SHOWN = timedelta(days=90)
MOST_HOSTS = 25
ENOUGH = 3  # settled pages of a host before anything is said of it

_COUNTS = {
    "met": Count("pk"),
    "waiting": Count("pk", filter=Q(state__in=CaptchaChallenge.WAITING)),
    "useful": Count("pk", filter=Q(state=State.SOLVED) & ~Q(found="nothing")),
    "empty": Count("pk", filter=Q(state=State.SOLVED, found="nothing")),
    "given_up": Count("pk", filter=Q(state=State.GIVEN_UP)),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """``useful``: passed and something was there; ``empty``: passed in vain."""

    met: int = 0
    waiting: int = 0
    useful: int = 0
    empty: int = 0
    given_up: int = 0

    @property
    def note(self) -> str:
        """What the figures say to whoever decides whether to go on; may be empty."""
        settled = self.useful + self.empty + self.given_up
        if settled < ENOUGH or self.useful:
            return ""
        if self.given_up == settled:
            return "Nobody has passed here yet."
        return "Nothing was ever found here."

    @property
    def is_in_vain(self) -> bool:
        """Whether nobody is sent there any more: see ``settled.is_in_vain``."""
        return not self.useful and self.empty + self.given_up >= IN_VAIN


@dataclass(frozen=True, slots=True)
class OfSource:
    source: HarvestSource
    figures: Figures
    walls: Walls


def waiting_count() -> int:
    """Pages a person is wanted for, those that have no challenge yet included. Two statements."""
    return CaptchaChallenge.objects.waiting().count() + without_challenge().count()


def queue_now(*, now: datetime) -> dict[str, int]:
    """``waiting`` pages, and how many of them are ``in_hand`` at this moment."""
    in_hand = CaptchaChallenge.objects.waiting().filter(state=State.CLAIMED, held_until__gt=now)
    return {"waiting": waiting_count(), "in_hand": in_hand.count()}


def of_hosts(*, now: datetime) -> list[tuple[str, Figures]]:
    """Hosts by walls met in the last 90 days, the most first. One statement."""
    recent = CaptchaChallenge.objects.filter(opened_at__gt=now - SHOWN).exclude(host="")
    counted: Any = recent.values("host").annotate(**_COUNTS)
    most = counted.order_by("-met", "host")[:MOST_HOSTS]
    return [(row.pop("host"), Figures(**row)) for row in most]


def of_sources(*, now: datetime) -> list[OfSource]:
    """Sources that have met a wall in the last 90 days or are paused, by name."""
    recent = CaptchaChallenge.objects.filter(opened_at__gt=now - SHOWN, source__isnull=False)
    rows: Any = recent.values("source").annotate(**_COUNTS).order_by()
    counted = {row.pop("source"): Figures(**row) for row in rows}
    shown = HarvestSource.objects.filter(Q(pk__in=list(counted)) | Q(paused_at__isnull=False))
    return [
        OfSource(source, counted.get(source.pk, Figures()), walls_of(source.pk))
        for source in shown.order_by("name")
    ]
