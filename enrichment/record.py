"""Write down what was found about one lead, in one transaction, if the lead is still held.

Everything is set against what stands already, so that a second run over the same pages adds
nothing: evidence that still holds stays, what a page no longer says is superseded, contacts are
found by address or name. Suppressed addresses and numbers are never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from acra.models import RegisteredCompany
from enrichment import look
from enrichment.digest import digest
from enrichment.look import Finding, corpus_of
from enrichment.merge import Claim, ContactDraft, build_contacts, choose
from enrichment.models import Contact, EnrichmentRun, Evidence, Page
from enrichment.observation import storable
from enrichment.parse import host_of
from enrichment.snapshots import store_pages
from enrichment.statements import Statement, allowed, of_register, of_site
from icp.ask_again import FAILS_RULE, ask_again
from icp.models import Lead
from icp.suppressions import is_suppressed, suppressed_among

RETRY_AFTER = timedelta(hours=12)  # the next night, whatever the hour of this one
MAX_FAILURES = 3  # nights without an answer before the lead goes on without a site


def record(
    lead: Lead,
    finding: Finding,
    *,
    company: RegisteredCompany | None,
    run_id: int | None,
    now: datetime,
) -> str | None:
    """Store a finding and move the lead on. Returns its new stage, ``None`` if it was lost.

    A worker whose lease ran out and was given to another writes nothing.
    """
    with transaction.atomic():
        held = Lead.objects.select_for_update().filter(pk=lead.pk, lease=lead.lease).first()
        if held is None or held.stage != Lead.Stage.CANDIDATE:
            return None
        attempt = _attempt(lead, finding, run_id=run_id, now=now)
        site = finding.crawl.home_url if finding.crawl and finding.outcome == look.DONE else ""
        if site and is_suppressed(domain=host_of(site)):
            lead.reject("suppressed", "The company's site is suppressed.", now=now)
            return str(lead.stage)
        pages = {}
        if site and finding.crawl:
            keep = settings.PERSIST_CRAWL_PAGES
            pages = store_pages(attempt, finding.crawl.pages, keep_bodies=keep)
        statements = of_register(company)
        if site:
            statements += of_site(finding, site)
        _store_evidence(
            lead,
            allowed(statements),
            pages=pages,
            replaces_pages=bool(site),
            run_id=run_id,
            now=now,
        )
        facts = refresh_facts(lead, now=now)
        stage, also = _next(lead, finding, now=now)
        if stage == Lead.Stage.ENRICHED:
            stage, also = _by_rule(lead, facts, now=now)
        lead.move_to(stage, now=now, facts=facts, **also)
        return str(lead.stage)


def _attempt(lead: Lead, finding: Finding, *, run_id: int | None, now: datetime) -> EnrichmentRun:
    """The row of this attempt; one per lead and run, however often a worker had to begin again."""
    is_done = finding.outcome == look.DONE
    values: dict[str, Any] = {
        "outcome": finding.outcome,
        "site": storable(finding.crawl.home_url)[:500] if finding.crawl and is_done else "",
        "site_origin": finding.candidate.origin if finding.candidate and is_done else "",
        "match_score": finding.match.score if finding.match else None,
        "match_lines": [_clean(asdict(line)) for line in finding.match.lines]
        if finding.match
        else [],
        "tried": finding.tried,
        "skipped": [
            {
                "url": storable(skip.url)[:2000],
                "code": skip.reason.value,
                "sentence": storable(skip.sentence)[:500],
            }
            for skip in (finding.crawl.skipped if finding.crawl else ())
        ],
        "request_count": finding.requests,
        "seconds": finding.seconds,
        "error_code": finding.code[:40],
        "error": finding.sentence[:500],
        "digest": digest(finding.observations) if is_done else {},
        "corpus": (
            corpus_of(finding, limit=settings.EXTRACT_CORPUS_CHAR_LIMIT)
            if settings.PERSIST_CRAWL_CORPUS and is_done
            else None
        ),
        "started_at": now - timedelta(seconds=finding.seconds),
        "finished_at": now,
    }
    if run_id is None:
        return EnrichmentRun.objects.create(lead=lead, **values)
    return EnrichmentRun.objects.update_or_create(lead=lead, run_id=run_id, defaults=values)[0]


def _clean(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: storable(v)[:500] if isinstance(v, str) else v for name, v in values.items()}


def _next(lead: Lead, finding: Finding, *, now: datetime) -> tuple[Lead.Stage, dict[str, Any]]:
    """Where the lead goes. Passing trouble brings it back another night, three times at most."""
    if finding.outcome == look.WALL:
        return Lead.Stage.NEEDS_OPERATOR, {}
    if finding.outcome == look.FAILED and finding.may_pass:
        failures = lead.enrichment_runs.filter(outcome=EnrichmentRun.Outcome.FAILED).count()
        if failures < MAX_FAILURES:
            wait = max(RETRY_AFTER, timedelta(seconds=min(finding.retry_after or 0, 7 * 86_400)))
            return Lead.Stage.CANDIDATE, {"not_before": now + wait}
    return Lead.Stage.ENRICHED, {}


def _by_rule(
    lead: Lead, facts: dict[str, Any], *, now: datetime
) -> tuple[Lead.Stage, dict[str, Any]]:
    """What the register could not answer is known now, and may be wrong."""
    said = ask_again(lead, facts, now=now)
    also: dict[str, Any] = {"fit": said.fit, "trace": said.trace}
    if not said.failing:
        return Lead.Stage.ENRICHED, also
    also |= {"rejection_code": FAILS_RULE, "rejection_reason": said.failing[:300]}
    return Lead.Stage.REJECTED, also


def _store_evidence(
    lead: Lead,
    statements: list[Statement],
    *,
    pages: Mapping[str, Page],
    replaces_pages: bool,
    run_id: int | None,
    now: datetime,
) -> None:
    """Add what is new, supersede what is no longer said. Two or three statements of SQL."""
    sources = ["REGISTER", "PAGE"] if replaces_pages else ["REGISTER"]
    standing = {
        (row.field, row.source, row.method, row.subject, row.value, row.reference): row.pk
        for row in Evidence.objects.filter(lead=lead, source__in=sources, superseded_at=None)
    }
    wanted = {statement.key: statement for statement in statements}
    gone = [pk for key, pk in standing.items() if key not in wanted]
    if gone:
        Evidence.objects.filter(pk__in=gone).update(superseded_at=now)
    Evidence.objects.bulk_create(
        [
            Evidence(
                lead=lead,
                subject=s.subject,
                field=s.field,
                value=s.value,
                source=s.source,
                reference=s.reference,
                page=pages.get(s.sha256),
                page_sha256=s.sha256,
                quote=s.quote,
                method=s.method,
                method_version=s.version,
                confidence=Decimal(str(round(s.confidence, 2))),
                observed_at=now,
                run_id=run_id,
            )
            for key, s in wanted.items()
            if key not in standing
        ]
    )


def refresh_facts(lead: Lead, *, now: datetime) -> dict[str, Any]:
    """Choose again what is shown of a lead, bring its contacts in line; returns the facts.

    From standing evidence only. Contacts are added and completed, never removed or overwritten.
    Does not save the lead.
    """
    rows = Evidence.objects.filter(lead=lead, superseded_at=None).select_related("page")
    claims = [
        Claim(
            key=row.pk,
            field=row.field,
            value=row.value,
            source=row.source,
            confidence=float(row.confidence),
            position=row.page.position if row.page else 0,
            subject=row.subject,
            method=row.method,
        )
        for row in rows.order_by("pk")
    ]
    own = [claim for claim in claims if claim.source == "PAGE"]
    _store_contacts(lead, build_contacts(own, company_name=lead.name), now=now)
    facts = {}
    for name, shown in choose(claims).items():
        facts[name] = {"value": shown.value, "evidence": shown.key}
        if shown.alternatives:
            facts[name]["also"] = list(shown.alternatives)
    return facts


def _store_contacts(lead: Lead, drafts: list[ContactDraft], *, now: datetime) -> None:
    refused = suppressed_among("EMAIL", [draft.email for draft in drafts])
    silent = suppressed_among("PHONE", [draft.phone for draft in drafts])
    existing = list(Contact.objects.filter(lead=lead).order_by("pk"))
    by_email = {contact.email: contact for contact in existing if contact.email}
    by_name = {contact.name: contact for contact in existing if contact.name and not contact.email}
    number_only = next((c for c in existing if not c.email and not c.name), None)
    linked: list[Evidence] = []
    for draft in drafts:
        if draft.email in refused:
            continue
        phone = "" if draft.phone in silent else draft.phone
        if draft.email:
            contact = by_email.get(draft.email)
        else:
            contact = by_name.get(draft.name) if draft.name else number_only
        if contact is None and (draft.email or draft.name or phone):
            contact = Contact.objects.create(
                lead=lead,
                kind=draft.kind,
                name=draft.name[:200],
                title=draft.title[:200],
                email=draft.email,
                phone=phone,
                is_mailable=not draft.not_mailable_reason,
                not_mailable_reason=draft.not_mailable_reason,
                created_at=now,
            )
        elif contact is not None:
            _complete(contact, draft, phone=phone)
        if contact is not None:
            linked += [Evidence(pk=key, contact=contact) for key in draft.keys]
    Evidence.objects.bulk_update(linked, ["contact"], batch_size=500)


def _complete(contact: Contact, draft: ContactDraft, *, phone: str) -> None:
    """Fill what is empty; take out of mailing what a notice now forbids. Never the other way."""
    changes: dict[str, Any] = {
        name: value[:200]
        for name, value in (("name", draft.name), ("title", draft.title), ("phone", phone))
        if value and not getattr(contact, name)
    }
    if draft.not_mailable_reason and contact.is_mailable:
        changes |= {"is_mailable": False, "not_mailable_reason": draft.not_mailable_reason}
    if changes:
        Contact.objects.filter(pk=contact.pk).update(**changes)
