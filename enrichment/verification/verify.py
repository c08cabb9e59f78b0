"""Verify the addresses of leads: what is new or older than 90 days is asked, the rest is known.

The step "verify" of the night. A suppressed address is taken off its contact and never seen by the
vendor; of a lead, the best addresses are asked about, those nobody may write to are not.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from enrichment.models import Contact, LeadStep, Verification
from enrichment.price import Estimate
from enrichment.steps import StepResult, tally_step, work_step
from enrichment.verification.ask_verifier import Found, Verifier
from enrichment.verification.judge_contacts import judge_contacts, link_contacts
from enrichment.verification.verifications import forget, note
from icp.models import Lead
from icp.suppressions import suppressed_among
from tenants.models import PipelineRun
from tenants.outage import outlast
from tenants.permits import Purpose, Vendor
from tenants.stages import BatchReport, Tally

STEP = "verify"
LEADS = 100  # of one batch: about as many addresses as fit into a few calls
ADDRESSES = 100  # of one round, which is one call
MOST_OF_A_LEAD = 5  # addresses a night asks about; a page of staff has dozens

NO_ANSWER = "ZeroBounce did not answer. It is asked again another night."

Outcome = LeadStep.Outcome


@dataclass(slots=True)
class Addresses:
    """One lead's addresses, by what is to become of them."""

    wanted: list[str] = field(default_factory=list)  # best first
    suppressed: list[str] = field(default_factory=list)
    not_mailable: list[str] = field(default_factory=list)
    over_cap: list[str] = field(default_factory=list)


def verify_batch(run: PipelineRun, *, seconds: float) -> BatchReport:
    """Verify the addresses of some waiting leads of ``run``, for about ``seconds``.

    At most one credit for each new or expired address, at most ``MOST_OF_A_LEAD`` of a lead. A
    second time over the same leads nothing is asked. What could not be asked is left and said so.
    """
    until = time.monotonic() + seconds
    verifier = Verifier(Purpose(STEP, run_id=run.pk), until=until)

    def work(leads: Sequence[Lead]) -> Iterator[tuple[Lead, StepResult]]:
        found = addresses_of(leads, most=MOST_OF_A_LEAD)
        for number, part in enumerate(_rounds(leads, found)):
            if number and time.monotonic() > until:
                return
            yield from _verify(part, found, verifier)

    return work_step(run, step=STEP, work=work, count=LEADS)


def tally_verify(run: PipelineRun) -> Tally:
    """Counts of the step, and what became of the addresses of its leads.

    ``addresses``: verdict -> contacts; ``would_ask``: addresses the vendor was not asked about,
    for want of a key, a budget or an answer.
    """
    tally = tally_step(run, step=STEP)
    leads = LeadStep.objects.filter(run_id=run.pk, step=STEP).values("lead")
    contacts = Contact.objects.filter(lead__in=leads).exclude(email="")
    verdicts = contacts.values_list("verdict").annotate(n=Count("pk")).order_by("verdict")
    would = contacts.filter(is_mailable=True, verdict="UNVERIFIED").exclude(
        verification__sub_status__in=("over_cap", "not_mailable")
    )
    tally.facts |= {"addresses": dict(verdicts),
                    "would_ask": would.values("email").distinct().count()}  # fmt: skip
    return tally


def verify_lead(lead: Lead, *, seconds: float = 120) -> Found:
    """Verify all addresses of one lead now, also those a night leaves out or gave up on.

    At most a credit for each that is new, due, or without a verdict.
    """
    mine = addresses_of([lead], most=None)[lead.pk]
    verifier = Verifier(Purpose("verify now", lead_id=lead.pk), until=time.monotonic() + seconds)
    given_up = set(_asked_in_vain(mine.wanted).values_list("address", flat=True))
    found = verifier.check(each for each in mine.wanted if each not in given_up)
    again = verifier.check((each for each in mine.wanted if each in given_up), even_known=True)
    _bring_in_line([lead], {lead.pk: mine})
    _take_off(lead, mine.suppressed)
    found.add(again)
    return found


def estimate(leads: int, *, run: PipelineRun | None = None) -> Estimate:
    """The most the step costs for ``leads`` leads; see ``enrichment.price``.

    What their pages will show is not known yet, so each counts with as many addresses as a night
    asks about at most.
    """
    cached = 0
    if run is not None:
        mine = Contact.objects.filter(lead__run_id=run.pk, is_mailable=True)
        good = mine.filter(verification__due_at__gt=timezone.now())
        cached = good.values("email").distinct().count()
    return _priced(leads * MOST_OF_A_LEAD, from_cache=cached)


def estimate_lead(lead: Lead) -> Estimate:
    """The most ``verify_lead`` costs now."""
    mine = addresses_of([lead], most=None)[lead.pk]
    known = Verification.objects.filter(address__in=mine.wanted, due_at__gt=timezone.now())
    cached = known.exclude(status="unknown").count()
    return _priced(len(set(mine.wanted)) - cached, from_cache=cached)


def addresses_of(leads: Iterable[Lead], *, most: int | None) -> dict[int, Addresses]:
    """Each lead's addresses, at most ``most`` of them wanted. Two statements."""
    rows = Contact.objects.filter(lead__in=[lead.pk for lead in leads]).exclude(email="")
    contacts = sorted(rows, key=_preference)
    refused = suppressed_among("EMAIL", {contact.email for contact in contacts})
    found: dict[int, Addresses] = defaultdict(Addresses)
    for contact in contacts:
        mine = found[contact.lead_id]
        if contact.email in refused:
            mine.suppressed.append(contact.email)
        elif not contact.is_mailable and not contact.is_withheld:
            mine.not_mailable.append(contact.email)
        elif most is not None and len(mine.wanted) >= most:
            mine.over_cap.append(contact.email)
        else:
            mine.wanted.append(contact.email)
    return found


# --- one round ----------------------------------------------------------------------------------
def _rounds(leads: Sequence[Lead], found: dict[int, Addresses]) -> Iterator[list[Lead]]:
    """Leads in parts whose addresses fit into one call; those without any come first."""
    part: list[Lead] = [lead for lead in leads if not found[lead.pk].wanted]
    if part:
        yield part
    part, size = [], 0
    for lead in leads:
        count = len(found[lead.pk].wanted)
        if part and size + count > ADDRESSES:
            yield part
            part, size = [], 0
        if count:
            part.append(lead)
            size += count
    if part:
        yield part


def _verify(
    leads: Sequence[Lead], found: dict[int, Addresses], verifier: Verifier
) -> Iterator[tuple[Lead, StepResult]]:
    told = verifier.check(address for lead in leads for address in found[lead.pk].wanted)
    ended = [lead for lead in leads if told.left.isdisjoint(found[lead.pk].wanted)]
    outlast(lambda: _bring_in_line(ended, found))
    for lead in ended:  # the others come again
        yield lead, _result(lead, found[lead.pk], told)


def _result(lead: Lead, mine: Addresses, told: Found) -> StepResult:
    wanted = set(mine.wanted)
    asked, failed = wanted & told.asked, wanted & told.failed
    told_of = (asked - failed) | (wanted & told.prechecked)
    result = StepResult(Outcome.DONE)
    if not wanted:
        result = StepResult(Outcome.NOT_NEEDED, code="no address")
    elif told_of:
        pass
    elif wanted & told.passed_by and told.refused is not None:
        result = StepResult.refused(told.refused)
    elif failed:
        result = StepResult(Outcome.LATER, code="no answer", sentence=NO_ANSWER)
    else:
        result = StepResult(Outcome.NOT_NEEDED, code="known")
    write = partial(_take_off, lead, mine.suppressed) if mine.suppressed else None
    return replace(result, calls=len(asked), from_cache=len(wanted & told.known), write=write)


@transaction.atomic
def _bring_in_line(leads: Sequence[Lead], found: dict[int, Addresses]) -> None:
    """Give the contacts of ``leads`` the verdicts known now. A second time changes nothing.

    For all at once and without their claims: it follows from what is stored, whoever does it.
    """
    now = timezone.now()
    for code in ("not_mailable", "over_cap"):
        passed = (each for lead in leads for each in getattr(found[lead.pk], code))
        note(dict.fromkeys(passed), code=code, now=now)
    contacts = Contact.objects.filter(lead__in=[lead.pk for lead in leads])
    link_contacts(contacts)
    judge_contacts(contacts)


def _take_off(lead: Lead, addresses: Sequence[str]) -> None:
    """Take suppressed addresses off their contacts; of a contact without more, nothing is left."""
    forget(addresses)
    for contact in Contact.objects.filter(lead=lead, email__in=addresses).order_by("pk"):
        others = Contact.objects.filter(lead=lead, email="", name=contact.name)
        if not (contact.name or contact.phone) or (contact.name and others.exists()):
            contact.delete()
            continue
        Contact.objects.filter(pk=contact.pk).update(
            email="", verification=None, verdict=Contact.Verdict.UNVERIFIED
        )


def _asked_in_vain(addresses: Iterable[str]) -> QuerySet[Verification]:
    return Verification.objects.filter(address__in=list(addresses), status="unknown")


def _preference(contact: Contact) -> tuple[bool, bool, bool, int]:
    """Whom to ask about first: people with a title, shared mailboxes, people, private persons."""
    is_person = contact.kind == Contact.Kind.PERSON
    return (contact.kind == Contact.Kind.PERSONAL, is_person and not contact.title,
            not is_person, contact.pk)  # fmt: skip


def _priced(lookups: int, *, from_cache: int) -> Estimate:
    price = settings.VENDOR_UNIT_MICROS[Vendor.ZEROBOUNCE]
    return Estimate(lookups + from_cache, from_cache, lookups, lookups * price)
