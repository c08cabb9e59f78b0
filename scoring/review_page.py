"""What the review page shows: one shortlist, filtered, with the lines and the contact of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from enrichment.models import Contact, EnrichmentRun
from scoring.export_rows import best_contacts
from scoring.models import Explanation, ScoreLine, Shortlist, ShortlistEntry
from scoring.shortlist import entries_of, latest_shortlist
from scoring.withhold import withheld
from tenants.row_number import row_number

PER_PAGE = 25
TOP_LINES = 5
DECISIONS = (("OPEN", "To review"), ("ACCEPTED", "Accepted"), ("REJECTED", "Rejected"), ("", "All"))


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a list is looked at. ``query`` is the same as a query string, page left out."""

    run: int | None = None
    decision: str = "OPEN"
    bucket: str = ""
    text: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Filter:
        """Read from a query string; what makes no sense is left out."""
        run = given.get("run", "")
        decision = given.get("decision", "OPEN")
        return cls(
            run=row_number(run) or None,
            decision=decision if decision in dict(DECISIONS) else "OPEN",
            bucket=given.get("bucket", "")[:20],
            text=given.get("q", "").strip()[:100],
        )

    def query(self, **changes: Any) -> str:
        values = {"run": self.run or "", "decision": self.decision, "bucket": self.bucket,
                  "q": self.text, **changes}  # fmt: skip
        # "All" is decision= (empty), so that one stays.
        return urlencode({key: value for key, value in values.items()
                          if value or key == "decision"})  # fmt: skip

    def shortlist(self) -> Shortlist | None:
        if self.run is None:
            return latest_shortlist()
        return Shortlist.objects.filter(run_id=self.run).first()

    def entries(self, shortlist: Shortlist) -> QuerySet[ShortlistEntry]:
        found = entries_of(shortlist)
        if self.decision:
            found = found.filter(decision=self.decision)
        if self.bucket:
            found = found.filter(score__bucket=self.bucket)
        if self.text:
            named = Q(lead__name__icontains=self.text) | Q(lead__uen__istartswith=self.text)
            found = found.filter(named)
        return found

    def in_words(self) -> str:
        """``to review, HIGH, matching "tan"``; empty when nothing is filtered."""
        words = [dict(DECISIONS)[self.decision].lower()] if self.decision else []
        words += [self.bucket] if self.bucket else []
        words += [f"matching “{self.text}”"] if self.text else []
        return ", ".join(words)


@dataclass(slots=True)
class Shown:
    """One entry with what stands beside it."""

    entry: ShortlistEntry
    lines: list[ScoreLine] = field(default_factory=list)
    contact: Contact | None = None
    site: str = ""
    is_withheld: bool = False  # somebody there has asked for silence since the night

    @property
    def more_lines(self) -> int:
        return max(0, len(self.lines) - TOP_LINES)

    @property
    def top_lines(self) -> list[ScoreLine]:
        """The lines that decide, for and against, largest first."""
        return sorted(self.lines, key=lambda line: (-abs(line.points), line.position))[:TOP_LINES]

    @property
    def arrow(self) -> tuple[str, str]:
        """("up" | "down" | "same" | "new", sentence)."""
        before, now = self.entry.previous_rank, self.entry.rank
        if before is None:
            return "new", "Not on the list before"
        if before == now:
            return "same", "On the same place as before"
        step = abs(before - now)
        places = "place" if step == 1 else "places"
        return ("up", f"Up {step} {places}") if now < before else ("down", f"Down {step} {places}")


def page_of(entries: QuerySet[ShortlistEntry], number: str) -> tuple[Page, list[Shown]]:
    """One page of entries and what stands beside each, in as many statements for 25 as for one."""
    page = Paginator(entries, PER_PAGE).get_page(number)
    listed = list(page.object_list)
    lines: dict[int, list[ScoreLine]] = defaultdict(list)
    scores = [entry.score_id for entry in listed]
    of_scores = ScoreLine.objects.filter(score_id__in=scores).select_related("evidence")
    for line in of_scores.order_by("score_id", "position"):
        lines[line.score_id].append(line)
    leads = [entry.lead_id for entry in listed]
    contacts = best_contacts(leads)
    silent = withheld(leads)
    done = EnrichmentRun.objects.filter(lead_id__in=leads, outcome=EnrichmentRun.Outcome.DONE)
    newest = done.order_by("lead_id", "-pk").distinct("lead_id")
    sites = dict(newest.values_list("lead_id", "site"))
    return page, [
        Shown(
            entry,
            lines=lines[entry.score_id],
            contact=contacts.get(entry.lead_id),
            site=sites.get(entry.lead_id, ""),
            is_withheld=entry.lead_id in silent,
        )
        for entry in listed
    ]


def not_said(shown: Iterable[Shown]) -> list[tuple[str, int]]:
    """Why places have no text by a language model, and how many for each reason, most first."""
    notes = (getattr(one.entry, "explanation", None) for one in shown)
    reasons = Counter(
        note.text for note in notes if note and note.outcome == Explanation.Outcome.SKIPPED
    )
    return reasons.most_common()


def counts(shortlist: Shortlist) -> tuple[dict[str, int], dict[str, int]]:
    """Entries by decision (all under the empty key) and by bucket."""
    rows = ShortlistEntry.objects.filter(shortlist=shortlist)
    by_decision = dict(rows.values_list("decision").annotate(n=Count("pk")).order_by())
    by_decision[""] = sum(by_decision.values())
    by_bucket = rows.values_list("score__bucket").annotate(n=Count("pk")).order_by("score__bucket")
    return by_decision, dict(by_bucket)
