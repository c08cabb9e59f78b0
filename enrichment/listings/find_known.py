"""Leads that may be the business a listing speaks of, by one statement over indexed values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment.harvest_models import Listing
from enrichment.listings.image_hash import NEAR_BITS
from enrichment.listings.keys import WORDS, Hit, Kind, Likeness, Party, crowded_in, weigh
from enrichment.listings.profile import Profile, is_for_many, place_key
from enrichment.models import HOST_IN_URL, Evidence
from icp.models import Lead
from tenants.context import connection

MOST = 5_000  # hits; names at one postal code are compared here, and a tower has many

# Standing evidence tells of all leads alike, whoever said it: listing, site, register, operator.
_HITS = f"""
SELECT lead_id, CASE field WHEN 'phones' THEN 'phone' ELSE 'email' END, value
FROM enrichment_evidence
WHERE superseded_at IS NULL AND field IN ('phones', 'emails') AND value = ANY(%(values)s)
UNION SELECT lead_id, 'domain', substring(value, '{HOST_IN_URL}') FROM enrichment_evidence
WHERE superseded_at IS NULL AND field = 'website'
  AND substring(value, '{HOST_IN_URL}') = ANY(%(hosts)s)
UNION SELECT id, 'uen', uen FROM icp_lead WHERE uen = %(uen)s AND uen <> ''
UNION SELECT id, 'url', source_ref FROM icp_lead
WHERE source = 'HARVEST' AND source_ref = %(url)s AND NOT EXISTS (
    SELECT 1 FROM enrichment_listing o WHERE o.lead_id = icp_lead.id AND o.source_id = %(source)s
      AND o.id <> %(listing)s)
UNION SELECT lead_id, 'place', value FROM enrichment_evidence
WHERE superseded_at IS NULL AND field = 'postal_code' AND value = ANY(%(places)s)
UNION SELECT lead_id, 'image', %(image)s FROM enrichment_listing
WHERE %(image)s <> '' AND image_hash <> '' AND lead_id IS NOT NULL AND id <> %(listing)s
  AND bit_count(('x' || image_hash)::bit(64) # ('x' || %(image)s)::bit(64)) <= %(near)s
LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Known:
    """Leads like a business, the most alike first; ``crowded``: what it shares with too many."""

    likely: Sequence[Likeness]
    crowded: Sequence[str] = ()

    @property
    def certain(self) -> Likeness | None:
        return next((each for each in self.likely if each.is_certain), None)


def find_known(profile: Profile, listing: Listing) -> Known:
    """Leads like the business of ``profile``. Four statements of SQL."""
    asked = _asked(profile, listing)
    with connection.cursor() as cursor:
        cursor.execute(_HITS, asked)
        hits = [Hit(*row) for row in cursor.fetchall()]
    parties = parties_of(hit.lead for hit in hits)
    me = Party(profile.name.value, profile.uen, frozenset({profile.place_key} - {""}),
               tuple(_points([listing.record])))  # fmt: skip
    crowded = [f"{count:,} leads have the {WORDS[Kind(kind)]}, {value}: nobody is known by it."
               for (kind, value), count in crowded_in(hits).items()]  # fmt: skip
    return Known(weigh(me, hits, parties=parties), crowded)


def own_hosts(profile: Profile) -> list[str]:
    """Hosts of its sites and of its e-mail addresses; providers' hosts are nobody's."""
    mail = (each.value.partition("@")[2] for each in profile.emails)
    return [host for host in dict.fromkeys([*profile.hosts, *mail]) if not is_for_many(host)]


def parties_of(leads: Iterable[int]) -> dict[int, Party]:
    """Name, UEN and places of each lead. Three statements."""
    wanted = set(leads)
    postcodes: dict[int, set[str]] = defaultdict(set)
    said = Evidence.objects.filter(lead__in=wanted, field="postal_code", superseded_at=None)
    for lead, value in said.values_list("lead_id", "value"):
        postcodes[lead].add(place_key(value))
    points: dict[int, list[tuple[float, float]]] = defaultdict(list)
    listed = Listing.objects.filter(lead__in=wanted, record__lat__isnull=False)
    for lead, lat, lon in listed.values_list("lead_id", "record__lat", "record__lon"):
        points[lead] += _points([{"lat": lat, "lon": lon}])
    rows = Lead.objects.filter(pk__in=wanted).values_list("pk", "name", "uen")
    return {pk: Party(name, uen, frozenset(postcodes[pk]), tuple(points[pk]))
            for pk, name, uen in rows}  # fmt: skip


def _points(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, float]]:
    """Where a source puts the business, if it says so in numbers."""
    for record in records:
        at = record.get("lat"), record.get("lon")
        if all(isinstance(each, int | float) and not isinstance(each, bool) for each in at):
            yield float(at[0] or 0), float(at[1] or 0)


def _asked(profile: Profile, listing: Listing) -> dict[str, Any]:
    places = {profile.postcode, profile.postcode.upper(), profile.place_key} - {""}
    return {
        "values": [each.value for each in (*profile.phones, *profile.emails)],
        "hosts": own_hosts(profile),
        "uen": profile.uen, "url": listing.url[:500], "source": listing.source_id,
        "listing": listing.pk, "places": list(places),
        "image": listing.image_hash, "near": NEAR_BITS, "most": MOST,
    }  # fmt: skip
