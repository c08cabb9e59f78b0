"""Which leads may not leave the house: those with a suppressed UEN, domain, address or number.

Asked where a list is made and again where one is exported. A lead is withheld whole: who does not
want to be contacted does not want to stand in a list with the telephone number of a colleague.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from enrichment.models import Contact, EnrichmentRun, Evidence
from icp.models import Lead, Suppression
from scoring.features import EMAILS, PHONES, SITE

Kind = Suppression.Kind
FIELD_KIND = {EMAILS: Kind.EMAIL, PHONES: Kind.PHONE, SITE: Kind.DOMAIN}


def withheld(lead_ids: Sequence[int]) -> set[int]:
    """The leads among ``lead_ids`` that are suppressed now. Six statements for any number."""
    owners: dict[tuple[str, str], set[int]] = defaultdict(set)
    for lead_id, kind, value in _values(list(lead_ids)):
        for spelling in _spellings(kind, value):
            owners[spelling].add(lead_id)
    found: set[int] = set()
    for kind in Kind.values:
        asked = [value for known_kind, value in owners if known_kind == kind]
        standing = Suppression.objects.filter(kind=kind, lifted_at=None, value__in=asked)
        for value in standing.values_list("value", flat=True):
            found |= owners[(kind, value)]
    return found


def _values(ids: list[int]) -> Iterable[tuple[int, str, str]]:
    """(lead, kind, value) of everything by which a lead could be suppressed."""
    for pk, uen, website in Lead.objects.filter(pk__in=ids).values_list("pk", "uen", "website"):
        yield pk, Kind.UEN, uen
        yield pk, Kind.DOMAIN, website
    contacts = Contact.objects.filter(lead_id__in=ids)
    for pk, email, phone in contacts.values_list("lead_id", "email", "phone"):
        yield pk, Kind.EMAIL, email
        yield pk, Kind.PHONE, phone
    facts = Evidence.objects.filter(lead_id__in=ids, superseded_at=None, field__in=FIELD_KIND)
    for pk, field, value in facts.values_list("lead_id", "field", "value"):
        yield pk, FIELD_KIND[field], value
    sites = EnrichmentRun.objects.filter(lead_id__in=ids, outcome=EnrichmentRun.Outcome.DONE)
    for pk, site in sites.values_list("lead_id", "site"):
        yield pk, Kind.DOMAIN, site


def _spellings(kind: str, value: str) -> Iterable[tuple[str, str]]:
    """The normalised values that would suppress ``value``: an address also by its domain."""
    value = value.strip()
    if not value:
        return
    if kind == Kind.UEN:
        yield kind, value.upper()
    elif kind == Kind.PHONE:
        yield kind, value
    elif kind == Kind.EMAIL:
        yield kind, value.lower()
        yield from ((Kind.DOMAIN, name) for name in _domains(value.rpartition("@")[2]))
    else:
        host = urlsplit(value if "//" in value else f"//{value}").hostname or ""
        yield from ((Kind.DOMAIN, name) for name in _domains(host))


def _domains(host: str) -> list[str]:
    """``www.acme.com.sg`` -> itself, ``acme.com.sg``, ``com.sg``: any of them may be suppressed."""
    labels = host.lower().rstrip(".").split(".")
    return [".".join(labels[start:]) for start in range(max(1, len(labels) - 1))]
