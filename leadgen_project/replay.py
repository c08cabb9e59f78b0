"""Do a finished night again from its stored pages, with the network off, and compare.

Pages are parsed and read anew, features and lines are computed anew, the order of the shortlist is
worked out anew. Nothing is written and nothing is asked of anybody. Equal inputs and rules must
give the report the night left; otherwise the first company and field that differ are named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Any

from django.db.models import Q

from enrichment.evidence.digest import digest
from enrichment.evidence.merge import SPEAK_OF_CONTACTS, Claim, build_contacts
from enrichment.evidence.snapshots import SnapshotGoneError, documents_of
from enrichment.evidence.statements import Statement as Stored
from enrichment.evidence.statements import allowed, statements_of
from enrichment.extract import extract
from enrichment.models import EnrichmentRun, Evidence
from enrichment.verification.withheld import withheld_at
from icp.models import Lead, PersonRequest
from leadgen_project.report import Line, report_hash, report_lines
from scoring.cards import Card, parse
from scoring.features import FIELDS, Known, Person, Statement, features
from scoring.models import LeadScore, Shortlist
from scoring.publish import card_of
from scoring.score import as_of, invoice
from tenants.context import connection, current_schema, in_tenant
from tenants.models import PipelineRun

BATCH = 100  # leads a process takes at once


@dataclass(frozen=True, slots=True)
class Outcome:
    """``difference`` is empty when the replay gave an equal report."""

    run: PipelineRun
    leads: int
    pages: int
    hash: str
    difference: str = ""
    erased: tuple[str, ...] = ()  # companies left out, as a person of theirs was erased since

    @property
    def sentence(self) -> str:
        word = "differs from" if self.difference else "equals"
        return (
            f"Run {self.run.pk}: {self.leads} leads from {self.pages} stored pages, no request"
            f" made. The report {self.hash[:16]} {word} {self.run.report_hash[:16]}."
            f"{self._left_out}"
        )

    @property
    def _left_out(self) -> str:
        if not self.erased:
            return ""
        return (
            f" Left out, because a person was erased there at their request since:"
            f" {', '.join(self.erased)}."
        )


def replay(run: PipelineRun, *, workers: int = 1) -> Outcome:
    """Compute the report of ``run`` again in ``workers`` processes and compare it.

    Reads each stored page once. An expired snapshot is a difference that says so.
    """
    stored = list(report_lines(run))
    erased = _erased_since(run)
    ids = sorted(
        {*EnrichmentRun.objects.filter(run_id=run.pk).values_list("lead_id", flat=True),
         *LeadScore.objects.filter(run_id=run.pk).values_list("lead_id", flat=True)}
    )  # fmt: skip
    again: dict[str, dict[str, Any]] = {}
    pages = 0
    for line, count in _in_processes(run, ids, workers=workers):
        again[line[0]] = line[1]
        pages += count
    again = {company: values for company, values in again.items() if company not in erased}
    lines = _ranked(run, [(company, {**values, **again.get(company, {})})
                          for company, values in stored])  # fmt: skip
    difference = _first_difference(
        [line for line in stored if line[0] not in erased],
        [line for line in lines if line[0] not in erased],
    )
    return Outcome(run, len(lines), pages, report_hash(lines), difference, tuple(sorted(erased)))


def _erased_since(run: PipelineRun) -> set[str]:
    """Companies of which a person was erased after the run: their pages are not what they were."""
    later = PersonRequest.objects.filter(
        kind=PersonRequest.Kind.ERASURE, done_at__gte=run.finished_at
    )
    ids = {pk for ids in later.values_list("lead_ids", flat=True) for pk in ids}
    rows = Lead.objects.filter(pk__in=ids).values_list("source", "source_ref")
    return {f"{source} {reference}" for source, reference in rows}


def _in_processes(run: PipelineRun, ids: list[int], *, workers: int) -> Iterator[tuple[Line, int]]:
    batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    if workers <= 1:
        for batch in batches:
            yield from _again(current_schema(), run.pk, batch)
        return
    connection.close()  # a child must not share its parent's socket
    schema = current_schema()
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        futures = [pool.submit(_again, schema, run.pk, batch) for batch in batches]
        for future in futures:
            yield from future.result()


def _again(schema: str, run_id: int, ids: list[int]) -> list[tuple[Line, int]]:
    with in_tenant(schema):
        run = PipelineRun.objects.get(pk=run_id)
        card = parse(card_of(run).payload)
        return [_lead_again(lead, run, card) for lead in Lead.objects.filter(pk__in=ids)]


def _lead_again(lead: Lead, run: PipelineRun, card: Card) -> tuple[Line, int]:
    """The part of the lead's line that is worked out anew, and how many pages were read for it."""
    company = f"{lead.source} {lead.source_ref}"
    attempt = EnrichmentRun.objects.filter(lead=lead, run_id=run.pk).first()
    newest = lead.enrichment_runs.exclude(outcome=EnrichmentRun.Outcome.RUNNING).filter(
        finished_at__lte=run.finished_at
    ).order_by("-pk").first()  # fmt: skip
    try:
        documents = documents_of(newest) if newest and newest.outcome == "DONE" else []
    except SnapshotGoneError as exc:
        return (company, {"evidence": str(exc)}), 0
    observations = extract(documents)
    values: dict[str, Any] = {}
    if attempt is not None:
        values["evidence"] = digest(observations) if attempt.outcome == "DONE" else {}
    if LeadScore.objects.filter(lead=lead, run_id=run.pk).exists():
        order = {document.sha256: place for place, document in enumerate(documents)}
        known = _known(lead, run, newest, allowed(statements_of(observations), lead=lead), order)
        inputs, weighed, why = invoice(card, features(known, as_of=as_of(run)))
        values |= {
            "score": weighed.total,
            "bucket": weighed.bucket,
            "rationale": why,
            "features": {key: inputs[key].value for key in sorted(inputs)},
            "lines": [[line.key, line.points, line.detail[:300]] for line in weighed.lines],
        }
    return (company, values), len(documents)


def _known(
    lead: Lead,
    run: PipelineRun,
    attempt: EnrichmentRun | None,
    read: Iterable[Stored],
    order: dict[str, int],
) -> Known:
    """What scoring knew of the lead: what the pages say again, and what was not read from pages."""
    kept = _kept(lead, run.finished_at)
    page_rows = list({each.key: each for each in read}.values())
    said = [
        Claim(key=-number, field=each.field, value=each.value, source=each.source,
              confidence=each.confidence, position=order.get(each.sha256, 0),
              subject=each.subject, method=each.method)
        for number, each in enumerate(page_rows, start=1)
    ] + [
        Claim(key=row.pk, field=row.field, value=row.value, source=row.source,
              confidence=float(row.confidence), subject=row.subject, method=row.method)
        for row in kept
    ]  # fmt: skip
    people, contact_of = _people(lead, run, said)
    statements = [
        Statement(claim.key, claim.field, claim.value, claim.source, round(claim.confidence, 2),
                  contact_of.get(claim.key))
        for claim in said if claim.field in FIELDS
    ]  # fmt: skip
    is_ours = attempt is not None and attempt.outcome == EnrichmentRun.Outcome.DONE
    return Known(
        fit=lead.fit,
        rule=str(lead.rule or ""),
        uen=lead.uen,
        statements=statements,
        contacts=people,
        was_enriched=attempt is not None,
        site=attempt.site if is_ours and attempt else "",
        site_match=attempt.match_score if is_ours and attempt else None,
    )


def _people(lead: Lead, run: PipelineRun, said: list[Claim]) -> tuple[list[Person], dict[int, int]]:
    """The contacts the claims make, and claim -> contact. Verdicts on addresses are as they stood
    that night: no vendor is asked again.
    """
    assert run.finished_at is not None  # noqa: S101 -- only a finished run is replayed
    withheld = withheld_at([lead.pk], at=run.finished_at).get(lead.pk, set())
    speaking = [claim for claim in said if claim.source in SPEAK_OF_CONTACTS]
    people, contact_of = [], {}
    for number, draft in enumerate(build_contacts(speaking, company_name=lead.name), start=1):
        is_mailable = not draft.not_mailable_reason and draft.email not in withheld
        people.append(
            Person(number, draft.kind, draft.name[:200], draft.title[:200], draft.email,
                   draft.phone, is_mailable)
        )  # fmt: skip
        contact_of.update(dict.fromkeys(draft.keys, number))
    return people, contact_of


def _kept(lead: Lead, at: datetime | None) -> list[Evidence]:
    """Evidence that stood when the run ended and was not read from a page by rule."""
    return list(
        Evidence.objects.filter(
            Q(superseded_at=None) | Q(superseded_at__gt=at),
            ~Q(source="PAGE") | Q(field="website"),
            lead=lead, field__in=FIELDS | {"people"}, observed_at__lte=at,
        ).order_by("pk")
    )  # fmt: skip


def _ranked(run: PipelineRun, lines: list[Line]) -> list[Line]:
    """The lines with the rank their recomputed scores give them among the run's entries.

    Who competed is a fact of that night (reviews, suppressions) and taken from its entries.
    """
    if not Shortlist.objects.filter(run_id=run.pk).exists():
        return lines
    listed = [company for company, values in lines if values["rank"] is not None]
    by_company = dict(lines)
    uen_of = {
        f"{source} {reference}": uen
        for source, reference, uen in Lead.objects.filter(
            shortlist_entries__shortlist__run_id=run.pk
        ).values_list("source", "source_ref", "uen")
    }

    def place(company: str) -> tuple[Any, ...]:
        values = by_company[company]
        meets = (values.get("features") or {}).get("fit") == Lead.Fit.MEETS
        return -(values.get("score") or 0), not meets, uen_of.get(company, ""), company

    if any(by_company[company].get("score") is None for company in listed):
        return lines  # some were scored in an earlier run, which this one does not repeat
    ranks = {company: rank for rank, company in enumerate(sorted(listed, key=place), start=1)}
    return [(company, {**values, "rank": ranks.get(company)}) for company, values in lines]


def _first_difference(stored: list[Line], again: list[Line]) -> str:
    """The first company and field that differ, in words; empty when none does."""
    for (company, before), (_, after) in zip(stored, again, strict=True):
        for field in sorted({*before, *after}):
            if before.get(field) == after.get(field):
                continue
            old, new = before.get(field), after.get(field)
            if isinstance(old, dict) and isinstance(new, dict):
                inner = next(key for key in sorted({*old, *new}) if old.get(key) != new.get(key))
                return f"{company}: {field}.{inner} was {old.get(inner)}, now {new.get(inner)}"
            return f"{company}: {field} was {old}, now {new}"
    return ""
