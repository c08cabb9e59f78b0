"""Compare two runs: who entered the shortlist, who left, who moved, and why.

Every move has a cause. Causes come from what the runs left behind (scores, lines, cards, entries,
withheld leads), never from a guess; what remains when nothing about the lead changed is the company
it competes with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from icp.models import Lead
from scoring.catalogue import FEATURES, words
from scoring.features import RULE
from scoring.models import LeadScore, ScoreLine, Shortlist, ShortlistEntry

SHOWN = 500  # moves of scores beyond the shortlists that a comparison carries


@dataclass(frozen=True, slots=True)
class LineChange:
    """One line of the invoice that differs: points and the input, before and after."""

    key: str
    label: str
    points_before: int
    points_after: int
    input_before: str
    input_after: str

    def __str__(self) -> str:
        before, now = (f"{n:+d}" if n else "0" for n in (self.points_before, self.points_after))
        what = f"{self.label}: {before} before, {now} now"
        if self.input_before == self.input_after:
            return f"{what} (the input is the same: {self.input_after})"
        return f"{what} ({self.input_before} → {self.input_after})"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why: a code that never is "unknown", and a sentence."""

    code: str
    sentence: str


@dataclass(slots=True)
class Move:
    """One lead that entered, left or moved."""

    lead_id: int
    name: str
    uen: str
    rank_before: int | None
    rank_after: int | None
    score_before: int | None
    score_after: int | None
    causes: list[Cause] = field(default_factory=list)
    lines: list[LineChange] = field(default_factory=list)


@dataclass(slots=True)
class Comparison:
    """What changed from ``before`` to ``after``. ``same`` counts entries with an equal rank."""

    before: Shortlist
    after: Shortlist
    entered: list[Move]
    left: list[Move]
    moved: list[Move]
    same: int
    rescored: list[Move]
    rescored_count: int

    def moves(self) -> Iterable[Move]:
        return (*self.entered, *self.left, *self.moved, *self.rescored)


@dataclass(slots=True)
class _Side:
    """One run's shortlist and the scores that stood when it ended, for some leads."""

    shortlist: Shortlist
    entries: dict[int, ShortlistEntry]
    leads: dict[int, Lead] = field(default_factory=dict)
    scores: dict[int, LeadScore] = field(default_factory=dict)
    lines: dict[int, dict[str, ScoreLine]] = field(default_factory=dict)

    @classmethod
    def of(cls, shortlist: Shortlist) -> _Side:
        entries = ShortlistEntry.objects.filter(shortlist=shortlist)
        return cls(shortlist, {entry.lead_id: entry for entry in entries})

    def read(self, leads: dict[int, Lead]) -> None:
        """The scores of ``leads`` as this run left them: the newest of this or an earlier run."""
        self.leads = leads
        rows = LeadScore.objects.filter(lead__in=list(leads), run_id__lte=self.shortlist.run_id)
        newest = rows.order_by("lead_id", "-run_id").distinct("lead_id").select_related("card")
        self.scores = {score.lead_id: score for score in newest}
        by_score = {score.pk: score.lead_id for score in self.scores.values()}
        for line in ScoreLine.objects.filter(score__in=by_score).order_by("score_id", "position"):
            self.lines.setdefault(by_score[line.score_id], {})[line.key] = line

    def total(self, lead: int) -> int | None:
        return self.scores[lead].total if lead in self.scores else None

    def place(self, lead: int) -> tuple[int, bool, str, str, str]:
        """Sorts as ``scoring.shortlist`` ranks."""
        score, of = self.scores[lead], self.leads[lead]
        fit = score.features.get("fit") != Lead.Fit.MEETS
        return (-score.total, fit, of.uen, of.source, of.source_ref)

    def rank(self, lead: int) -> int | None:
        return self.entries[lead].rank if lead in self.entries else None


def compare(before: Shortlist, after: Shortlist) -> Comparison:
    """The moves between two shortlists, and the leads scored differently beside them.

    Reads with a fixed number of statements. ``rescored`` holds at most ``SHOWN`` leads that stand
    on neither list, largest change first; ``rescored_count`` says how many there are.
    """
    old, new = _Side.of(before), _Side.of(after)
    listed = {*old.entries, *new.entries}
    beside, count = _rescored(before, after, listed)
    leads = Lead.objects.in_bulk({*listed, *beside})
    for side in (old, new):
        side.read(leads)
    moves = {pk: _move(lead, old, new) for pk, lead in leads.items()}
    entered = [moves[pk] for pk in new.entries if pk not in old.entries]
    left = [moves[pk] for pk in old.entries if pk not in new.entries]
    both = [moves[pk] for pk in new.entries if pk in old.entries]
    moved = [move for move in both if move.rank_before != move.rank_after]
    return Comparison(
        before=before,
        after=after,
        entered=sorted(entered, key=lambda move: move.rank_after or 0),
        left=sorted(left, key=lambda move: move.rank_before or 0),
        moved=sorted(moved, key=lambda move: move.rank_after or 0),
        same=len(both) - len(moved),
        rescored=[moves[pk] for pk in beside],
        rescored_count=count,
    )


def _rescored(before: Shortlist, after: Shortlist, listed: set[int]) -> tuple[list[int], int]:
    """Leads on neither list whose total differs between the runs, and how many they are."""
    fresh = LeadScore.objects.filter(run_id__gt=before.run_id, run_id__lte=after.run_id)
    newest = fresh.order_by("lead_id", "-run_id").distinct("lead_id")
    now = dict(newest.exclude(lead__in=listed).values_list("lead_id", "total"))
    old = LeadScore.objects.filter(lead__in=now, run_id__lte=before.run_id)
    then = dict(
        old.order_by("lead_id", "-run_id").distinct("lead_id").values_list("lead_id", "total")
    )
    changed = [pk for pk in then if then[pk] != now[pk]]
    changed.sort(key=lambda pk: (-abs(now[pk] - then[pk]), pk))
    return changed[:SHOWN], len(changed)


def _move(lead: Lead, old: _Side, new: _Side) -> Move:
    move = Move(
        lead_id=lead.pk,
        name=lead.name,
        uen=lead.uen,
        rank_before=old.rank(lead.pk),
        rank_after=new.rank(lead.pk),
        score_before=old.total(lead.pk),
        score_after=new.total(lead.pk),
    )
    move.lines = _line_changes(lead.pk, old, new)
    move.causes = list(_causes(lead, move, old, new))
    return move


def _line_changes(lead: int, old: _Side, new: _Side) -> list[LineChange]:
    if lead not in old.scores or lead not in new.scores:
        return []
    then, now = old.lines.get(lead, {}), new.lines.get(lead, {})
    found = []
    for key in dict.fromkeys([*now, *then]):
        points_before, points_after = (
            side[key].points if key in side else 0 for side in (then, now)
        )
        if points_before == points_after:
            continue
        label = (now.get(key) or then[key]).label
        saw = _input(old, lead, key, new), _input(new, lead, key, old)
        found.append(LineChange(key, label, points_before, points_after, *saw))
    return sorted(found, key=lambda line: -abs(line.points_after - line.points_before))


def _input(side: _Side, lead: int, key: str, other: _Side) -> str:
    """What the rule saw in words; a rule that is not on this side's card is named as that."""
    score = side.scores[lead]
    for card in (score.card, other.scores[lead].card):
        rule = next((rule for rule in card.payload["rules"] if rule["key"] == key), None)
        if rule and rule["feature"] in FEATURES:
            return words(rule["feature"], score.features.get(rule["feature"]))
    return "follows from the other lines"  # base, cap and clamp


def _causes(lead: Lead, move: Move, old: _Side, new: _Side) -> Iterable[Cause]:
    """At least one cause for each lead whose place changed or whose score did."""
    gone = _why_not_competing(lead, old, new) if move.rank_after is None else None
    if gone is not None and move.rank_before is not None:
        yield gone
        return
    changes = list(_score_causes(lead, move, old, new))
    yield from changes
    if move.rank_before != move.rank_after:
        yield from _place_causes(lead, move, old, new, changed=bool(changes))


def _score_causes(lead: Lead, move: Move, old: _Side, new: _Side) -> Iterable[Cause]:
    if move.score_before is None:
        yield Cause("NEW", f"Scored for the first time: {move.score_after} points.")
        return
    then, now = old.scores[lead.pk], new.scores[lead.pk]
    if then.pk == now.pk:
        return
    if then.card_id != now.card_id and move.lines:
        yield Cause("CARD", f"The score card changed from {then.card} to {now.card}.")
    if then.features.get(RULE) != now.features.get(RULE):
        names = [side.features.get(RULE) or "none" for side in (then, now)]
        yield Cause("ICP_RULE", f"The ICP rule changed from {names[0]} to {names[1]}.")
    for line in move.lines:
        if line.input_before != line.input_after:
            yield Cause("INPUT", str(line))
        elif not line.key.startswith("_"):
            yield Cause("POINTS", str(line))


def _place_causes(
    lead: Lead, move: Move, old: _Side, new: _Side, *, changed: bool
) -> Iterable[Cause]:
    if old.shortlist.cap != new.shortlist.cap and None in (move.rank_before, move.rank_after):
        yield Cause(
            "CAP", f"The cap changed from {old.shortlist.cap} to {new.shortlist.cap} places."
        )
    if move.rank_after is None:
        last = max(new.entries.values(), key=lambda entry: entry.rank, default=None)
        if last is not None and last.lead_id in new.scores:
            yield Cause(
                "OVERTAKEN",
                f"The last place went to {new.scores[last.lead_id].total} points"
                f" (it has {move.score_after}; ties go by rule).",
            )
        return
    if changed and move.rank_before is None:
        return
    if move.rank_before is None:
        yield Cause("PLACE_FREED", _freed(lead, old))
        return
    came, went = _passed(lead.pk, old, new)
    if came:
        yield Cause(
            "OVERTAKEN", f"{came} {_leads(came)} from below or from off the list came above it."
        )
    if went:
        yield Cause("OTHERS_LEFT", f"{went} {_leads(went)} that stood above it fell below or left.")


def _freed(lead: Lead, old: _Side) -> str:
    if lead.pk in old.shortlist.withheld:
        return "It was suppressed then and is not any more."
    if old.entries and len(old.entries) >= old.shortlist.cap:
        return "Its score is the same; leads that stood above it no longer take their places."
    return "It did not compete then: it was being worked on or not open when the list was made."


def _passed(lead: int, old: _Side, new: _Side) -> tuple[int, int]:
    """How many leads came above ``lead``, and how many that stood above do no more."""
    above_then = {pk for pk, e in old.entries.items() if e.rank < old.entries[lead].rank}
    above_now = {pk for pk, e in new.entries.items() if e.rank < new.entries[lead].rank}
    return len(above_now - above_then), len(above_then - above_now)


def _why_not_competing(lead: Lead, old: _Side, new: _Side) -> Cause | None:
    """Why a lead has no place although it might have earned one; None if it simply ranked lower."""
    entry = old.entries.get(lead.pk)
    if lead.pk in new.shortlist.withheld:
        return Cause("SUPPRESSED", "It was suppressed when the list was made.")
    if entry is not None and entry.decision != "OPEN":
        how = entry.get_decision_display().lower()
        why = f": {entry.decision_reason}" if entry.decision_reason else ""
        return Cause(entry.decision, f"It was {how} by {entry.decided_by}{why}.")
    if lead.stage == Lead.Stage.REJECTED:
        return Cause("REJECTED", f"It was rejected: {lead.rejection_reason}")
    if _would_rank(lead, new):
        return Cause("NOT_COMPETING", "It was being worked on again when the list was made.")
    return None


def _would_rank(lead: Lead, side: _Side) -> bool:
    """Whether the lead's score of that run would have earned a place, had it competed."""
    if lead.pk not in side.scores:
        return False
    if len(side.entries) < side.shortlist.cap:
        return True
    return side.place(lead.pk) < max(side.place(listed) for listed in side.entries)


def _leads(count: int) -> str:
    return "lead" if count == 1 else "leads"


def as_json(move: Move) -> dict[str, Any]:
    """A move for the API and for files."""
    return {
        "lead_id": move.lead_id, "name": move.name, "uen": move.uen,
        "rank": [move.rank_before, move.rank_after],
        "score": [move.score_before, move.score_after],
        "causes": [{"code": cause.code, "sentence": cause.sentence} for cause in move.causes],
    }  # fmt: skip
