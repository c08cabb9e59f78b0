"""Look for one company's site, read it, and say what was found. No database, any thread.

Places are tried in order until one matches beyond doubt; of several that match the best wins. Every
place that was tried is on record with what became of it.
"""

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from enrichment.extract import extract
from enrichment.observation import Observation, storable
from enrichment.site.discover import GIVEN, LISTED, TOLD, Candidate
from enrichment.site.match import CompanyFacts, SiteMatch, Verdict, match_site
from enrichment.web.memory import ROOM
from enrichment.web.pages import CrawlResult, Outcome, Reason

CERTAIN = 85  # points at which no further place is tried
MAX_SECONDS = 150.0  # no further place is tried after this

DONE, NO_SITE, NOT_OURS = "DONE", "NO_SITE", "NOT_OURS"  # EnrichmentRun.Outcome
REFUSED, WALL, FAILED = "REFUSED", "WALL", "FAILED"

# A guessed name that does not exist is no trouble; these may pass, and then it is a site.
_PASSING = frozenset({Reason.TIMEOUT, Reason.SITE_TIME, Reason.HOST_BUSY, Reason.RATE_LIMITED})

Crawl = Callable[[str], CrawlResult]


@dataclass(frozen=True, slots=True)
class Task:
    """One company to be looked for. ``key`` names it to the caller."""

    key: int
    company: CompanyFacts
    candidates: tuple[Candidate, ...]


@dataclass(slots=True)
class Finding:
    """What became of it. ``crawl`` and ``match`` are of the site taken, or of the nearest one."""

    outcome: str
    candidate: Candidate | None = None
    crawl: CrawlResult | None = None
    match: SiteMatch | None = None
    observations: list[Observation] = field(default_factory=list)
    tried: list[dict[str, Any]] = field(default_factory=list)
    may_pass: bool = False  # asking again another night may help
    retry_after: float | None = None  # seconds a site asked us to stay away
    code: str = ""
    sentence: str = ""
    requests: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Try:
    candidate: Candidate
    crawl: CrawlResult
    match: SiteMatch | None

    @property
    def is_taken(self) -> bool:
        if self.match is None:
            return False
        if self.candidate.origin == GIVEN:  # only contradiction undoes it
            return not self.match.is_refuted
        if self.candidate.origin == LISTED:  # may be a landlord's: some agreement is needed
            return self.match.verdict is not Verdict.NO
        return self.match.verdict is Verdict.MATCH

    @property
    def is_refused(self) -> bool:
        """Whether a site that is there does not want us. For a guess, an unreadable robots.txt
        tells nothing: a proxy answers like that for names that do not exist."""
        if self.crawl.outcome is not Outcome.ROBOTS:
            return False
        reasons = {skip.reason for skip in self.crawl.skipped}
        return self.candidate.origin in TOLD or bool(reasons & {Reason.ROBOTS, Reason.NOINDEX})

    @property
    def may_pass(self) -> bool:
        if self.crawl.outcome is Outcome.RATE_LIMITED:
            return True
        if self.crawl.outcome not in (Outcome.UNREACHABLE, Outcome.ROBOTS):
            return False
        if self.candidate.origin in TOLD:
            return self.crawl.retryable
        return any(skip.reason in _PASSING for skip in self.crawl.skipped)

    def as_json(self) -> dict[str, Any]:
        return {
            "site": self.candidate.site,
            "origin": self.candidate.origin,
            "outcome": self.crawl.outcome.value,
            "home": storable(self.crawl.home_url),
            "sentence": storable(self.crawl.sentence),
            "requests": self.crawl.requests,
            "score": self.match.score if self.match else None,
            "verdict": self.match.verdict.value if self.match else None,
        }


def look_for_site(task: Task, *, crawl: Crawl, threshold: int) -> Finding:
    """Try the places of ``task`` and read the site that is the company's.

    Costs what the crawls cost (see ``crawl_site``), at most about four minutes, and some
    milliseconds a page. ``crawl`` never raises for anything a site does, so neither does this.
    """
    with ROOM.look():
        return _look(task, crawl=crawl, threshold=threshold)


def _look(task: Task, *, crawl: Crawl, threshold: int) -> Finding:
    began = time.monotonic()
    tries: list[_Try] = []
    for candidate in task.candidates:
        if tries and time.monotonic() - began > MAX_SECONDS:
            break
        one = _try(task.company, candidate, crawl=crawl, threshold=threshold)
        tries.append(one)
        if one.is_taken and one.match and one.match.score >= CERTAIN:
            break
    finding = _decide(tries)
    if finding.outcome == DONE and finding.crawl:
        finding.observations = extract([page.document for page in finding.crawl.pages])
    for one in tries:
        for page in one.crawl.pages:
            page.document.lighten()  # it may wait long until it is written
    finding.tried = [one.as_json() for one in tries]
    finding.requests = sum(one.crawl.requests for one in tries)
    finding.seconds = round(time.monotonic() - began, 3)
    return finding


def _try(company: CompanyFacts, candidate: Candidate, *, crawl: Crawl, threshold: int) -> _Try:
    result = crawl(candidate.site)
    match = None
    if result.pages:
        documents = [page.document for page in result.pages]
        match = match_site(company, documents, threshold=threshold)
    return _Try(candidate, result, match)


def _decide(tries: Sequence[_Try]) -> Finding:
    taken = [one for one in tries if one.is_taken]
    if taken:
        best = max(taken, key=lambda one: one.match.score if one.match else 0)
        return Finding(DONE, best.candidate, best.crawl, best.match)
    for outcome, wanted in (
        (FAILED, [one for one in tries if one.may_pass]),
        (WALL, [one for one in tries if one.crawl.outcome is Outcome.WALL]),
        (NOT_OURS, [one for one in tries if one.match is not None]),
        (REFUSED, [one for one in tries if one.is_refused]),
        (FAILED, [one for one in tries if one.candidate.origin in TOLD]),
    ):
        if wanted:
            first = max(wanted, key=lambda one: one.match.score if one.match else 0)
            return _without_site(outcome, first)
    return Finding(NO_SITE, sentence="No site answers at the names its own name leads to.")


def _without_site(outcome: str, one: _Try) -> Finding:
    last = one.crawl.skipped[-1].reason.value if one.crawl.skipped else one.crawl.outcome.value
    return Finding(
        outcome,
        one.candidate,
        one.crawl,
        one.match,
        may_pass=one.may_pass,
        retry_after=one.crawl.retry_after,
        code="" if outcome == NOT_OURS else last,
        sentence=storable(one.crawl.sentence or _why_not(one)),
    )


def _why_not(one: _Try) -> str:
    if one.match is None or not one.match.lines:
        return f"Nothing on {one.candidate.site} says that it is the company's."
    against = min(one.match.lines, key=lambda line: line.points)
    return f"{one.candidate.site}: {against.reason} ({one.match.score} of 100 points)."


def corpus_of(finding: Finding, *, limit: int) -> bytes | None:
    """The merged text of the pages, compressed (zlib), cut at ``limit`` characters."""
    if finding.crawl is None or not finding.crawl.pages:
        return None
    text = "\n\n".join(page.document.text for page in finding.crawl.pages)
    return zlib.compress(text[:limit].encode())
