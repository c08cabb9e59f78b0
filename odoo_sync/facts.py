"""What is known of leads that may go to Odoo, read for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from acra.models import SsicCode
from enrichment.models import Evidence
from icp.models import Lead
from icp.suppressions import shown
from scoring.export_rows import attributions, best_contacts
from scoring.models import LeadScore, ScoreLine

SOURCED = ("website", "phone", "address")
MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    name: str
    title: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A lead as the mapping sees it; empty texts where nothing is known."""

    lead_id: int
    name: str
    uen: str = ""
    shown: dict[str, str] = field(default_factory=dict)  # field -> value, as the console shows it
    industry: str = ""
    contact: Person | None = None
    score: int | None = None
    bucket: str = ""
    rationale: str = ""
    lines: tuple[str, ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()  # what, where
    is_ceased: bool = False
    attributions: tuple[str, ...] = ()  # whose data it holds


FIELDS = ("website", "phone", "address", "postal_code", "primary_ssic", "status", "entity_type",
          "registered_on", "headcount", "summary")  # fmt: skip


def facts_of(leads: Sequence[Lead]) -> dict[int, Facts]:
    """Facts by lead. Eight statements for any number of leads."""
    ids = [lead.pk for lead in leads]
    contacts = best_contacts(ids)
    scores = _newest_scores(ids)
    lines = _lines([score.pk for score in scores.values()])
    values = {lead.pk: {name: _shown(lead, name) for name in FIELDS} for lead in leads}
    codes = {found["primary_ssic"] for found in values.values()}
    titles = dict(SsicCode.objects.filter(code__in=codes, level="subclass")
                  .values_list("code", "title"))  # fmt: skip
    links = _evidence(leads)
    named = attributions(leads)
    found = {}
    for lead in leads:
        contact, score, mine = contacts.get(lead.pk), scores.get(lead.pk), values[lead.pk]
        found[lead.pk] = Facts(
            lead_id=lead.pk, name=lead.name, uen=lead.uen, shown=mine,
            industry=titles.get(mine["primary_ssic"], ""),
            contact=Person(contact.pk, contact.name, contact.title, contact.email, contact.phone)
            if contact else None,
            score=score.total if score else lead.score,
            bucket=score.bucket if score else lead.bucket,
            rationale=score.rationale if score else "",
            lines=tuple(lines.get(score.pk, ())) if score else (),
            evidence=tuple(links.get(lead.pk, ())),
            is_ceased=lead.rejection_code == "ceased",
            attributions=tuple(named[lead.pk]),
        )  # fmt: skip
    return found


def _shown(lead: Lead, name: str) -> str:
    text = shown(lead.facts, name)
    if not text and name == "website":
        return lead.website
    entry = lead.facts.get(name)
    value = entry.get("value") if isinstance(entry, dict) else entry
    return text or (str(value) if isinstance(value, int | float) else "")


def _newest_scores(ids: list[int]) -> dict[int, LeadScore]:
    rows = LeadScore.objects.filter(lead_id__in=ids).order_by("lead_id", "-run_id")
    return {row.lead_id: row for row in rows.distinct("lead_id").defer("features")}


def _lines(scores: list[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    rows = ScoreLine.objects.filter(score_id__in=scores).order_by("score_id", "position")
    for score, points, label in rows.values_list("score_id", "points", "label"):
        if len(found[score]) < MOST_LINES:
            found[score].append(f"{points:+d} {label}")
    return found


def _evidence(leads: Sequence[Lead]) -> dict[int, list[tuple[str, str]]]:
    """Where the values that matter most come from: page addresses, the register."""
    wanted = {}
    for lead in leads:
        for name in SOURCED:
            entry = lead.facts.get(name)
            if isinstance(entry, dict) and entry.get("evidence"):
                wanted[entry["evidence"]] = (lead.pk, name)
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    rows = Evidence.objects.filter(pk__in=wanted).order_by("pk").values_list("pk", "reference")
    for pk, reference in rows:
        lead_id, name = wanted[pk]
        found[lead_id].append((name, reference))
    return found
