"""What a changed card would do, before it is saved: buckets, who changes, who enters and leaves.

Works on the inputs the standing scores were computed from, so the next run with the same evidence
and day gives exactly what was shown. Nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from icp.models import Lead
from scoring.cards import Card, parse
from scoring.models import LeadScore
from scoring.shortlist import competing
from scoring.weigh import total_of
from scoring.withhold import withheld

MOST_LEADS = 10_000
EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One lead before and after."""

    lead_id: int
    name: str
    uen: str
    total_before: int
    total_after: int
    bucket_before: str
    bucket_after: str


@dataclass(slots=True)
class Preview:
    """The outcome. Counts are complete; the lists of changes hold the largest ``EXAMPLES``.

    ``enter`` and ``leave`` compare with the shortlist as the present card would make it now, so
    that they show the change of the card alone; ``shortlist`` is the whole set in rank order.
    """

    leads: int = 0
    is_partial: bool = False
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    histogram_before: list[int] = field(default_factory=list)
    histogram_after: list[int] = field(default_factory=list)
    rescored: int = 0
    rebucketed: int = 0
    moves: dict[str, int] = field(default_factory=dict)  # "LOW → HIGH" -> leads
    examples: list[Change] = field(default_factory=list)
    enter: list[Change] = field(default_factory=list)
    leave: list[Change] = field(default_factory=list)
    shortlist: list[int] = field(default_factory=list)
    best_possible: int = 0


def preview(payload: Any, *, cap: int) -> Preview:
    """What saving ``payload`` would change for the open leads. Raises ``CardError``.

    Looks at the ``MOST_LEADS`` open leads with the highest scores and says so when there are more.
    Costs about a second for 10,000 leads.
    """
    card = parse(payload)
    standing = list(_standing())
    found = Preview(leads=len(standing), best_possible=card.best_possible)
    found.is_partial = found.leads == MOST_LEADS and competing().count() > MOST_LEADS
    changes = {
        lead.pk: _change(lead, card, total_of(card, features)) for lead, features in standing
    }
    _count(found, card, list(changes.values()))
    _compare_lists(found, [lead for lead, _ in standing], changes, cap=cap)
    return found


def _standing() -> Iterable[tuple[Lead, dict[str, Any]]]:
    """The open leads with the inputs their standing scores were computed from."""
    best = competing().order_by("-score", "uen", "pk")[:MOST_LEADS]
    columns = ("name", "uen", "source", "source_ref", "fit", "score", "bucket")
    rows = {lead.pk: lead for lead in best.only(*columns)}
    scores = LeadScore.objects.filter(lead__in=best.values("pk")).order_by("lead_id", "-run_id")
    for lead, features in scores.distinct("lead_id").values_list("lead_id", "features"):
        if lead in rows:  # else it was scored between the two statements
            yield rows[lead], features


def _change(lead: Lead, card: Card, total: int) -> Change:
    return Change(
        lead.pk, lead.name, lead.uen, lead.score or 0, total, lead.bucket, card.bucket_of(total)
    )


def _count(found: Preview, card: Card, changes: list[Change]) -> None:
    found.before = _distribution((change.bucket_before for change in changes), [])
    found.after = _distribution(
        (change.bucket_after for change in changes), [bucket.name for bucket in card.buckets]
    )
    found.histogram_before = _histogram(change.total_before for change in changes)
    found.histogram_after = _histogram(change.total_after for change in changes)
    found.rescored = sum(change.total_before != change.total_after for change in changes)
    moved = [change for change in changes if change.bucket_before != change.bucket_after]
    found.rebucketed = len(moved)
    pairs = Counter(f"{change.bucket_before} → {change.bucket_after}" for change in moved)
    found.moves = dict(pairs.most_common())
    moved.sort(key=lambda change: (-abs(change.total_after - change.total_before), change.uen))
    found.examples = moved[:EXAMPLES]


def _compare_lists(
    found: Preview, leads: list[Lead], changes: dict[int, Change], *, cap: int
) -> None:
    then = _listed(leads, {pk: change.total_before for pk, change in changes.items()}, cap=cap)
    now = _listed(leads, {pk: change.total_after for pk, change in changes.items()}, cap=cap)
    found.shortlist = now
    stays = set(then) & set(now)
    found.enter = [changes[pk] for pk in now if pk not in stays]
    found.leave = [changes[pk] for pk in then if pk not in stays]


def _listed(leads: list[Lead], totals: dict[int, int], *, cap: int) -> list[int]:
    """The shortlist these totals would make: the order of ``scoring.shortlist``, in memory."""
    ranked = sorted(
        leads,
        key=lambda lead: (-totals[lead.pk], lead.fit != Lead.Fit.MEETS, lead.uen, lead.source,
                          lead.source_ref),
    )  # fmt: skip
    chosen: list[int] = []
    while ranked and len(chosen) < cap:
        asked, ranked = ranked[: cap - len(chosen)], ranked[cap - len(chosen) :]
        out = withheld([lead.pk for lead in asked])
        chosen += [lead.pk for lead in asked if lead.pk not in out]
    return chosen


def _distribution(buckets: Iterable[str], names: list[str]) -> dict[str, int]:
    counts = Counter(buckets)
    return {name: counts[name] for name in dict.fromkeys([*names, *sorted(counts)])}


def _histogram(totals: Iterable[int]) -> list[int]:
    """Leads per ten points: 0-9, 10-19, ..., 90-100."""
    bars = [0] * 10
    for total in totals:
        bars[min(total // 10, 9)] += 1
    return bars
