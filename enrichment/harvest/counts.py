"""How far a harvest is, in numbers that add up: met = became a lead + each other outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count

from enrichment.harvest_models import HarvestRequest, Listing

Outcome = Listing.Outcome


@dataclass(frozen=True, slots=True)
class Progress:
    """Entries of one harvest. ``waiting``: found and not read yet; in an ended one, left over.

    ``met`` = taken + duplicate + walled + suppressed + refused + waiting. ``met_again`` are
    entries of earlier harvests, which are not among them. ``reasons``: code -> entries not taken.
    """

    wanted: int
    met: int = 0
    taken: int = 0
    duplicate: int = 0
    walled: int = 0
    suppressed: int = 0
    refused: int = 0
    waiting: int = 0
    met_again: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def percent(self) -> int:
        """Of the leads wanted."""
        return min(100 * self.taken // self.wanted, 100)


def progress_of(requests: Sequence[HarvestRequest]) -> dict[int, Progress]:
    """The progress of each, by id. One statement for all."""
    ids = [request.pk for request in requests]
    rows = (Listing.objects.filter(request__in=ids).order_by()
            .values_list("request_id", "outcome", "code").annotate(count=Count("pk")))  # fmt: skip
    outcomes: dict[int, Counter[str]] = {pk: Counter() for pk in ids}
    reasons: dict[int, Counter[str]] = {pk: Counter() for pk in ids}
    for pk, outcome, code, count in rows:
        outcomes[pk][outcome] += count
        if code and outcome != Outcome.TAKEN:
            reasons[pk][code] += count
    return {
        request.pk: _progress(request, outcomes[request.pk], reasons[request.pk])
        for request in requests
    }


def _progress(
    request: HarvestRequest, outcomes: Counter[str], reasons: Counter[str]
) -> Progress:  # fmt: skip
    return Progress(
        wanted=request.wanted, met=outcomes.total(), taken=outcomes[Outcome.TAKEN],
        duplicate=outcomes[Outcome.DUPLICATE], walled=outcomes[Outcome.WALLED],
        suppressed=outcomes[Outcome.SUPPRESSED], refused=outcomes[Outcome.REFUSED],
        waiting=outcomes[Outcome.FOUND], met_again=request.met_again,
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )  # fmt: skip
