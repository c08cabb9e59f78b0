"""Search the web for the site of companies whose names do not lead to one. Step ``search``.

Tavily is asked once a company, with a query built by rule from the register. What it finds is only
where to look: the likeliest hosts are crawled, and a site is taken when it is the company's by the
same points as any other. Costs a credit a company; answers are kept for 30 days.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from acra.models import RegisteredCompany, SsicCode
from enrichment.ask_once import Told, ask_once, hash_of, known_answers
from enrichment.clients.tavily import SEARCH_CREDITS, TavilyClient
from enrichment.enrich import task_for
from enrichment.evidence.statements import WEBSITE, Statement
from enrichment.models import EnrichmentRun, LeadStep
from enrichment.price import Estimate
from enrichment.record import Found
from enrichment.search.pick_hosts import EXCLUDED, FoundPage, Place, pick_hosts
from enrichment.search.record_site import record_site
from enrichment.search.search_query import search_query
from enrichment.site import look
from enrichment.site.discover import Candidate
from enrichment.site.in_flight import InFlight, Landed
from enrichment.site.look import Crawl, Finding
from enrichment.site.match import THRESHOLD
from enrichment.steps import StepResult, pass_by, tally_step, work_by_hand, work_step
from enrichment.vendor_steps import Asked, DriftError, passed_by, wait_until_ready
from icp.models import Lead, LeadQuerySet
from icp.suppressions import shown, suppressed_among
from tenants.clock import database_now
from tenants.models import PipelineRun
from tenants.permits import (
    NoPermitError,
    Permit,
    Purpose,
    Vendor,
    VendorDownError,
    VendorError,
)
from tenants.stages import BatchReport, Tally
from tenants.stopping import is_stopping

STEP = "search"
COUNTRY = "singapore"  # preferred, not required
MOST_PAGES = 10
Outcome = LeadStep.Outcome
HAS_SITE = StepResult(Outcome.NOT_NEEDED, code="has_site")


def search_batch(
    run: PipelineRun,
    *,
    seconds: float = 60.0,
    crawl: Crawl | None = None,
    now: Callable[[], datetime] = database_now,
) -> BatchReport:
    """Search for the sites of some ENRICHED leads of ``run`` that have none; empty: all are done.

    No search is begun after ``seconds``; one look at what was found may take about four minutes
    more. Without a key, switched off or stopped: all leads without a site are passed by, and their
    rows say why. A vendor that is down is waited for a little, then they are left for another
    night. Each lead ends with one row; a second call goes on with the next.
    """
    pass_by(run, step=STEP, result=HAS_SITE, leads=_with_site())
    try:
        wait_until_ready(Vendor.TAVILY)
    except NoPermitError as exc:
        return passed_by(run, step=STEP, error=exc)
    threshold = run.plan.get("match_threshold", THRESHOLD)
    search = _Search(run.pk, threshold, crawl, now, until=time.monotonic() + seconds)
    report = work_step(run, step=STEP, work=search.work, count=settings.CRAWL_CONCURRENCY, now=now)
    if search.drift:
        return passed_by(run, step=STEP, error=search.drift, after=report)
    return report


def search_lead(
    lead: Lead, *, crawl: Crawl | None = None, now: Callable[[], datetime] = database_now
) -> StepResult | None:
    """Search for one lead's site by hand; ``None`` when another worker holds the lead."""
    search = _Search(None, THRESHOLD, crawl, now)
    return work_by_hand(lead, step=STEP, work=search.work, now=now)


def tally_search(run: PipelineRun) -> Tally:
    return tally_step(run, step=STEP)


def estimate(leads: int, *, run: PipelineRun | None = None) -> Estimate:
    """At most one credit a lead; with ``run``, leads with a known site and known answers left out.

    Three statements for each thousand leads.
    """
    if run is None:
        return _priced(leads, known=0)
    mine = Lead.objects.filter(run_id=run.pk).exclude(pk__in=_with_site().values("pk"))
    wanted = list(mine.only("name", "uen")[:leads])
    asked: set[str] = set()
    for start in range(0, len(wanted), 1000):
        part = wanted[start : start + 1000]
        about = _about(part)
        asked |= {hash_of(question_for(lead, about)) for lead in part}
    known = known_answers(Vendor.TAVILY, asked, now=database_now())
    return _priced(len(wanted), known=len(known))


def price_of(lead: Lead) -> Estimate | None:
    """What searching for one lead costs now; ``None`` when its site is known or given."""
    if lead.website or lead.facts.get(WEBSITE):
        return None
    asked = {hash_of(question_for(lead, _about([lead])))}
    return _priced(1, known=len(known_answers(Vendor.TAVILY, asked, now=database_now())))


def _priced(lookups: int, *, known: int) -> Estimate:
    units = (lookups - known) * SEARCH_CREDITS
    return Estimate(lookups, known, units, units * settings.VENDOR_UNIT_MICROS[Vendor.TAVILY])


def _with_site() -> LeadQuerySet:
    """Leads whose site is known, or given by an operator who will know better than a search."""
    return Lead.objects.filter(Q(facts__has_key=WEBSITE) | ~Q(website=""))


@dataclass(frozen=True, slots=True)
class About:
    """What the register says of some leads, and the titles of their codes."""

    companies: Mapping[str, RegisteredCompany]
    titles: Mapping[str, str]

    def company(self, lead: Lead) -> RegisteredCompany | None:
        return self.companies.get(lead.uen)

    def activity(self, lead: Lead) -> str:
        """The owner's own words, else the title of its code."""
        company = self.company(lead)
        if company is None:
            return shown(lead.facts, "category")
        own = company.primary_activity
        return own if len(own) > 3 else self.titles.get(company.primary_ssic, "")


def _about(leads: Iterable[Lead]) -> About:
    found = RegisteredCompany.objects.filter(uen__in=[lead.uen for lead in leads if lead.uen])
    companies = {company.uen: company for company in found.defer("published")}
    codes = {company.primary_ssic for company in companies.values()}
    titles = SsicCode.objects.filter(code__in=codes).values_list("code", "title")
    return About(companies, dict(titles))


def question_for(lead: Lead, about: About) -> dict[str, Any]:
    """What is asked about a lead, as the cache knows it."""
    company = about.company(lead)
    country = shown(lead.facts, "country")
    if company is None and country not in ("", "SG"):  # a listing of another country's city
        query = search_query(lead.name, activity=shown(lead.facts, "category"),
                             place=shown(lead.facts, "city")[:60])  # fmt: skip
        return {"query": query, "country": "", "most": MOST_PAGES}
    query = search_query(company.name if company else lead.name, activity=about.activity(lead))
    return {"query": query, "country": COUNTRY, "most": MOST_PAGES}


@dataclass(slots=True)
class _Search:
    """One batch: questions one after the other, looks at what they found side by side."""

    run_id: int | None
    threshold: int
    crawl: Crawl | None
    now: Callable[[], datetime]
    until: float | None = None
    drift: DriftError | None = None
    _asked: dict[int, tuple[Asked, tuple[Place, ...]]] = field(default_factory=dict)

    def work(self, leads: Sequence[Lead]) -> Iterator[tuple[Lead, StepResult]]:
        about = _about(leads)
        asking = TavilyClient(settings.TAVILY_BASE_URL, seconds=settings.VENDOR_READ_SECONDS)
        looking = InFlight(crawl=self.crawl, threshold=self.threshold, now=self.now)
        with closing(asking) as client, looking as flight:
            for lead in leads:
                if self.drift or is_stopping() or (self.until and time.monotonic() > self.until):
                    break
                try:
                    result = self._begin(lead, about, client, flight)
                except VendorDownError:
                    break  # the rest is freed; the next batch waits for the vendor, or gives up
                if result is not None:
                    yield lead, result
            while flight:
                for landed in flight.landed():
                    if landed.finding is not None:
                        yield landed.lead, self._end(landed, landed.finding, about)
                flight.renew()

    def _begin(
        self, lead: Lead, about: About, client: TavilyClient, flight: InFlight
    ) -> StepResult | None:
        """Ask, and begin to look; a result when there is nothing to look at."""
        try:
            told = self._ask(lead, about, client)
        except VendorDownError:
            raise
        except NoPermitError as exc:
            return StepResult.refused(exc)
        except VendorError as exc:
            self.drift = DriftError.of(exc)
            return StepResult.failed(exc)
        asked = Asked.of(told)
        places = self._places(lead, told)
        if not places:
            return asked.result(Outcome.NOTHING, *_no_place(told))
        self._asked[lead.pk] = asked, tuple(places)
        task = task_for(lead, about.company(lead))
        candidates = tuple(Candidate(place.host, STEP) for place in places)
        flight.start([lead], tasks=[replace(task, candidates=candidates)])
        return None

    def _ask(self, lead: Lead, about: About, client: TavilyClient) -> Told:
        question = question_for(lead, about)

        def ask(permit: Permit) -> dict[str, Any]:
            found = client.search(permit, question["query"], country=question["country"],
                                  most=MOST_PAGES, without=EXCLUDED)  # fmt: skip
            return {"hits": [asdict(hit) for hit in found.hits]}

        return ask_once(
            Vendor.TAVILY, question, ask=ask, units=SEARCH_CREDITS, now=self.now,
            purpose=Purpose(STEP, run_id=self.run_id, lead_id=lead.pk),
        )  # fmt: skip

    def _places(self, lead: Lead, told: Told) -> list[Place]:
        places = pick_hosts(_pages(told), name=lead.name, tried=_hosts_tried(lead))
        refused = suppressed_among("DOMAIN", [place.host for place in places])
        return [place for place in places if place.host not in refused]

    def _end(self, landed: Landed, finding: Finding, about: About) -> StepResult:
        asked, places = self._asked.pop(landed.lead.pk)
        found = Found(landed.lead, finding, about.company(landed.lead))
        if finding.outcome == look.DONE and finding.candidate:
            place = next(each for each in places if each.host == finding.candidate.site)
            found = replace(found, also=(_pointed_to(place, found.site, asked),))
            result = asked.result(Outcome.DONE, "", f"Its site is {found.site}")
        elif finding.may_pass:
            result = asked.result(Outcome.LATER, "not_reached", finding.sentence)
        else:
            looked = f"Looked at {', '.join(place.host for place in places)}: none is its own."
            result = asked.result(Outcome.NOTHING, "not_ours", looked)

        def write() -> StepResult:
            return record_site(found, run_id=self.run_id, now=self.now(), result=result)

        return replace(result, write=write)


def _pages(told: Told) -> list[FoundPage]:
    return [FoundPage(hit["url"], hit["title"], hit["score"]) for hit in told.answer["hits"]]


def _no_place(told: Told) -> tuple[str, str]:
    """Code and sentence for an answer that leads nowhere."""
    if pick_hosts(_pages(told), name="", tried=()):
        return "looked_at", "What the search finds was looked at before, or is suppressed."
    return "no_place", "The search finds nothing that could be its own site."


def _hosts_tried(lead: Lead) -> set[str]:
    """Hosts that were looked at when its names were tried; they are not looked at again."""
    last = EnrichmentRun.objects.filter(lead=lead).order_by("-pk").values_list("tried", flat=True)
    return {
        each["site"].lower().removeprefix("www.") for each in last.first() or ()
        if each.get("score") is not None or each.get("outcome") in ("ROBOTS", "WALL")
    }  # fmt: skip


def _pointed_to(place: Place, site: str, asked: Asked) -> Statement:
    """That the search led to the site; the site's own words are evidence beside it."""
    return Statement(
        WEBSITE, site[:2000], "PROVIDER", f"Tavily, call {asked.call_id}", "search.tavily", 1,
        round(min(max(place.page.score, 0.0), 1.0), 2), quote=place.page.title[:300],
    )  # fmt: skip
