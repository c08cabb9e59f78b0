"""Make a lead of a listing: once, evidence for every value, and never a second of one business.

One listing at a time within a tenant, because two that speak of one business must not both find
nobody. Everything of one listing is one transaction: a worker that is killed leaves it FOUND.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from enrichment.evidence.add_statements import add_statements
from enrichment.harvest_models import Listing
from enrichment.listings.decide_match import store_matches
from enrichment.listings.evidence import of_listing, of_wall, with_values_behind_wall
from enrichment.listings.find_known import Known, find_known, own_hosts
from enrichment.listings.link_twins import link_twins
from enrichment.listings.match_register import Business, Match, match_register, may_be_registered
from enrichment.listings.merge_leads import survivor_of
from enrichment.listings.profile import Profile, read_profile
from icp.models import Lead, Suppression
from icp.suppressions import suppressed_pairs
from tenants.clock import database_now
from tenants.context import connection, current_schema

Outcome = Listing.Outcome
Kind = Suppression.Kind
DECIDED = ["outcome", "code", "sentence", "lead", "record", "raw", "image_hash"]


def take(listing: Listing, *, now: datetime | None = None) -> None:
    """Turn a FOUND listing into a lead, or say why not; ``listing`` shows the outcome.

    TAKEN (``lead`` is new), DUPLICATE (``lead`` was known and has learnt what the listing says),
    SUPPRESSED (nothing of it is kept but its address) or REFUSED. A listing that is not FOUND, or
    has no record yet, stays as it is; so a second call changes nothing. About 28 statements.
    """
    with transaction.atomic():
        one_at_a_time()
        row = Listing.objects.select_for_update(of=("self",)).select_related("source").get(
            pk=listing.pk
        )  # fmt: skip
        if row.outcome == Outcome.FOUND and row.record:
            _decide(row, now=now or database_now())
            row.save(update_fields=DECIDED)
    for name in DECIDED:
        setattr(listing, name, getattr(row, name))


def one_at_a_time() -> None:
    """Wait for the tenant's other takers; ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"enrichment.take {current_schema()}"],
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """A listing as it was understood. ``known`` is told by all of it, and by the UEN found."""

    profile: Profile  # as listed
    matches: Sequence[Match]
    known: Known


def _decide(row: Listing, *, now: datetime) -> None:
    profile = read_profile(row.record)
    if not profile.name.value:
        return _end(row, Outcome.REFUSED, "no_name", "The listing names no business.")
    if not with_values_behind_wall(profile, row).is_reachable:
        return _end(row, Outcome.REFUSED, "nothing_to_go_by",
                    "It has no telephone number, address, web site or place.")  # fmt: skip
    matches = (
        match_register(Business.of_profile(profile)) if may_be_registered(profile.country) else []
    )
    is_sure = bool(matches) and matches[0].is_sure
    identified = replace(profile, uen=matches[0].uen) if is_sure else profile
    identified = with_values_behind_wall(identified, row)
    if kind := _suppressed(identified):
        return _forget(row, kind)
    read = _Read(profile, matches, find_known(identified, row))
    if (certain := read.known.certain) is not None:
        return _join(row, read, Lead.objects.get(pk=certain.lead), now=now)
    return _begin(row, read, now=now)


def _begin(row: Listing, read: _Read, *, now: datetime) -> None:
    """A business nobody knew."""
    profile = read.profile
    lead = Lead.objects.create(
        source=Lead.Source.HARVEST, source_ref=reference_of(row), name=profile.name.value,
        website=profile.sites[0].value if profile.sites else "", stage_since=now, created_at=now,
    )  # fmt: skip
    _learn(lead, row, read, now=now)
    link_twins(lead, read.known.likely, now=now)
    _end(row, Outcome.TAKEN, "", " ".join([*read.known.crowded, *profile.notes]), lead=lead)


def _join(row: Listing, read: _Read, known: Lead, *, now: datetime) -> None:
    """A business somebody works on: the listing is linked to it, and its values are evidence."""
    lead = survivor_of(Lead.objects.select_for_update().get(pk=known.pk))
    if lead.rejection_code == "suppressed":
        return _forget(row, "The business it is listed as")
    _learn(lead, row, read, now=now, is_second=True)
    others = [each for each in read.known.likely if each.lead not in (lead.pk, known.pk)]
    link_twins(lead, others, now=now)
    reason = read.known.likely[0].reasons[0]["kind"]
    return _end(
        row, Outcome.DUPLICATE, reason, f"Known already: {lead.name.rstrip('.')}.", lead=lead
    )


def _learn(
    lead: Lead, row: Listing, read: _Read, *, now: datetime, is_second: bool = False
) -> None:
    has_site = bool(lead.website) or "website" in lead.facts
    said = [*of_listing(read.profile, row, is_second=is_second), *of_wall(row)]
    add_statements(lead, said, run_id=None, now=now)
    if read.profile.sites and not has_site:
        Lead.objects.filter(pk=lead.pk).update(website=read.profile.sites[0].value)
    if not lead.uen and read.matches:
        store_matches(lead, read.matches, reference=row.url, now=now)


def _suppressed(profile: Profile) -> str:
    """The words for the first of its values nobody may contact; ``""`` when there is none."""
    asked = [
        *((Kind.UEN, each) for each in [profile.uen]),
        *((Kind.DOMAIN, host) for host in own_hosts(profile)),
        *((Kind.EMAIL, each.value) for each in profile.emails),
        *((Kind.PHONE, each.value) for each in profile.phones),
    ]
    found = suppressed_pairs((str(kind), value) for kind, value in asked if value)
    kinds = [kind for kind, value in asked if (str(kind), value) in found]
    return f"Its {Kind(kinds[0]).label.lower()}" if kinds else ""


def _forget(row: Listing, what: str) -> None:
    """Keep that it was met and no more: of the suppressed nothing is stored."""
    row.record, row.raw, row.image_hash = {}, "", ""
    _end(row, Outcome.SUPPRESSED, "suppressed", f"{what} is on the suppression list.")


def _end(
    row: Listing, outcome: Listing.Outcome, code: str, sentence: str, *, lead: Lead | None = None
) -> None:
    row.outcome, row.code, row.sentence, row.lead = outcome, code, sentence[:300], lead


def reference_of(row: Listing) -> str:
    """The page it was found on; where a source has many entries on one page, which of them.

    Longer ones end in a hash, so that two never become one.
    """
    is_shared = Lead.objects.filter(source=Lead.Source.HARVEST, source_ref=row.url[:500]).exists()
    reference = f"{row.url}#{row.source_key}" if is_shared else row.url or row.source_key
    if len(reference) <= 500:
        return reference
    return f"{reference[:435]}#{hashlib.sha256(reference.encode()).hexdigest()}"[:500]
