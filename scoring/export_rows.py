"""The rows of the exports: one per lead, with where each value comes from. Memory stays flat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When

from acra.models import RegisterImport, SsicCode
from enrichment.extract.titles import person_key
from enrichment.harvest_models import Listing
from enrichment.models import Contact, Evidence
from enrichment.people.wanted_titles import title_rank, wanted_titles
from icp.models import Lead, Suppression
from scoring.models import Explanation, LeadScore, ScoreLine, ShortlistEntry
from scoring.withhold import withheld
from tenants.models import PipelineRun

CHUNK = 500
Kind = Suppression.Kind
LICENCE = (
    "Contains information from ACRA's register of corporate entities, made available on data.gov.sg"
    " under the Singapore Open Data Licence version 1.0 (https://data.gov.sg/open-data-licence)."
)
NOT_CHECKED = "Telephone numbers are not checked against the Do Not Call register."
# Column -> field of ``Lead.facts``, which holds what the console shows and the evidence behind it.
FACTS = {
    "website": "website", "phone": "phone", "address": "address", "postal_code": "postal_code",
    "primary_ssic": "primary_ssic", "register_status": "status", "entity_type": "entity_type",
    "registered_on": "registered_on", "officers": "officers_count",
    "annual_return_on": "annual_return_on", "head_count": "headcount",
    "technologies": "technologies", "languages": "languages", "social": "social",
    "summary": "summary",
}  # fmt: skip
SOURCED = ("website", "phone", "address", "head_count")  # columns followed by their source
COLUMNS = (
    "rank", "name", "uen", "score", "bucket", "fit", "rationale",
    "rationale_by_model", "rationale_model", "score_lines",
    "contact_name", "contact_title", "contact_email", "contact_phone", "contact_kind",
    "contact_source",
    "website", "website_source", "phone", "phone_source", "do_not_call", "address",
    "address_source", "postal_code", "primary_ssic", "industry", "register_status", "entity_type",
    "registered_on", "officers", "annual_return_on", "head_count", "head_count_source",
    "technologies", "languages", "social", "summary", "review", "score_card", "scored_in_run",
    "scored_at", "run", "lead_id", "attribution",
)  # fmt: skip


@dataclass(slots=True)
class _Chunk:
    """What is known about some leads, read together."""

    run: PipelineRun
    ranks: dict[int, ShortlistEntry]
    lines: dict[int, list[str]]
    sources: dict[int, str]  # evidence -> "Page, by rule: https://..."
    contacts: dict[int, Contact]
    contact_sources: dict[int, str]
    industries: dict[str, str]
    attributions: dict[int, list[str]]  # lead -> whose data it holds


def rows(run: PipelineRun, *, only_shortlist: bool = False) -> Iterator[dict[str, Any]]:
    """The leads' scores as they stood at the end of ``run``, best first; keys are ``COLUMNS``.

    Every lead scored in this or an earlier run stands here once, with its newest score; those
    rejected or suppressed now are absent. Reads 500 leads at a time with a dozen statements.
    """
    industries = dict(SsicCode.objects.filter(level="subclass").values_list("code", "title"))
    industries = industries or dict(SsicCode.objects.values_list("code", "title"))
    attribution = attribution_of(run)
    scores = standing_scores(run, only_shortlist=only_shortlist)
    pairs = scores.values_list("pk", "lead_id").iterator(chunk_size=2000)
    while chunk := list(islice(pairs, CHUNK)):
        yield from _rows_of(chunk, run=run, industries=industries, attribution=attribution)


def pairs_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    """(kind, value) of whatever ``row`` hands out by which somebody may opt out later."""
    uen, name = row["uen"], person_key(row["contact_name"])
    return [
        (Kind.UEN, uen), (Kind.DOMAIN, row["website"]), (Kind.EMAIL, row["contact_email"]),
        (Kind.PHONE, row["contact_phone"]), (Kind.PHONE, row["phone"]),
        (Kind.PERSON, f"{uen} {name}" if uen and name else ""),
    ]  # fmt: skip


def standing_scores(run: PipelineRun, *, only_shortlist: bool = False) -> QuerySet[LeadScore]:
    """The score rows of the export in its order; suppressed leads are still among them."""
    if only_shortlist:
        listed = LeadScore.objects.filter(shortlist_entries__shortlist__run_id=run.pk)
        return listed.exclude(lead__stage=Lead.Stage.REJECTED).order_by("shortlist_entries__rank")
    known = LeadScore.objects.filter(run_id__lte=run.pk).order_by("lead_id", "-run_id")
    newest = LeadScore.objects.filter(pk__in=known.distinct("lead_id").values("pk"))
    meets = Case(When(lead__fit="MEETS", then=Value(0)), default=Value(1),
                 output_field=IntegerField())  # fmt: skip
    playing = newest.exclude(lead__stage=Lead.Stage.REJECTED)
    return playing.order_by("-total", meets, "lead__uen", "lead_id")


def attribution_of(run: PipelineRun) -> str:
    """The licence line, with the day of the register load the run worked with."""
    load = RegisterImport.objects.filter(pk=run.plan.get("register_load") or 0).first()
    if load is None or load.finished_at is None:
        return LICENCE
    return f"{LICENCE} Loaded on {load.finished_at.date().isoformat()} from {load.source}."


def attributions_of_listings(leads: Sequence[int] | None = None) -> list[tuple[int, str]]:
    """(lead, "© who (licence)") of the listings behind ``leads``, or all; each once, in order."""
    rows = Listing.objects.filter(lead__isnull=False).exclude(attribution="", licence="")
    if leads is not None:
        rows = rows.filter(lead_id__in=leads)
    found = rows.order_by("lead_id", "attribution", "licence").distinct()
    return [
        (lead, f"{attribution} ({licence})" if attribution and licence else attribution or licence)
        for lead, attribution, licence in found.values_list("lead_id", "attribution", "licence")
    ]


def attributions(leads: Sequence[Lead], *, register: str = LICENCE) -> dict[int, list[str]]:
    """By lead, whose data it holds: the register's, if it is a company of it, and each listing's.

    ``register``: what to say of the register. One statement.
    """
    listed: dict[int, list[str]] = defaultdict(list)
    for lead_id, words in attributions_of_listings([lead.pk for lead in leads]):
        listed[lead_id].append(words)
    return {
        lead.pk: ([register] if lead.uen or lead.pk not in listed else []) + listed[lead.pk]
        for lead in leads
    }


def _rows_of(
    pairs: Sequence[tuple[int, int]],
    *,
    run: PipelineRun,
    industries: dict[str, str],
    attribution: str,
) -> Iterator[dict[str, Any]]:
    out = withheld([lead for _, lead in pairs])
    kept = [(score, lead) for score, lead in pairs if lead not in out]
    ids = [lead for _, lead in kept]
    scores = LeadScore.objects.select_related("lead", "card")
    light = scores.defer("features", "card__payload", "lead__trace")
    found = light.in_bulk([score for score, _ in kept])
    entries = ShortlistEntry.objects.select_related("explanation")
    listed = entries.filter(shortlist__run_id=run.pk, lead_id__in=ids)
    contacts = best_contacts(ids)
    chunk = _Chunk(
        run=run,
        ranks={entry.lead_id: entry for entry in listed},
        lines=_lines(list(found)),
        sources=_sources(score.lead for score in found.values()),
        contacts=contacts,
        contact_sources=_contact_sources(contacts),
        industries=industries,
        attributions=attributions([score.lead for score in found.values()], register=attribution),
    )
    for score, _ in kept:
        yield _row(found[score], chunk)


def _lines(scores: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    lines = ScoreLine.objects.filter(score_id__in=scores).order_by("score_id", "position")
    for score, points, label in lines.values_list("score_id", "points", "label"):
        found[score].append(f"{points:+d} {label}")
    return found


def _sources(leads: Iterable[Lead]) -> dict[int, str]:
    """Where the values of the columns with a source come from, by evidence row."""
    wanted = {
        fact["evidence"]
        for lead in leads
        for column in SOURCED
        if (fact := lead.facts.get(FACTS[column]))
    }
    rows = Evidence.objects.filter(pk__in=wanted).only("source", "reference")
    return {row.pk: f"{row.get_source_display()}: {row.reference}" for row in rows}


def best_contacts(leads: Sequence[int]) -> dict[int, Contact]:
    """Lead -> whom to begin with: a person with an address, a role mailbox, then whoever there is.

    Of people with an address the tenant's most wanted title goes first. Private persons and
    contacts that may not be mailed are nobody to begin with. Two statements.
    """
    best: dict[int, Contact] = {}
    wanted = wanted_titles()
    rows = Contact.objects.filter(lead_id__in=leads, is_mailable=True)
    for contact in rows.exclude(kind=Contact.Kind.PERSONAL).order_by("pk"):
        known = best.get(contact.lead_id)
        if known is None or _preference(contact, wanted) < _preference(known, wanted):
            best[contact.lead_id] = contact
    return best


def _preference(contact: Contact, wanted: Sequence[str]) -> tuple[bool, bool, int, bool, str, str]:
    rank = title_rank(contact.title, wanted)
    return (not contact.email, contact.kind != Contact.Kind.PERSON,
            len(wanted) if rank is None else rank, not contact.title,
            contact.email, contact.name)  # fmt: skip


def _contact_sources(contacts: dict[int, Contact]) -> dict[int, str]:
    """Contact -> the page that names it first."""
    ids = [contact.pk for contact in contacts.values()]
    rows = Evidence.objects.filter(contact_id__in=ids, superseded_at=None)
    first = rows.order_by("contact_id", "-confidence", "reference").distinct("contact_id")
    return dict(first.values_list("contact_id", "reference"))


def _row(score: LeadScore, chunk: _Chunk) -> dict[str, Any]:
    lead, entry = score.lead, chunk.ranks.get(score.lead_id)
    row: dict[str, Any] = {
        "rank": entry.rank if entry else "",
        "name": lead.name,
        "uen": lead.uen,
        "score": score.total,
        "bucket": score.bucket,
        "fit": lead.get_fit_display(),
        **_rationales(score, getattr(entry, "explanation", None)),
        "score_lines": "; ".join(chunk.lines[score.pk]),
        "review": entry.get_decision_display() if entry else lead.get_review_display(),
        "score_card": str(score.card),
        "scored_in_run": score.run_id,
        "scored_at": score.created_at.isoformat(timespec="seconds"),
        "run": chunk.run.pk,
        "lead_id": str(lead.public_id),
        "attribution": "; ".join(chunk.attributions[lead.pk]),
    }
    for column, field in FACTS.items():
        fact = lead.facts.get(field) or {"value": "", "evidence": 0}
        value = fact["value"]
        row[column] = ", ".join(value) if isinstance(value, list) else value
        if column in SOURCED:
            row[f"{column}_source"] = chunk.sources.get(fact["evidence"], "")
    row["industry"] = chunk.industries.get(row["primary_ssic"], "")
    row |= _contact_columns(chunk.contacts.get(lead.pk), chunk.contact_sources)
    row["do_not_call"] = NOT_CHECKED if row["phone"] or row["contact_phone"] else ""
    return row


def _rationales(score: LeadScore, explanation: Explanation | None) -> dict[str, str]:
    """The rule's sentence, with the note why no model wrote one; a model's words stand apart."""
    outcome = explanation.outcome if explanation else ""
    said = explanation.text if explanation else ""
    is_written = outcome == Explanation.Outcome.WRITTEN
    note = f" {said}" if outcome == Explanation.Outcome.SKIPPED else ""
    return {
        "rationale": f"{score.rationale}{note}",
        "rationale_by_model": said if is_written else "",
        "rationale_model": explanation.model if explanation and is_written else "",
    }


def _contact_columns(contact: Contact | None, sources: dict[int, str]) -> dict[str, str]:
    return {
        "contact_name": contact.name if contact else "",
        "contact_title": contact.title if contact else "",
        "contact_email": contact.email if contact else "",
        "contact_phone": contact.phone if contact else "",
        "contact_kind": contact.get_kind_display() if contact else "",
        "contact_source": sources.get(contact.pk, "") if contact else "",
    }
