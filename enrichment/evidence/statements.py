"""What a register row and a site say of a lead, as evidence about to be stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from acra.models import RegisteredCompany
from enrichment.evidence.refusals import Refusals
from enrichment.extract.titles import person_key
from enrichment.observation import Observation, storable
from enrichment.site.look import Finding
from icp.models import Lead

NOT_STORED = frozenset({"other_emails"})  # addresses of others are nobody's business here
WEBSITE = "website"
# Kind of suppression -> fields whose values may be suppressed.
_ASKED = {"EMAIL": ("emails", "dpo_emails"), "PHONE": ("phones", "fax", "whatsapp")}

Key = tuple[str, str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """Evidence about to be stored."""

    field: str
    value: str
    source: str
    reference: str
    method: str
    version: int
    confidence: float
    quote: str = ""
    sha256: str = ""
    subject: str = ""

    @property
    def key(self) -> Key:
        return (self.field, self.source, self.method, self.subject, self.value, self.reference)


def of_register(company: RegisteredCompany | None) -> list[Statement]:
    """What the register says, as evidence with the UEN as its reference."""
    if company is None:
        return []
    unit = "-".join(part for part in (company.level, company.unit) if part)
    street = " ".join(part for part in (company.block, company.street) if part)
    values = {
        "name": company.name,
        "uen": company.uen,
        "status": company.status,
        "entity_type": company.entity_type,
        "company_type": company.company_type,
        "primary_ssic": company.primary_ssic,
        "secondary_ssic": company.secondary_ssic,
        "primary_activity": company.primary_activity,
        "registered_on": company.registered_on.isoformat() if company.registered_on else "",
        "annual_return_on": company.annual_return_on.isoformat()
        if company.annual_return_on
        else "",
        "officers_count": "" if company.officers_count is None else str(company.officers_count),
        "postal_code": company.postal_code,
        "district": "" if company.district is None else str(company.district),
        "street": street,
        "unit": unit,
    }
    return [
        Statement(field, value, "REGISTER", company.uen, "acra.register", 1, 1.0, quote=value)
        for field, value in values.items()
        if value
    ]


def of_site(finding: Finding, site: str) -> list[Statement]:
    match, candidate = finding.match, finding.candidate
    best = max(match.lines, key=lambda line: line.points) if match and match.lines else None
    origin = candidate.origin if candidate else "given"
    first = finding.crawl.pages[0].document if finding.crawl else None
    statements = [
        Statement(
            WEBSITE,
            storable(site)[:2000],
            "PAGE",
            storable(first.url if first else site)[:2000],
            f"discover.{origin}",
            1,
            (match.score if match else 0) / 100,
            quote=storable(best.quote)[:300] if best else "",
            sha256=first.sha256 if first else "",
        )
    ]
    return [*statements, *statements_of(finding.observations)]


def statements_of(observations: Iterable[Observation]) -> list[Statement]:
    """What was read from pages, as evidence; addresses of others are left out."""
    return [
        Statement(
            seen.field,
            seen.value,
            "PAGE",
            storable(seen.url)[:2000],
            seen.method,
            seen.version,
            seen.confidence,
            quote=seen.quote,
            sha256=seen.page_sha256,
            subject=seen.subject,
        )
        for seen in observations
        if seen.field not in NOT_STORED and seen.value
    ]


def values_to_ask(statements: Iterable[Statement], *, lead: Lead) -> set[tuple[str, str]]:
    """Addresses, numbers and people among the statements, with the suppression to ask for."""
    kinds = {name: kind for kind, names in _ASKED.items() for name in names}
    people = {s.subject for s in statements if s.subject}
    found = {(kinds[s.field], s.value) for s in statements if s.field in kinds}
    return found | {("PERSON", person_at(lead, name)) for name in people}


def person_at(lead: Lead, name: str) -> str:
    """How a suppression of kind PERSON calls somebody who works at ``lead``'s company."""
    return f"{lead.source_ref.replace(' ', '')} {person_key(name)}"


def allowed(
    statements: Iterable[Statement], *, lead: Lead, refusals: Refusals | None = None
) -> list[Statement]:
    """Those that carry no suppressed address, number or person, as value or in the quote.

    ``refusals`` has been asked for ``values_to_ask``; without it one query is made.
    """
    statements = list(statements)
    asked = values_to_ask(statements, lead=lead)
    refusals = refusals or Refusals(asked)
    refused = {value for kind, value in asked if refusals.refuse(kind, value)}
    if not refused:
        return statements
    people = {s.subject for s in statements if s.subject and person_at(lead, s.subject) in refused}
    return [
        s
        for s in statements
        if s.value not in refused
        and s.subject not in people
        and not any(value in s.quote.lower() for value in refused)
        and not any(person_key(name) in person_key(s.quote) for name in people)
    ]
