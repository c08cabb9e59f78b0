"""A run's counts as rows of a funnel; each number opens the list that has exactly that many leads.

A number whose leads have moved on since (a later run took them) is shown without a link rather
than with one that opens a different number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db.models import Count

from icp.models import Lead
from leadgen_project.console.pages import LEADS, link
from leadgen_project.reason_words import reason_words
from tenants.models import PipelineRun

STAGES = {  # stage -> what it does, and what has become of whom it is done with
    "normalise": ("Look at the register", "rows readable"),
    "select": ("Select companies", "taken this night"),
    "enrich": ("Visit their web sites", "finished"),
    "search": ("Search for missing sites", "done with"),
    "read": ("Let a language model read", "done with"),
    "people": ("Look for people", "done with"),
    "verify": ("Verify addresses", "done with"),
    "score": ("Score", "scored"),
    "shortlist": ("Make the shortlist", "on the shortlist"),
    "explain": ("Let a language model say why", "done with"),
    "export": ("Write the files", "in the files"),
    "tidy": ("Let go of old pages", "pages let go"),
    "sync": ("Send to Odoo", "in Odoo"),
}
BEST_FIRST = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}  # JSON kept in the database has no order
FACTS = {  # further figures of a stage worth a line
    "new": "new",
    "returned": "came back",
    "changed": "changed",
    "left": "left the rule",
    "ceased": "ceased",
    "suppressed": "suppressed",
    "meets": "meet the rule",
    "unknown": "might meet it",
}
CACHE_SECONDS = 30
PASSED_ENRICHING = (Lead.Stage.ENRICHED, Lead.Stage.SCORED, Lead.Stage.SHORTLISTED)


@dataclass(frozen=True, slots=True)
class Part:
    """One number of a row: ``link`` is empty when no list has exactly these leads."""

    label: str
    count: int
    kind: str  # done, rejected, held or waiting: its colour
    link: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One stage. ``taken_in`` is the sum of the parts whenever ``adds_up``."""

    name: str
    label: str
    state: str  # done, busy or due
    taken_in: int
    parts: list[Part] = field(default_factory=list)
    seconds: float | None = None
    note: str = ""

    @property
    def adds_up(self) -> bool:
        return self.taken_in == sum(part.count for part in self.parts)


def funnel(run: PipelineRun, *, reports: dict[str, dict[str, Any]]) -> list[Row]:
    """The rows of ``run`` in the order of the night. Two queries, whatever the number of leads.

    ``reports`` are the counts per stage: of an open run those of ``pipeline.tally_now``.
    """
    lists = _Lists(run)
    return [_row(name, run, reports.get(name, {}), lists) for name in STAGES]


def _row(name: str, run: PipelineRun, report: dict[str, Any], lists: _Lists) -> Row:
    label, done_words = STAGES[name]
    state = "busy" if run.is_open and run.stage == name else ("done" if report else "due")
    parts = []
    if report:
        done = report.get("done", 0)
        parts.append(Part(done_words, done, "done", lists.done(name, done)))
        for kind in ("rejected", "held"):
            for code, count in report.get(kind, {}).items():
                parts.append(
                    Part(reason_words(code), count, kind, lists.put_aside(name, code, count))
                )
        waiting = report.get("waiting", 0)
        if waiting:
            parts.append(Part("waiting", waiting, "waiting", lists.waiting(name, waiting)))
    return Row(name, label, state, report.get("in", 0), parts, report.get("seconds"), _note(report))


def _note(report: dict[str, Any]) -> str:
    figures = [f"{report[key]:,} {words}" for key, words in FACTS.items() if report.get(key)]
    counted = sorted(report.get("buckets", {}).items(), key=lambda one: BEST_FIRST.get(one[0], 9))
    buckets = [f"{n:,} {bucket.lower()}" for bucket, n in counted]
    return ", ".join(figures + buckets)


def _counted(run: PipelineRun) -> tuple[dict[str, int], dict[str, int]]:
    """Leads of the run by stage, and the rejected ones by reason; kept a while once it is over.

    Two questions, so that the index on (run, stage) alone answers the first: 25 ms for a run of
    200,000 leads.
    """
    key = f"funnel-{run.pk}"
    known: tuple[dict[str, int], dict[str, int]] | None = None if run.is_open else cache.get(key)
    if known is None:
        mine = Lead.objects.filter(run_id=run.pk).order_by()
        stages = dict(mine.values_list("stage").annotate(n=Count("*")))
        rejected = mine.filter(stage=Lead.Stage.REJECTED).values_list("rejection_code")
        known = stages, dict(rejected.annotate(n=Count("*")))
        if not run.is_open:
            cache.set(key, known, CACHE_SECONDS)
    return known


class _Lists:
    """Which lists of leads hold how many rows for one run; asked from the database once."""

    def __init__(self, run: PipelineRun) -> None:
        self._run_id = run.pk
        self._stages, self._codes = _counted(run)

    def done(self, stage: str, shown: int) -> str:
        passed = {
            "enrich": PASSED_ENRICHING,
            "score": PASSED_ENRICHING[1:],
            "shortlist": PASSED_ENRICHING[2:],
        }
        if stage == "select":
            return self._if_exact(shown, sum(self._stages.values()))
        if stage not in passed:
            return ""
        stages = [str(one) for one in passed[stage]]
        filters = {"stage__in": ",".join(stages)} if stages[1:] else {"stage": stages[0]}
        return self._if_exact(shown, self._in(*stages), **filters)

    def put_aside(self, stage: str, code: str, shown: int) -> str:
        if stage != "enrich":
            return ""
        if code == "an operator":
            operator = Lead.Stage.NEEDS_OPERATOR
            return self._if_exact(shown, self._in(operator), stage=operator)
        if code == "a later try":
            return self.waiting(stage, shown)
        return self._if_exact(
            shown, self._codes.get(code, 0), stage="REJECTED", rejection_code=code
        )

    def waiting(self, stage: str, shown: int) -> str:
        if stage != "enrich":
            return ""
        return self._if_exact(shown, self._in(Lead.Stage.CANDIDATE), stage=Lead.Stage.CANDIDATE)

    def _in(self, *stages: str) -> int:
        return sum(self._stages.get(stage, 0) for stage in stages)

    def _if_exact(self, shown: int, listed: int, **filters: str) -> str:
        return link(LEADS, run_id=self._run_id, **filters) if shown and shown == listed else ""
