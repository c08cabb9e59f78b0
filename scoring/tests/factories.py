"""Leads with evidence, contacts and a finished attempt, as enrichment leaves them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count

from enrichment.evidence.merge import Claim, choose
from enrichment.models import Contact, EnrichmentRun, Evidence
from icp.models import Lead
from tenants.models import PipelineRun

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
AS_OF = date(2026, 11, 21)
NUMBERS = count(1)


def make_run(tenant: str = "acme", *, status: str = "RUNNING", **plan: object) -> PipelineRun:
    """A run; an earlier open one of the tenant is finished first."""
    finish(PipelineRun.objects.filter(tenant_id=tenant, status="RUNNING"))
    return PipelineRun.objects.create(
        tenant_id=tenant,
        status=status,
        started_at=NOW,
        finished_at=None if status == "RUNNING" else NOW,
        plan={"as_of": AS_OF.isoformat(), **plan},
    )


def finish(runs) -> None:
    runs.update(status="FINISHED", finished_at=NOW)


def make_lead(
    name: str = "",
    *,
    uen: str = "",
    fit: str = "MEETS",
    stage: str = "ENRICHED",
    site: str = "",
    match: int | None = None,
    facts: dict[str, str] | None = None,
    **also: object,
) -> Lead:
    """A lead; ``facts`` become register evidence, ``site`` a finished attempt."""
    number = next(NUMBERS)
    uen = uen or f"{200000000 + number}K"
    lead = Lead.objects.create(
        name=name or f"COMPANY {number} PTE. LTD.", uen=uen, source_ref=uen, fit=fit,
        stage=stage, stage_since=NOW, **also,
    )  # fmt: skip
    for field, value in (facts or {}).items():
        make_evidence(lead, field, value)
    if site:
        EnrichmentRun.objects.create(
            lead=lead, outcome="DONE", site=site, match_score=match, finished_at=NOW
        )
        make_evidence(lead, "website", site, source="PAGE", reference=site)
    return lead


def make_evidence(lead: Lead, field: str, value: str, **also: object) -> Evidence:
    given = {"source": "REGISTER", "reference": lead.uen, "method": "register", "confidence": 1,
             "observed_at": NOW, **also}  # fmt: skip
    made = Evidence.objects.create(lead=lead, field=field, value=value, **given)
    rows = Evidence.objects.filter(lead=lead, superseded_at=None).order_by("pk")
    claims = [Claim(row.pk, row.field, row.value, row.source, float(row.confidence))
              for row in rows]  # fmt: skip
    shown = choose(claims).items()
    facts = {name: {"value": one.value, "evidence": one.key} for name, one in shown}
    Lead.objects.filter(pk=lead.pk).update(facts=facts)
    return made


def make_contact(lead: Lead, kind: str = "ROLE", **also: object) -> Contact:
    contact = Contact.objects.create(lead=lead, kind=kind, **also)
    for field, value in (("emails", contact.email), ("phones", contact.phone),
                         ("people", contact.name), ("title", contact.title)):  # fmt: skip
        if value:
            make_evidence(lead, field, value, contact=contact, source="PAGE",
                          reference="https://site.example/contact")  # fmt: skip
    return contact


def make_good_lead(name: str = "", **also: object) -> Lead:
    """A lead that the default card gives 95 points."""
    lead = make_lead(
        name,
        site="https://www.good.example/",
        match=90,
        facts={"registered_on": "2012-03-02", "officers_count": "3",
               "annual_return_on": "2026-05-30", "primary_ssic": "62011"},
        **also,
    )  # fmt: skip
    make_evidence(lead, "uen", lead.uen, source="PAGE", reference="https://www.good.example/")
    make_contact(lead, "ROLE", email="sales@good.example", phone="+6561234567")
    make_contact(lead, "PERSON", name="Tan Mei Ling", title="Managing Director")
    return lead
