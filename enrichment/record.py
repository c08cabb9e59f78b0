"""Write down what was found about one lead, in one transaction, if the lead is still held.

Everything is set against what stands already, so that a second run over the same pages adds
nothing: evidence that still holds stays, what a page no longer says is superseded, contacts are
found by address or name. Suppressed addresses and numbers are never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from acra.models import RegisteredCompany
from enrichment import look
from enrichment.digest import digest
from enrichment.look import Finding, corpus_of
from enrichment.merge import Claim, build_contacts, choose
from enrichment.models import EnrichmentRun
from enrichment.observation import storable
from enrichment.parse import host_of
from enrichment.refusals import Refusals
from enrichment.snapshots import store_pages
from enrichment.statements import allowed, of_register, of_site, values_to_ask
from enrichment.store_contacts import store_contacts
from enrichment.store_evidence import store_evidence, take_account
from icp.ask_again import FAILS_RULE, ask_again
from icp.models import Lead

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
        held = Lead.objects.select_for_update().filter(pk=lead.pk, lease=lead.lease)
        if list(held.values_list("stage", flat=True)) != [Lead.Stage.CANDIDATE]:
            return None
        attempt = _attempt(lead, finding, run_id=run_id, now=now)
        site = finding.crawl.home_url if finding.crawl and finding.outcome == look.DONE else ""
        statements = [*of_register(company), *(of_site(finding, site) if site else ())]
        host = ("DOMAIN", host_of(site))
        refusals = Refusals(values_to_ask(statements) | ({host} if site else set()))
        if refusals.refuse(*host):
            lead.reject("suppressed", "The company's site is suppressed.", now=now)
            return str(lead.stage)
        pages = {}
        if site and finding.crawl:
            keep = settings.PERSIST_CRAWL_PAGES
            pages = store_pages(attempt, finding.crawl.pages, keep_bodies=keep)
        account = take_account(
            lead, allowed(statements, refusals=refusals), pages=pages, replaces_pages=bool(site)
        )
        own = [claim for claim in account.claims if claim.source == "PAGE"]
        drafts = build_contacts(own, company_name=lead.name)
        contacts = store_contacts(lead, drafts, refusals=refusals, now=now)
        ids = store_evidence(account, contacts=contacts, pages=pages, run_id=run_id, now=now)
        facts = _facts(account.claims, ids)
        stage, also = _next(lead, finding, now=now)
        if stage == Lead.Stage.ENRICHED:
            stage, also = _by_rule(lead, facts, now=now)
        lead.move_to(stage, now=now, facts=facts, **also)
        return str(lead.stage)


def _facts(claims: Iterable[Claim], ids: Mapping[int, int]) -> dict[str, Any]:
    """What is shown of a lead, each value with the id of its evidence; ``ids`` of new rows."""
    facts: dict[str, Any] = {}
    for name, shown in choose(claims).items():
        facts[name] = {"value": shown.value, "evidence": ids.get(shown.key, shown.key)}
        if shown.alternatives:
            facts[name]["also"] = list(shown.alternatives)
    return facts


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
    [attempt] = EnrichmentRun.objects.bulk_create(
        [EnrichmentRun(lead=lead, run_id=run_id, **values)],
        update_conflicts=True,
        unique_fields=["lead", "run_id"],
        update_fields=list(values),
    )
    return attempt


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
