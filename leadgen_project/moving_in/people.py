"""What a row says of a business and its person, and whom of this tenant it speaks of.

A row is found again by telephone number, then by address, then by what it was made of. Whoever is
suppressed becomes no lead, and nothing of the row is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from enrichment.extract.titles import person_key
from enrichment.web.host_of import host_of
from icp.models import Lead, Suppression
from icp.normalise import NotAValueError, normalise
from icp.suppressions import hash_of, standing_among, suppressed_pairs
from leadgen_project.moving_in.source import Row
from tenants.context import connection

Kind = Suppression.Kind


@dataclass(slots=True)
class Person:
    """One row as it was read. Empty: it does not say."""

    row: Row
    phone: str = ""
    phone_as_written: str = ""
    email: str = ""
    name: str = ""
    business: str = ""
    website: str = ""
    category: str = ""
    services: Sequence[str] = ()
    city: str = ""
    source_url: str = ""
    image_hash: str = ""
    status: str = ""
    last_sent: str = ""  # ISO, UTC: compared as text
    last_updated: str = ""
    stage: str = Lead.Stage.CANDIDATE
    hashes: dict[str, str] = field(default_factory=dict)  # kind -> keyed hash of phone, address
    key_hash: str = ""  # what the row is about, keyed so that it names nobody

    def key(self) -> str:
        """See ``key_hash``."""
        for kind in (Kind.PHONE, Kind.EMAIL):
            if kind in self.hashes:
                return self.hashes[kind]
        if self.source_url:
            return hash_of("URL", self.source_url)
        return hash_of("NAME", f"{self.business}\n{self.name}\n{self.city}".casefold())

    @property
    def ref(self) -> str:
        return f"contacts:{self.key_hash[:40]}"

    @property
    def lead_name(self) -> str:
        """What the lead is called: the business, else the person, else where it is reached."""
        host = self.email.rpartition("@")[2] or self.website
        return (self.business or self.name or host or self.phone or self.source_url)[:500]


def give_hashes(people: Iterable[Person]) -> None:
    for one in people:
        if one.phone:
            one.hashes[Kind.PHONE] = hash_of(Kind.PHONE, one.phone)
        if one.email:
            one.hashes[Kind.EMAIL] = hash_of(Kind.EMAIL, _folded(one.email))
        one.key_hash = one.key()


def suppressed_of(people: Sequence[Person]) -> set[int]:
    """Positions of the rows nobody may keep: one statement, two where people were erased."""
    asked: dict[str, list[int]] = {}
    for one in people:
        for value_hash in _asked(one):
            asked.setdefault(value_hash, []).append(one.row.position)
    standing = Suppression.objects.filter(lifted_at=None)
    found = {at for value_hash in standing_among(asked) for at in asked[value_hash]}
    if standing.filter(kind=Kind.PERSON).exists():
        named = {one.row.position: (Kind.PERSON, f"{one.ref} {person_key(one.name)}")
                 for one in people if one.name}  # fmt: skip
        gone = suppressed_pairs(named.values())
        found |= {at for at, pair in named.items() if pair in gone}
    return found


def _asked(one: Person) -> Iterable[str]:
    yield from one.hashes.values()
    if one.email:
        yield from _domain_hashes(one.email.rpartition("@")[2])
    if one.website:
        yield from _domain_hashes(host_in(one.website))


@lru_cache(maxsize=50_000)
def _domain_hashes(host: str) -> tuple[str, ...]:
    """Of the host and all above it; a public suffix among them can be suppressed by nobody."""
    labels = host.split(".")
    return tuple(
        hash_of(Kind.DOMAIN, ".".join(labels[at:])) for at in range(max(len(labels) - 1, 1))
    )


def host_in(site: str) -> str:
    """As ``host_of``; names beyond ASCII as suppressions have them."""
    if site.isascii():
        return host_of(site)
    try:
        return normalise(Kind.DOMAIN, site)
    except NotAValueError:
        return site


def _folded(email: str) -> str:
    if email.isascii():
        return email
    try:
        return normalise(Kind.EMAIL, email)
    except NotAValueError:
        return email


@dataclass(slots=True)
class Known:
    """Leads of this tenant by what a row may know them by."""

    by_phone: dict[str, int]
    by_email: dict[str, int]
    by_ref: dict[str, int]

    def find(self, one: Person) -> int | None:
        return (self.by_phone.get(one.phone) or self.by_email.get(one.email)
                or self.by_ref.get(one.ref))  # fmt: skip


def look_up(people: Sequence[Person]) -> Known:
    """The leads the rows speak of. Three statements; the oldest lead where there are several."""
    phones = [one.phone for one in people if one.phone]
    emails = [one.email for one in people if one.email]
    refs = [one.ref for one in people]
    with connection.cursor() as cursor:
        found = []
        for column, values in (("phone", phones), ("email", emails)):
            cursor.execute(
                f"SELECT {column}, min(lead_id) FROM enrichment_contact"
                f" WHERE {column} = ANY(%s) AND {column} <> '' GROUP BY 1",
                [values],
            )
            found.append(dict(cursor.fetchall()))
        cursor.execute(
            "SELECT source_ref, id FROM icp_lead WHERE source = 'IMPORT' AND source_ref = ANY(%s)",
            [refs],
        )
        return Known(found[0], found[1], dict(cursor.fetchall()))
