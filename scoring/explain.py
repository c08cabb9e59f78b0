"""The stage "explain": a sentence or two by a language model for each place of the shortlist.

It sees the lines of the score and nothing else: no page, no name, no address. Its words are kept
only when every number and name in them stands in those lines; else the rule's sentence has to do.
Leads with equal lines share one call.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enrichment.price import Estimate
from icp.models import Lead, LeadQuerySet
from scoring.check_words import misfit
from scoring.models import Explanation, ScoreLine, ShortlistEntry
from tenants.clients.language_model_errors import AnswerUnusableError
from tenants.language_model import llm
from tenants.language_model.prompts import Prompt, inside_marks
from tenants.models import PipelineRun
from tenants.outage import outlast
from tenants.paid import governor
from tenants.permits import NoPermitError, Purpose, Vendor, VendorError
from tenants.stages import BatchReport, Tally
from tenants.stopping import is_stopping

logger = logging.getLogger(__name__)

STEP = "explain"
COUNT = 8
LONGEST = 280  # characters; the cap is ours, whatever the prompt says
MOST_LINES_BYTES = 6_000
Outcome = Explanation.Outcome

PROMPT = Prompt(
    name="rationale",
    version=1,
    system=(
        "You tell a sales person in one or two short plain sentences why a company got its score."
        " You are given the lines of the score: points, rule, what the rule saw. Use only what the"
        " lines say: no number, name, place or claim that does not stand in them, nothing you know"
        " from elsewhere, no advice, no greeting, no markup. Call it the company. At most 240"
        " characters, in English."
    ),
    most_answer_tokens=1_500,
)


@dataclass(frozen=True, slots=True)
class Said:
    """All the model may say."""

    text: str


def explain_batch(
    run: PipelineRun,
    *,
    seconds: float = 60.0,
    count: int = COUNT,
    now: Callable[[], datetime] = timezone.now,
) -> BatchReport:
    """Explain up to ``count`` places of ``run``'s shortlist, beginning none after ``seconds``.

    Leaves one ``Explanation`` per place: the words, or the note why there are none. Without a key,
    or switched off, all that wait get the note at once. A second run asks nothing again.
    """
    try:
        governor.ready(Vendor.LLM)
    except NoPermitError as exc:
        return _skip_all(run, exc)
    leads = outlast(lambda: _waiting(run).claim(count))
    report = BatchReport(taken=len(leads))
    entries = _entries(run, leads)
    last_call = time.monotonic() + seconds
    left = list(leads)
    try:
        for lead in leads:
            if time.monotonic() > last_call or is_stopping():
                break
            found = explain_entry(entries[lead.pk], run_id=run.pk)
            _write(lead, found, now=now())
            _count(report, found)
            left.remove(lead)
    finally:
        if left:
            outlast(lambda: Lead.objects.of_claims(left).let_go())
    report.held["another look"] += len(left)
    return report


def explain_entry(entry: ShortlistEntry, *, run_id: int | None) -> Explanation:
    """What the model says of one place, not stored. Never raises for what model or server do."""
    lines = lines_of(entry)
    purpose = Purpose(STEP, run_id=run_id, lead_id=entry.lead_id)
    about = inside_marks(lines, title="score lines")
    try:
        told = llm.complete(PROMPT, about=about, schema=Said, purpose=purpose)
    except NoPermitError as exc:
        return _skipped(entry, exc.code, governor.words_of(exc))
    except AnswerUnusableError as exc:
        logger.info("place %s: %s", entry.pk, exc)
        return Explanation(entry=entry, outcome=Outcome.REFUSED, code="unusable",
                           prompt=PROMPT.label)  # fmt: skip
    except VendorError as exc:
        logger.warning("place %s was not explained: %s", entry.pk, exc)
        return _skipped(entry, "vendor", str(exc))
    text = " ".join(told.value.text.split())
    wrong = misfit(text, lines=lines, longest=LONGEST)
    return Explanation(
        entry=entry,
        outcome=Outcome.WRITTEN if wrong is None else Outcome.REFUSED,
        code=wrong or "",
        text=text if wrong is None else "",
        model=told.facts.model,
        prompt=told.facts.prompt,
        cache_key=told.facts.cache_key,
    )


def lines_of(entry: ShortlistEntry) -> str:
    """The lines of the place's score, as the model sees them."""
    score = entry.score
    rows = ScoreLine.objects.filter(score=score).order_by("position")
    said = [f"{score.total} of 100 points, bucket {score.bucket}"]
    said += [f"{line.points:+d} {line.label}: {line.detail}" for line in rows]
    return "\n".join(said).encode()[:MOST_LINES_BYTES].decode(errors="ignore")


def tally_explain(run: PipelineRun) -> Tally:
    """Counts from the rows. A refused text is done: the rule's sentence stands."""
    rows = Explanation.objects.filter(entry__shortlist__run_id=run.pk)
    by = list(rows.values_list("outcome", "code"))
    held: dict[str, int] = {}
    for outcome, code in by:
        if outcome == Outcome.SKIPPED:
            held[code] = held.get(code, 0) + 1
    done = len(by) - sum(held.values())
    waiting = _places(run).filter(explanation=None).count()
    refused = sum(outcome == Outcome.REFUSED for outcome, _ in by)
    return Tally(
        taken_in=len(by) + waiting, done=done, held=held, waiting=waiting,
        facts={"written": done - refused, "refused": refused},
    )  # fmt: skip


def estimate(leads: int, *, run: PipelineRun | None = None) -> Estimate:
    """The most the stage costs: one call for each of ``leads`` places, the lines at their longest.

    ``run``: places it has explained already cost nothing more.
    """
    if run is not None:
        rows = Explanation.objects.filter(entry__shortlist__run_id=run.pk)
        leads = max(leads - rows.count(), 0)
    units, micros = llm.most(PROMPT, schema=Said, input_bytes=MOST_LINES_BYTES + 100)
    return Estimate(leads, most_units=leads * units, most_micros=leads * micros)


def _places(run: PipelineRun) -> QuerySet[ShortlistEntry]:
    return ShortlistEntry.objects.filter(shortlist__run_id=run.pk)


def _waiting(run: PipelineRun) -> LeadQuerySet:
    open_places = _places(run).filter(explanation=None)
    return Lead.objects.filter(pk__in=open_places.values("lead_id"))


def _entries(run: PipelineRun, leads: Sequence[Lead]) -> dict[int, ShortlistEntry]:
    rows = _places(run).filter(lead__in=leads).select_related("score")
    return {entry.lead_id: entry for entry in rows}


def _skipped(entry: ShortlistEntry, code: str, sentence: str) -> Explanation:
    return Explanation(entry=entry, outcome=Outcome.SKIPPED, code=code, text=_note(sentence))


def _note(sentence: str) -> str:
    return f"Text by a language model skipped: {sentence}"[:400]


def _skip_all(run: PipelineRun, error: NoPermitError) -> BatchReport:
    rows = [_skipped(entry, error.code, governor.words_of(error))
            for entry in _places(run).filter(explanation=None)]  # fmt: skip
    made = len(Explanation.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000))
    report = BatchReport(taken=made)
    report.held[error.code] += made
    return report


def _write(lead: Lead, found: Explanation, *, now: datetime) -> None:
    def once() -> None:
        with transaction.atomic():
            mine = Lead.objects.of_claims([lead]).select_for_update()
            if mine.exists():  # else it slept past its lease, and somebody else has the lead
                found.created_at = now
                Explanation.objects.bulk_create([found], ignore_conflicts=True)
                Lead.objects.of_claims([lead]).let_go()

    outlast(once)


def _count(report: BatchReport, found: Explanation) -> None:
    if found.outcome == Outcome.SKIPPED:
        report.held[found.code] += 1
    else:
        report.done += 1
