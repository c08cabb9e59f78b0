"""The step "read": let the language model read the stored pages of enriched leads once more.

What it says are proposals with a verbatim quote each, checked by ``enrichment.by_model.vouch``. One
call a lead, and none when the same pages were read before with the same prompt and model. No page
is fetched: the model sees what the night has stored.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from enrichment.by_model.corpus import Corpus, corpus_of, fold
from enrichment.by_model.reading_prompt import PROMPT, Reading
from enrichment.by_model.store_proposals import store_proposals
from enrichment.by_model.vouch import OfRule, Vouched, vouch
from enrichment.evidence.refusals import Refusals
from enrichment.evidence.snapshots import SnapshotGoneError, documents_of
from enrichment.evidence.statements import Statement, allowed
from enrichment.extract import extract
from enrichment.models import EnrichmentRun, LeadStep, Page
from enrichment.price import Estimate
from enrichment.steps import StepResult, skip_all, tally_step, work_step
from enrichment.web.parse import Document
from icp.models import Lead
from tenants.clients.language_model_errors import AnswerUnusableError, TextTooLongError
from tenants.context import current_schema
from tenants.language_model import llm
from tenants.models import PipelineRun, TenantSettings
from tenants.paid import governor
from tenants.permits import NoPermitError, Purpose, Vendor, VendorError
from tenants.stages import BatchReport, Tally
from tenants.stopping import is_stopping

logger = logging.getLogger(__name__)

STEP = "read"
COUNT = 8  # leads a worker claims at once; a call takes seconds
HEADER_BYTES = 600  # the line above the pages
# Fields of a lead the model can fill -> how they are called in the report.
FILLS = {
    "about": "about", "services": "services", "industries_served": "industries served",
    "founded_year": "founded", "headcount": "people", "hiring": "hiring", "address": "address",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """What the night has kept of a lead's site."""

    documents: Sequence[Document]
    pages: dict[str, Page]


def read_batch(
    run: PipelineRun,
    *,
    seconds: float = 60.0,
    count: int = COUNT,
    now: Callable[[], datetime] = timezone.now,
) -> BatchReport:
    """Read up to ``count`` leads of ``run``, beginning none after ``seconds``.

    Without a key, or switched off, all waiting leads are passed by with one statement. A lead whose
    call finds no budget is passed by with the sentence that says so.
    """
    try:
        governor.ready(Vendor.LLM)
    except NoPermitError as exc:
        return BatchReport(**_passed_by(skip_all(run, step=STEP, error=exc), code=exc.code))
    last_call = time.monotonic() + seconds

    def work(leads: Sequence[Lead]) -> Iterator[tuple[Lead, StepResult]]:
        for lead in leads:
            if time.monotonic() > last_call or is_stopping():
                return
            yield lead, read_lead(lead, run_id=run.pk, now=now)

    return work_step(run, step=STEP, work=work, count=count, now=now)


def read_lead(lead: Lead, *, run_id: int | None, now: Callable[[], datetime]) -> StepResult:
    """Ask about one lead; what is to be written comes back with the result. Never raises for
    anything the model, its server or the page does.
    """
    stored = stored_pages(lead)
    if not stored.documents:
        return StepResult(LeadStep.Outcome.NOT_NEEDED, code="no_pages",
                          sentence="No page of its site is kept.")  # fmt: skip
    corpus = corpus_of_lead(stored)
    if not corpus.text:
        return StepResult(LeadStep.Outcome.NOT_NEEDED, code="nothing_to_read",
                          sentence=_nothing(corpus))  # fmt: skip
    purpose = Purpose(STEP, run_id=run_id, lead_id=lead.pk)
    try:
        told = llm.complete(PROMPT, about=question(lead, corpus), schema=Reading, purpose=purpose)
    except NoPermitError as exc:
        return StepResult.refused(exc)
    except (AnswerUnusableError, TextTooLongError) as exc:
        return StepResult(LeadStep.Outcome.NOTHING, code="unusable", sentence=str(exc), calls=1)
    except VendorError as exc:
        logger.warning("lead %s was not read: %s", lead.pk, exc)
        outcome = LeadStep.Outcome.LATER if exc.retryable else LeadStep.Outcome.SKIPPED
        return StepResult(outcome, code="vendor", sentence=str(exc), calls=1)
    return _result(lead, corpus, stored, told, run_id=run_id, now=now)


def stored_pages(lead: Lead) -> Stored:
    """The pages of the lead's newest attempt that took a site; none when they are not kept."""
    attempts = lead.enrichment_runs.filter(outcome=EnrichmentRun.Outcome.DONE).defer("corpus")
    newest = attempts.order_by("-pk").first()
    if newest is None:
        return Stored((), {})
    try:
        documents = documents_of(newest)
    except SnapshotGoneError:
        return Stored((), {})
    pages = {page.body_id: page for page in newest.pages.order_by("-position") if page.body_id}
    return Stored(documents, pages)


def corpus_of_lead(stored: Stored) -> Corpus:
    """What may be shown of the pages, within EXTRACT_CORPUS_CHAR_LIMIT, by the tenant's leave."""
    own = TenantSettings.objects.filter(tenant_id=current_schema()).first()
    return corpus_of(
        stored.documents,
        limit=settings.EXTRACT_CORPUS_CHAR_LIMIT - HEADER_BYTES,
        sees_contacts=bool(own and own.llm_sees_contacts),
        reserved=[document.sha256 for document in stored.documents
                  if _is_reserved(document, stored.pages.get(document.sha256))],
    )  # fmt: skip


def question(lead: Lead, corpus: Corpus) -> str:
    """The user's message: which company it is about, then the pages in their marks."""
    name = fold(lead.name).encode()[: HEADER_BYTES - 100].decode(errors="ignore")
    return f"The company is {name}. These are pages of its site.\n{corpus.text}"


def tally_read(run: PipelineRun) -> Tally:
    """Counts from the rows, with values kept and refused, and what was left unread for lack of it.

    ``would_fill``: field -> leads passed by that have no value for it. Three statements.
    """
    tally = tally_step(run, step=STEP)
    rows = LeadStep.objects.filter(run_id=run.pk, step=STEP)
    refused: Counter[str] = Counter()
    kept = 0
    for figures in rows.exclude(figures={}).values_list("figures", flat=True):
        kept += figures.get("kept", 0)
        refused.update(figures.get("refused", {}))
    tally.facts |= {"values_kept": kept, "values_refused": dict(sorted(refused.items()))}
    held = rows.filter(outcome__in=[LeadStep.Outcome.SKIPPED, LeadStep.Outcome.LATER])
    missing = Lead.objects.filter(pk__in=held.values("lead_id")).aggregate(
        **{name: Count("pk", filter=~Q(facts__has_key=name)) for name in FILLS}
    )
    tally.facts["would_fill"] = {FILLS[name]: n for name, n in missing.items() if n}
    return tally


def estimate(leads: int, *, run: PipelineRun | None = None) -> Estimate:
    """The most the step costs: one call a lead over a text as long as any may be.

    Which leads have pages unchanged since they were last read is only known when they are read, so
    nothing is taken to be cached.
    """
    if run is not None:
        done = LeadStep.objects.filter(run_id=run.pk, step=STEP).count()
        leads = max(leads - done, 0)
    most = settings.EXTRACT_CORPUS_CHAR_LIMIT
    units, micros = llm.most(PROMPT, schema=Reading, input_bytes=most)
    return Estimate(leads, most_units=leads * units, most_micros=leads * micros)


def _result(
    lead: Lead,
    corpus: Corpus,
    stored: Stored,
    told: llm.Completion[Reading],
    *,
    run_id: int | None,
    now: Callable[[], datetime],
) -> StepResult:
    vouched = vouch(told.value, corpus=corpus, of_rule=_of_rule(stored))
    statements = _not_suppressed(vouched, corpus, lead=lead)
    figures: dict[str, Any] = {
        "kept": len(statements), "refused": dict(vouched.refused), "model": told.facts.model,
        "prompt": told.facts.prompt, "temperature": told.facts.temperature,
        "cache_key": told.facts.cache_key, "tokens": told.facts.tokens,
        "characters": len(corpus.text), "is_cut": corpus.is_cut, "orders": corpus.orders,
        "reserved": corpus.reserved, "website_score": vouched.website_score,
    }  # fmt: skip
    return StepResult(
        LeadStep.Outcome.DONE if statements else LeadStep.Outcome.NOTHING,
        sentence=_sentence(len(statements), vouched, corpus),
        calls=0 if told.facts.from_cache else 1,
        from_cache=int(told.facts.from_cache),
        figures=figures,
        write=lambda: store_proposals(
            lead, statements, pages=stored.pages, run_id=run_id, now=now()
        ),
    )


def _of_rule(stored: Stored) -> OfRule:
    seen = extract(stored.documents)
    return OfRule(
        addresses={each.value for each in seen if each.field == "emails"},
        numbers=sorted({each.value for each in seen if each.field == "phones"}),
    )


def _not_suppressed(vouched: Vouched, corpus: Corpus, *, lead: Lead) -> list[Statement]:
    """Those without a suppressed address or number, in value or quote."""
    hidden = {("EMAIL" if mask.startswith("[e") else "PHONE", known.value, known.words)
              for mask, known in corpus.masks.items()}  # fmt: skip
    refusals = Refusals({(kind, value) for kind, value, _ in hidden})
    words = [fold(words) for kind, value, words in hidden if refusals.refuse(kind, value)]
    kept = [
        said
        for said in allowed(vouched.statements, lead=lead)
        if not any(each in said.quote or each in said.value for each in words)
    ]
    if gone := len(vouched.statements) - len(kept):
        vouched.refused["suppressed"] += gone
    return kept


def _is_reserved(document: Document, page: Page | None) -> bool:
    """TDMRep's header or meta tag, and the ``noai`` some sites put into ``robots``."""
    headers = page.headers if page else {}
    reservation = headers.get("tdm-reservation", document.meta.get("tdm-reservation", ""))
    robots = f"{document.meta.get('robots', '')},{headers.get('x-robots-tag', '')}".lower()
    return reservation.strip() == "1" or "noai" in robots


def _nothing(corpus: Corpus) -> str:
    if corpus.reserved:
        return "The site reserves text and data mining; the model does not see it."
    return "Its pages hold no text."


def _sentence(kept: int, vouched: Vouched, corpus: Corpus) -> str:
    refused = sum(vouched.refused.values())
    reasons = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in vouched.refused.items())
    text = f"{kept} values kept, {refused} refused{f' ({reasons})' if reasons else ''}."
    if corpus.is_cut:
        text += f" The text was cut at {settings.EXTRACT_CORPUS_CHAR_LIMIT} characters."
    if corpus.orders:
        text += f" {corpus.orders} lines that give orders were left out."
    return text


def _passed_by(count: int, *, code: str) -> dict[str, Any]:
    return {"taken": count, "held": Counter({code: count})}
