"""``processLead`` of the migration plan: a lead that a program harvested is handed in.

A listing of the source "processLead", keyed by its page; from there on it goes the way of every
listing. Handing in the same page again merges: fields given are replaced, others stay.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from enrichment.captcha.open import open_challenge
from enrichment.captcha.tidy import close_needless
from enrichment.evidence.add_statements import add_statements
from enrichment.harvest_models import HarvestSource, Listing
from enrichment.listings.evidence import of_listing
from enrichment.listings.image_hash import read_hash
from enrichment.listings.merge_leads import survivor_of
from enrichment.listings.profile import read_profile
from enrichment.listings.take import one_at_a_time, take
from enrichment.models import Evidence
from enrichment.twin_models import LeadTwin
from enrichment.web.pages import NotFetchedError
from enrichment.web.web_address import parse_url
from icp.models import Lead
from tenants import audit

PROCESSED, PENDING_CAPTCHA = "PROCESSED", "PENDING_CAPTCHA"
# Status a lead has -> what it may be handed in with next. What was processed never waits again.
TRANSITIONS: Final = {
    PENDING_CAPTCHA: (PROCESSED, PENDING_CAPTCHA),
    PROCESSED: (PROCESSED,),
}
SOURCE: Final = "processLead"
# Their name, however it is cased and joined -> its place in the neutral record.
NAMES: Final = {
    "businessname": "name", "business": "name", "company": "name", "companyname": "name",
    "phone": "phones", "phones": "phones", "phonenumber": "phones", "telephone": "phones",
    "mobile": "phones", "email": "emails", "emails": "emails", "emailaddress": "emails",
    "websiteurl": "websites", "website": "websites", "url": "websites", "websites": "websites",
    "socials": "socials", "category": "category", "sourcecategory": "source_category",
    "servicesrendered": "services", "services": "services", "city": "city", "country": "country",
    "street": "street", "address": "street", "housenumber": "housenumber",
    "postcode": "postcode", "postalcode": "postcode", "zip": "postcode", "uen": "uen",
    "title": "contact_title", "openinghours": "opening_hours", "body": "body",
    "description": "body",
}  # fmt: skip
LISTS: Final = frozenset({"phones", "emails", "websites", "socials", "services"})
_NOT_LETTERS = re.compile(r"[^a-z]")


class HandedInError(Exception):
    """The lead was not taken; ``field`` names what is at fault, as the plan calls it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class RefusedLeadError(Exception):
    """The lead may not be kept, or not be moved so; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of it. ``is_new``: a lead was made; ``has_changed``: something was learnt."""

    lead: Lead
    listing: Listing
    is_new: bool
    has_changed: bool
    may_be: tuple[UUID, ...] = ()  # leads a person is asked to compare it with

    @property
    def status(self) -> str:
        return status_of(self.lead)

    @property
    def is_duplicate(self) -> bool:
        return self.listing.outcome == Listing.Outcome.DUPLICATE


def process_lead(
    *,
    lead_data: Mapping[str, Any],
    raw: str,
    source_url: str,
    image_hash: str,
    actor: str,
    now: datetime,
) -> Processed:
    """Take a lead in, or bring the one of the same page up to date.

    ``raw`` is ``lead_data`` as it was sent, kept to the byte. The same call again changes nothing,
    and two at once make one lead. Raises ``HandedInError`` for what the caller can mend, and
    ``RefusedLeadError`` for the suppressed, of whom nothing is kept, and for a status the lead may
    not go to. About 40 statements.
    """
    url, wanted = _url(source_url), _status(lead_data)
    with transaction.atomic():
        one_at_a_time()
        listing = _listing(url)
        before = survivor_of(listing.lead) if listing.pk and listing.lead else None
        changed = _keep(listing, lead_data, raw=raw, image_hash=image_hash, url=url, now=now)
        if before is None:
            take(listing, now=now)
        elif changed:
            _may_become(wanted, before)
            _bring_up_to_date(before, listing, now=now)
        lead = _lead_of(listing, before)
        is_new = before is None and listing.outcome == Listing.Outcome.TAKEN
        if changed:
            _move(lead, wanted, listing, now=now)
            audit.record("enrichment.process_lead", actor=actor, subject=f"lead {lead.pk}",
                         after={"listing": listing.pk, "outcome": listing.outcome,
                                "status": status_of(lead)})  # fmt: skip
    return Processed(lead, listing, is_new, changed, _may_be(lead))


def status_of(lead: Lead) -> str:
    """The plan's word: a lead waits for a person before a wall, or goes on by itself."""
    return PENDING_CAPTCHA if lead.stage == Lead.Stage.NEEDS_OPERATOR else PROCESSED


# --- what was sent ------------------------------------------------------------------------------
def _url(given: str) -> str:
    try:
        parse_url(given.strip())
    except NotFetchedError as exc:
        raise HandedInError("sourceUrl", f"This is no web address: {exc}") from exc
    return given.strip()


def _status(lead_data: Mapping[str, Any]) -> str:
    given = lead_data.get("status") or ""
    if given not in ("", PROCESSED, PENDING_CAPTCHA):
        raise HandedInError("leadData.status", f"Known are {PROCESSED} and {PENDING_CAPTCHA}.")
    return str(given)


def neutral(lead_data: Mapping[str, Any]) -> dict[str, Any]:
    """The plan's names as those of the neutral record; lists where it has lists.

    ``name`` is the contact's, unless nothing else names the business.
    """
    found: dict[str, Any] = {}
    for name, value in lead_data.items():
        place = NAMES.get(_NOT_LETTERS.sub("", str(name).lower()))
        if place is None or isinstance(value, Mapping) or value in (None, ""):
            continue
        if place in LISTS:
            found.setdefault(place, []).extend(value if isinstance(value, list) else [value])
        elif not isinstance(value, list):
            found.setdefault(place, value)
    contact = lead_data.get("name")
    if isinstance(contact, str) and contact.strip():
        if "name" in found:
            found["contact_name"] = contact
        else:
            found["name"] = contact
    return found


def _hash(given: str) -> str:
    """64 bits as they are; any other hash is compared for equality alone."""
    if not given.strip():
        return ""
    return read_hash(given) or hashlib.sha256(given.strip().encode()).hexdigest()[:16]


# --- the listing --------------------------------------------------------------------------------
def _listing(url: str) -> Listing:
    """The listing of that page, locked; a fresh one, not saved yet, when there is none."""
    source, _ = HarvestSource.objects.get_or_create(
        name=SOURCE, defaults={"kind": HarvestSource.Kind.API}
    )
    key = url if len(url) <= 500 else f"{url[:435]}#{hashlib.sha256(url.encode()).hexdigest()}"
    rows = Listing.objects.select_for_update(of=("self",)).filter(source=source, source_key=key)
    found = rows.select_related("lead", "source").first()
    return found or Listing(source=source, source_key=key, url=url)


def _keep(
    listing: Listing, lead_data: Mapping[str, Any], *, raw: str, image_hash: str, url: str,
    now: datetime,
) -> bool:  # fmt: skip
    """Merge what was sent into the listing; whether that changed it."""
    earlier = listing.record.get("lead_data", {})
    merged = {**earlier, **lead_data}
    picture = _hash(image_hash) or listing.image_hash
    if listing.lead_id and merged == earlier and picture == listing.image_hash:
        return False
    walled = listing.record.get("behind_wall")
    listing.record = {
        "source": "api", "source_id": listing.source_key, "source_url": url,
        "retrieved_at": now.isoformat(), **neutral(merged), "lead_data": merged,
        **({"behind_wall": walled} if walled else {}),
    }  # fmt: skip
    listing.raw, listing.image_hash, listing.retrieved_at = raw, picture, now
    if not listing.lead_id:
        listing.outcome = Listing.Outcome.FOUND
    listing.save()
    return True


def _bring_up_to_date(lead: Lead, listing: Listing, *, now: datetime) -> None:
    """What this page said and no longer says is superseded; what it says now is added."""
    lead = Lead.objects.select_for_update().get(pk=lead.pk)
    profile = read_profile(listing.record)
    is_second = listing.outcome == Listing.Outcome.DUPLICATE
    said = of_listing(profile, listing, is_second=is_second)
    keys = {each.key for each in said}
    mine = Evidence.objects.filter(lead=lead, source="LISTING", reference=listing.url[:2000],
                                   superseded_at=None)  # fmt: skip
    gone = [row.pk for row in mine.exclude(method="register.match")
            if (row.field, row.source, row.method, row.subject, row.value, row.reference)
            not in keys]  # fmt: skip
    Evidence.objects.filter(pk__in=gone).update(superseded_at=now)
    add_statements(lead, said, run_id=None, now=now)
    is_mine = lead.source == Lead.Source.HARVEST and listing.outcome == Listing.Outcome.TAKEN
    if is_mine and profile.name.value:
        Lead.objects.filter(pk=lead.pk).update(name=profile.name.value)


def _lead_of(listing: Listing, before: Lead | None) -> Lead:
    """The lead as it is now. Raises for a listing that became none; all is rolled back then."""
    outcome = listing.outcome
    if outcome == Listing.Outcome.SUPPRESSED:
        raise RefusedLeadError(listing.sentence)
    if outcome == Listing.Outcome.REFUSED:
        field = "leadData.businessName" if listing.code == "no_name" else "leadData"
        raise HandedInError(field, listing.sentence)
    lead = before or listing.lead
    if lead is None:
        raise RefusedLeadError("The page it was found on waits for a person.")
    return Lead.objects.select_for_update().get(pk=lead.pk)


# --- the status ---------------------------------------------------------------------------------
def _may_become(wanted: str, lead: Lead) -> None:
    was = status_of(lead)
    if wanted and wanted not in TRANSITIONS[was]:
        raise RefusedLeadError(f"The lead is {was}, and does not go back to {wanted}.")


def _move(lead: Lead, wanted: str, listing: Listing, *, now: datetime) -> None:
    """Put the lead before a person, or let it go on; without a word it stays where it is."""
    if wanted == PENDING_CAPTCHA and lead.stage == Lead.Stage.CANDIDATE:
        lead.move_to(Lead.Stage.NEEDS_OPERATOR, now=now)
        host = urlsplit(listing.url).hostname or ""
        open_challenge(lead=lead, listing=listing, url=listing.url, make="unknown", host=host,
                       now=now)  # fmt: skip
    elif wanted == PROCESSED and lead.stage == Lead.Stage.NEEDS_OPERATOR:
        lead.move_to(Lead.Stage.CANDIDATE, now=now)
        close_needless(now=now)


def _may_be(lead: Lead) -> tuple[UUID, ...]:
    pairs = LeadTwin.objects.filter(state=LeadTwin.State.OPEN)
    after = pairs.filter(first=lead).values_list("second__public_id", flat=True)
    before = pairs.filter(second=lead).values_list("first__public_id", flat=True)
    return tuple(sorted({*after[:20], *before[:20]}))
