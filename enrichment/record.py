"""Write down what was found about leads, in one transaction, as far as they are still held.

Everything is set against what stands already, so that a second run over the same pages adds
nothing: evidence that still holds stays, what a page no longer says is superseded, contacts are
found by address or name. Suppressed addresses and numbers are never stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from acra.models import RegisteredCompany
from enrichment.captcha.open import open_challenge
from enrichment.captcha.settled import is_settled
from enrichment.evidence.digest import digest
from enrichment.evidence.refusals import Refusals
from enrichment.evidence.snapshots import store_pages
from enrichment.evidence.statements import Statement, allowed, of_register, of_site, values_to_ask
from enrichment.evidence.store_contacts import store_contacts
from enrichment.evidence.store_evidence import facts_of, store_evidence, take_account, what_stands
from enrichment.models import EnrichmentRun
from enrichment.observation import storable
from enrichment.site import look
from enrichment.site.look import Finding, corpus_of
from enrichment.web.host_of import host_of
from enrichment.web.pages import CrawledPage
from icp.ask_again import FAILS_RULE, ask_again
from icp.models import Lead
from tenants.instruments import CRAWL_ERRORS, CRAWL_SECONDS

RETRY_AFTER = timedelta(hours=12)  # the next night, whatever the hour of this one
MAX_FAILURES = 3  # nights without an answer before the lead goes on without a site
ATTEMPT_FIELDS = [
    "outcome", "site", "site_origin", "match_score", "match_lines", "tried", "skipped",
    "request_count", "seconds", "error_code", "error", "digest", "corpus", "started_at",
    "finished_at",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """A lead in hand, what a look for its site came to, and what the register says of it."""

    lead: Lead
    finding: Finding
    company: RegisteredCompany | None
    also: tuple[Statement, ...] = ()  # what else is said of it, by whoever pointed to the site

    @property
    def site(self) -> str:
        """The home page that was taken, ``""`` when none was."""
        is_done = self.finding.outcome == look.DONE and self.finding.crawl
        return self.finding.crawl.home_url if is_done and self.finding.crawl else ""

    @property
    def pages(self) -> Sequence[CrawledPage]:
        return self.finding.crawl.pages if self.site and self.finding.crawl else ()

    def statements(self) -> list[Statement]:
        said = [*of_register(self.company), *self.also]
        return [*said, *of_site(self.finding, self.site)] if self.site else said


def record(found: Sequence[Found], *, run_id: int | None, now: datetime) -> list[str | None]:
    """Store findings and move their leads on, all or none. Returns the new stages, in order.

    ``None`` for a lead that was lost: a worker whose lease ran out and was given to another
    writes nothing. Each statement serves all leads; one costs a dozen, more about one each.
    """
    with transaction.atomic():
        held = _still_held(found)
        mine = [one for one in found if one.lead.pk in held]
        for one, facts in store(mine, run_id=run_id, now=now):
            _move_on(one, facts, now=now)
    for one in mine:
        _count(one.finding)
    return [str(one.lead.stage) if one.lead.pk in held else None for one in found]


def _count(finding: Finding) -> None:
    """For the metrics of this machine."""
    CRAWL_SECONDS.labels(finding.outcome).observe(finding.seconds)
    if finding.code:
        CRAWL_ERRORS.labels(finding.code[:40]).inc()


def store(
    found: Sequence[Found], *, run_id: int | None, now: datetime
) -> list[tuple[Found, dict[str, Any]]]:
    """Store attempts, pages, evidence and contacts of leads whose rows the caller has locked.

    Returns those that stay, each with what is now to be shown of it. A lead whose site is
    suppressed is rejected.
    """
    attempts = _attempts(found, run_id=run_id, now=now)
    said = {one.lead.pk: one.statements() for one in found}
    refusals = Refusals(
        {pair for one in found for pair in values_to_ask(said[one.lead.pk], lead=one.lead)}
        | {("DOMAIN", host_of(one.site)) for one in found if one.site}
    )
    kept = [one for one in found if not _is_suppressed(one, refusals, now=now)]
    pages = store_pages(
        [(attempts[one.lead.pk], one.pages) for one in kept if one.site],
        keep_bodies=settings.PERSIST_CRAWL_PAGES,
    )
    standing = what_stands([one.lead for one in kept])
    accounts = [
        take_account(
            one.lead,
            allowed(said[one.lead.pk], lead=one.lead, refusals=refusals),
            standing=standing[one.lead.pk],
            pages=pages.get(attempts[one.lead.pk].pk, {}),
            replaces_pages=bool(one.site),
        )
        for one in kept
    ]
    store_contacts(accounts, refusals=refusals, now=now)
    store_evidence(accounts, run_id=run_id, now=now)
    return [(one, facts_of(account)) for one, account in zip(kept, accounts, strict=True)]


def _still_held(found: Sequence[Found]) -> set[int]:
    """The leads whose claim still stands, locked."""
    rows = Lead.objects.of_claims(one.lead for one in found).in_stage(Lead.Stage.CANDIDATE)
    return set(rows.select_for_update().order_by("pk").values_list("pk", flat=True))


def _is_suppressed(one: Found, refusals: Refusals, *, now: datetime) -> bool:
    if not one.site or not refusals.refuse("DOMAIN", host_of(one.site)):
        return False
    one.lead.reject("suppressed", "The company's site is suppressed.", now=now)
    return True


def _move_on(one: Found, facts: dict[str, Any], *, now: datetime) -> None:
    stage, also = _next(one.lead, one.finding, now=now)
    if stage == Lead.Stage.ENRICHED:
        stage, also = judge_by_rule(one.lead, facts, now=now)
    one.lead.move_to(stage, now=now, facts=facts, **also)
    if stage == Lead.Stage.NEEDS_OPERATOR:
        url, host, make = _wall(one.finding)
        open_challenge(lead=one.lead, url=url, host=host, make=make, now=now)


def _attempts(
    found: Sequence[Found], *, run_id: int | None, now: datetime
) -> dict[int, EnrichmentRun]:
    """The rows of these attempts by lead; one per lead and run, however often it was begun."""
    rows = [
        EnrichmentRun(lead=one.lead, run_id=run_id, **_attempt(one.finding, now=now))
        for one in found
    ]
    if run_id is None:
        EnrichmentRun.objects.bulk_create(rows)
    else:
        EnrichmentRun.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["lead", "run_id"],
            update_fields=ATTEMPT_FIELDS,
        )
    return {row.lead_id: row for row in rows}


def _attempt(finding: Finding, *, now: datetime) -> dict[str, Any]:
    is_done = finding.outcome == look.DONE
    return {
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


def _clean(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: storable(v)[:500] if isinstance(v, str) else v for name, v in values.items()}


def _next(lead: Lead, finding: Finding, *, now: datetime) -> tuple[Lead.Stage, dict[str, Any]]:
    """Where the lead goes. Passing trouble brings it back another night, three times at most.

    A wall that a person has passed or given up already keeps the lead no more.
    """
    if finding.outcome == look.WALL and not is_settled(lead, host=_wall(finding)[1], now=now):
        return Lead.Stage.NEEDS_OPERATOR, {}
    if finding.outcome == look.FAILED and finding.may_pass:
        failures = lead.enrichment_runs.filter(outcome=EnrichmentRun.Outcome.FAILED).count()
        if failures < MAX_FAILURES:
            wait = max(RETRY_AFTER, timedelta(seconds=min(finding.retry_after or 0, 7 * 86_400)))
            return Lead.Stage.CANDIDATE, {"not_before": now + wait}
    return Lead.Stage.ENRICHED, {}


def _wall(finding: Finding) -> tuple[str, str, str]:
    """(address, host, make) of the wall somebody should look at first."""
    walls = finding.crawl.walls if finding.crawl else ()
    url, make = (walls[0][0], walls[0][1].words) if walls else ("", "unknown")
    return url, host_of(url), make


def judge_by_rule(
    lead: Lead, facts: dict[str, Any], *, now: datetime
) -> tuple[Lead.Stage, dict[str, Any]]:
    """What the register could not answer is known now, and may be wrong."""
    said = ask_again(lead, facts, now=now)
    also: dict[str, Any] = {"fit": said.fit, "trace": said.trace}
    if not said.failing:
        return Lead.Stage.ENRICHED, also
    also |= {"rejection_code": FAILS_RULE, "rejection_reason": said.failing[:300]}
    return Lead.Stage.REJECTED, also
