"""Find people with wanted titles at companies whose sites name none. Step ``people``.

Lusha is asked who works at the company's own domain (1 credit), and reveals the addresses of the
few most wanted (1 credit each, numbers 5 more where the tenant buys them). No question is asked
twice within 30 days, neither of a company nor of a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from enrichment.ask_once import Told, ask_once, hash_of, known_answers
from enrichment.clients.lusha import (
    EMAIL_CREDITS,
    PAGE_CREDITS,
    PHONE_CREDITS,
    LushaClient,
    LushaError,
    Preview,
)
from enrichment.domains import registrable
from enrichment.evidence.add_statements import add_statements
from enrichment.evidence.statements import WEBSITE, Statement
from enrichment.models import Contact, LeadStep
from enrichment.people.judge_people import (
    choose_people,
    keepable,
    statements_of,
    without_suppressed,
)
from enrichment.people.wanted_titles import title_rank, wanted_titles
from enrichment.price import Estimate
from enrichment.steps import (
    StepResult,
    pass_by,
    tally_step,
    waiting_for,
    work_by_hand,
    work_step,
)
from enrichment.vendor_steps import Asked, DriftError, passed_by, wait_until_ready
from enrichment.web.host_of import host_of
from icp.models import Lead
from icp.suppressions import is_suppressed, shown
from tenants.clock import database_now
from tenants.context import current_schema
from tenants.models import PipelineRun, TenantSettings
from tenants.permits import (
    NoPermitError,
    Permit,
    Purpose,
    Vendor,
    VendorDownError,
    VendorError,
    VendorOffError,
)
from tenants.stages import BatchReport, Tally
from tenants.stopping import is_stopping

STEP = "people"
AT_ONCE = 20  # leads of one batch
Outcome = LeadStep.Outcome
NO_DOMAIN = StepResult(
    Outcome.NOT_NEEDED, code="no_domain", sentence="No site of its own is known to ask about."
)
HAS_PEOPLE = StepResult(Outcome.NOT_NEEDED, code="has_people")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the tenant wants of Lusha."""

    is_on: bool
    titles: tuple[str, ...]
    most: int
    with_phones: bool

    @property
    def most_units(self) -> int:
        """The most one company can cost."""
        each = EMAIL_CREDITS + (PHONE_CREDITS if self.with_phones else 0)
        return PAGE_CREDITS + self.most * each


def wishes() -> Wishes:
    """Of the current tenant; what it leaves open is the deployment's. One statement."""
    chosen = TenantSettings.objects.filter(tenant_id=current_schema()).first()
    own = chosen.lusha_fallback if chosen else ""
    return Wishes(
        is_on=own == "ON" if own else settings.ENABLE_LUSHA_FALLBACK,
        titles=wanted_titles(chosen),
        most=chosen.people_per_company if chosen else 2,
        with_phones=bool(chosen and chosen.buys_phones),
    )


def people_batch(
    run: PipelineRun,
    *,
    seconds: float = 60.0,
    now: Callable[[], datetime] = database_now,
) -> BatchReport:
    """Find people for some ENRICHED leads of ``run``; empty when all are done.

    No question is begun after ``seconds``. Without a key, switched off or stopped: all leads that
    lack people are passed by, and their rows say why. A vendor that is down is waited for a
    little, then they are left for another night. Each lead ends with one row.
    """
    wanted = wishes()
    try:
        _ready(wanted)
    except NoPermitError as exc:
        _pass_by_the_others(run, wanted)
        return passed_by(run, step=STEP, error=exc)
    search = _People(run.pk, wanted, now, until=time.monotonic() + seconds)
    report = work_step(run, step=STEP, work=search.work, count=AT_ONCE, now=now)
    if search.drift:
        return passed_by(run, step=STEP, error=search.drift, after=report)
    return report


def find_people(lead: Lead, *, now: Callable[[], datetime] = database_now) -> StepResult | None:
    """Find people for one lead by hand; ``None`` when another worker holds the lead."""
    return work_by_hand(lead, step=STEP, work=_People(None, wishes(), now).work, now=now)


def tally_people(run: PipelineRun) -> Tally:
    return tally_step(run, step=STEP)


def estimate(leads: int, *, run: PipelineRun | None = None) -> Estimate:
    """At most one page of people a lead and the few reveals; with ``run``, what is known left out.

    A lead whose site is still to be found costs as much as any. Nothing when the tenant is off.
    """
    wanted = wishes()
    if not wanted.is_on:
        return Estimate(0)
    if run is None:
        return _priced(leads * wanted.most_units, lookups=leads)
    mine = Lead.objects.filter(run_id=run.pk).only("facts", "name")[:leads]
    domains = [domain_of(lead) for lead in _lacking(mine, wanted)]
    prices = _prices({domain for domain in domains if domain}, wanted)
    units = [prices.get(domain, wanted.most_units) for domain in domains]
    return _priced(sum(units), lookups=len(units), from_cache=units.count(0))


def price_of(lead: Lead) -> Estimate | None:
    """The most that finding people for one lead costs now; ``None`` without a site of its own."""
    domain = domain_of(lead)
    if not domain:
        return None
    wanted = wishes()
    units = _prices({domain}, wanted).get(domain, wanted.most_units)
    return _priced(units, lookups=1, from_cache=int(units == 0))


def _priced(units: int, *, lookups: int, from_cache: int = 0) -> Estimate:
    return Estimate(lookups, from_cache, units, units * settings.VENDOR_UNIT_MICROS[Vendor.LUSHA])


def _prices(domains: Collection[str], wanted: Wishes) -> dict[str, int]:
    """What companies still cost, in credits, whose people are known: the reveals nobody asked."""
    now = database_now()
    asked = {hash_of(_who(domain, wanted)): domain for domain in domains}
    told = known_answers(Vendor.LUSHA, asked, now=now)
    chosen = {asked[key]: _chosen(one, domain=asked[key], wanted=wanted)
              for key, one in told.items()}  # fmt: skip
    reveals = {hash_of(_whom(one, wanted)) for people in chosen.values() for one in people}
    known = known_answers(Vendor.LUSHA, reveals, now=now)
    return {
        domain: sum(_price_of(one, wanted) for one in people
                    if hash_of(_whom(one, wanted)) not in known)
        for domain, people in chosen.items()
    }  # fmt: skip


def domain_of(lead: Lead) -> str:
    """The domain of the site that was found to be the company's own; empty without one."""
    site = shown(lead.facts, WEBSITE)
    return registrable(host_of(site)) if site else ""


def _lacking(leads: Iterable[Lead], wanted: Wishes) -> list[Lead]:
    """Leads nobody with a wanted title is known of. One statement beside theirs."""
    leads = list(leads)
    named = Contact.objects.filter(lead__in=leads).exclude(name="").exclude(title="")
    have = {lead for lead, title in named.values_list("lead_id", "title")
            if title_rank(title, wanted.titles) is not None}  # fmt: skip
    return [lead for lead in leads if lead.pk not in have]


def _pass_by_the_others(run: PipelineRun, wanted: Wishes) -> None:
    """Leads that Lusha would not be asked about anyway, so that the rest is what it would add."""
    waiting = list(waiting_for(run, step=STEP).only("facts"))
    lacking = _lacking(waiting, wanted)
    without = [lead.pk for lead in lacking if not domain_of(lead)]
    pass_by(run, step=STEP, result=NO_DOMAIN, leads=Lead.objects.filter(pk__in=without))
    have = {lead.pk for lead in waiting} - {lead.pk for lead in lacking}
    pass_by(run, step=STEP, result=HAS_PEOPLE, leads=Lead.objects.filter(pk__in=have))


def _ready(wanted: Wishes) -> None:
    if not wanted.is_on:
        raise VendorOffError(
            f"{current_schema()}: Lusha is not asked for people. See Settings, or"
            " ENABLE_LUSHA_FALLBACK for the whole deployment."
        )
    wait_until_ready(Vendor.LUSHA)


def _who(domain: str, wanted: Wishes) -> dict[str, Any]:
    """The question about a company, as the cache knows it."""
    return {"who works at": domain, "titles": sorted(wanted.titles)}


def _whom(one: Preview, wanted: Wishes) -> dict[str, Any]:
    """The question about a person."""
    return {"reveal": one.id, "phones": wanted.with_phones}


def _price_of(one: Preview, wanted: Wishes) -> int:
    """What revealing costs at most: what the provider said, nothing for what was paid before."""
    return (one.email_credits or 0) + ((one.phone_credits or 0) if wanted.with_phones else 0)


def _chosen(told: Told, *, domain: str, wanted: Wishes) -> list[Preview]:
    people = [Preview(**one) for one in told.answer["people"]]
    return choose_people(people, domain=domain, wanted=wanted.titles, most=wanted.most)


@dataclass(slots=True)
class _People:
    """One batch: leads one after the other."""

    run_id: int | None
    wanted: Wishes
    now: Callable[[], datetime]
    until: float | None = None
    drift: DriftError | None = None

    def work(self, leads: Sequence[Lead]) -> Iterator[tuple[Lead, StepResult]]:
        lacking = {lead.pk for lead in _lacking(leads, self.wanted)}
        asking = LushaClient(settings.LUSHA_BASE_URL, seconds=settings.VENDOR_READ_SECONDS)
        with closing(asking) as client:
            for lead in leads:
                if self.drift or is_stopping() or (self.until and time.monotonic() > self.until):
                    break
                if self.run_id is not None and lead.pk not in lacking:
                    yield lead, HAS_PEOPLE
                    continue
                try:
                    yield lead, self._find(lead, client)
                except VendorDownError:
                    break  # the rest is freed; the next batch waits for the vendor, or gives up

    def _find(self, lead: Lead, client: LushaClient) -> StepResult:
        domain = domain_of(lead)
        if not domain:
            return NO_DOMAIN
        if is_suppressed(domain=domain):
            return StepResult(
                Outcome.SKIPPED, code="suppressed", sentence="Its site is suppressed."
            )
        try:
            _ready_or_off(self.wanted)
            told = self._ask_who(lead, domain, client)
        except VendorDownError:
            raise
        except NoPermitError as exc:
            return StepResult.refused(exc)
        except VendorError as exc:
            return self._failed(exc)
        chosen = _chosen(told, domain=domain, wanted=self.wanted)
        if not chosen:
            asked = Asked.of(told)
            nobody = f"Lusha knows nobody with a wanted title at {domain}."
            return asked.result(Outcome.NOTHING, told.answer.get("why") or "nobody", nobody)
        return self._reveal(lead, told, chosen, domain=domain, client=client)

    def _reveal(
        self,
        lead: Lead,
        told: Told,
        chosen: Sequence[Preview],
        *,
        domain: str,
        client: LushaClient,
    ) -> StepResult:
        """Ask for each of ``chosen``; what was revealed counts, though the rest may not be had."""
        answers = [told]
        statements: list[Statement] = []
        stopped: StepResult | None = None
        for one in chosen:
            try:
                answer = self._ask_whom(lead, one, domain, client)
            except VendorDownError:
                if not statements:
                    raise
                break
            except NoPermitError as exc:
                stopped = StepResult.refused(exc)
                break
            except VendorError as exc:
                stopped = self._failed(exc)
                break
            answers.append(answer)
            statements += statements_of(one, answer.answer, call_id=answer.call_id)
        asked = Asked.of(*answers)
        statements = without_suppressed(statements)
        if not statements:
            left_out = f"{len(chosen)} found at {domain}, but no data of theirs may be kept."
            return stopped or asked.result(Outcome.NOTHING, "no_data", left_out)
        names = sum(one.field == "people" for one in statements)
        result = asked.result(
            Outcome.DONE, stopped.code if stopped else "", _sentence(names, domain)
        )

        def write() -> StepResult | None:
            add_statements(lead, statements, run_id=self.run_id, now=self.now())
            return None

        return replace(result, write=write)

    def _failed(self, error: VendorError) -> StepResult:
        self.drift = DriftError.of(error)
        return StepResult.failed(error)

    def _ask_who(self, lead: Lead, domain: str, client: LushaClient) -> Told:
        def ask(permit: Permit) -> dict[str, Any]:
            try:
                found = client.prospect(permit, domain=domain, titles=self.wanted.titles)
            except LushaError as exc:
                return _no_data(exc, permit) | {"people": []}
            return {"people": [asdict(one) for one in found.people]}

        return self._ask(lead, _who(domain, self.wanted), ask, units=PAGE_CREDITS)

    def _ask_whom(self, lead: Lead, one: Preview, domain: str, client: LushaClient) -> Told:
        with_phones = self.wanted.with_phones and one.phone_credits is not None

        def ask(permit: Permit) -> dict[str, Any]:
            try:
                found = client.reveal(permit, ids=[one.id], with_phones=with_phones)
            except LushaError as exc:
                return _no_data(exc, permit)
            mine = next((person for person in found.people if person.id == one.id), None)
            if mine is None:
                return {"why": dict(found.refused).get(one.id, "NOT_FOUND")}
            return keepable(mine, domain=domain, with_phones=with_phones)

        return self._ask(lead, _whom(one, self.wanted), ask, units=_price_of(one, self.wanted))

    def _ask(
        self,
        lead: Lead,
        question: Mapping[str, Any],
        ask: Callable[[Permit], dict[str, Any]],
        *,
        units: int,
    ) -> Told:
        purpose = Purpose(STEP, run_id=self.run_id, lead_id=lead.pk)
        return ask_once(Vendor.LUSHA, question, ask=ask, units=units, purpose=purpose, now=self.now)


def _ready_or_off(wanted: Wishes) -> None:
    """By hand nobody has asked yet whether the tenant wants Lusha at all."""
    if not wanted.is_on:
        _ready(wanted)


def _no_data(error: LushaError, permit: Permit) -> dict[str, Any]:
    """An answer to be kept: privacy law forbids one, now and later. Other errors go on."""
    if error.code != "private":
        raise error
    permit.settle(0)
    return {"why": "private"}


def _sentence(people: int, domain: str) -> str:
    return f"{people} {'person' if people == 1 else 'people'} found at {domain}."
