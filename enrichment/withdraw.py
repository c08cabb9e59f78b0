"""Take contacts out of use, and out of the cache, when their address or domain is suppressed."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from enrichment.extract.titles import person_key
from enrichment.models import Contact, VendorAnswer
from icp.models import Suppression
from icp.suppressions import suppressed_pairs
from tenants.permits import Vendor

WHY = "Suppressed."
AT_ONCE = 200  # domains of one statement


def withdraw_contacts(suppressions: QuerySet[Suppression]) -> int:
    """Mark contacts that ``suppressions`` forbid as not mailable; returns how many.

    For ``icp.suppressions.when_suppressed``. Addresses of erased people are only hashes, so they
    cannot be found here; they are asked about again wherever an address is used.
    """
    standing = suppressions.filter(lifted_at=None).exclude(value="")
    # Also those withheld for their verdict: another policy must not let them in again.
    mailable = Contact.objects.filter(Q(is_mailable=True) | Q(is_withheld=True)).exclude(email="")
    addresses = standing.filter(kind=Suppression.Kind.EMAIL).values("value")
    withdrawn = _withdraw(mailable.filter(email__in=addresses))
    domains = list(standing.filter(kind=Suppression.Kind.DOMAIN).values_list("value", flat=True))
    for start in range(0, len(domains), AT_ONCE):
        below = Q()
        for domain in domains[start : start + AT_ONCE]:
            below |= Q(email__endswith=f"@{domain}") | Q(email__endswith=f".{domain}")
        withdrawn += _withdraw(mailable.filter(below))
    return withdrawn + _withdraw_people(standing, mailable)


def _withdraw_people(standing: QuerySet[Suppression], mailable: QuerySet[Contact]) -> int:
    """Contacts by name and company; one statement for each company named."""
    withdrawn = 0
    for place, _, name in (
        value.partition(" ")
        for value in standing.filter(kind=Suppression.Kind.PERSON).values_list("value", flat=True)
    ):
        there = mailable.filter(lead__source_ref__iexact=place).values_list("pk", "name")
        named = [pk for pk, given in there if person_key(given) == name]
        withdrawn += _withdraw(Contact.objects.filter(pk__in=named))
    return withdrawn


def forget_answers(suppressions: QuerySet[Suppression]) -> int:
    """Empty the kept answers about people that ``suppressions`` forbid; returns how many.

    For ``icp.suppressions.when_suppressed``. That the question was asked stays on record, so that
    nobody asks it again. Reads all answers of the provider of people, at most a month's.
    """
    kinds = {Suppression.Kind.EMAIL, Suppression.Kind.DOMAIN, Suppression.Kind.PHONE}
    if not suppressions.filter(kind__in=kinds).exists():
        return 0
    rows = VendorAnswer.objects.filter(vendor=Vendor.LUSHA, answer__isnull=False)
    said = {row.pk: _named_in(row) for row in rows.iterator(chunk_size=2000)}
    refused = suppressed_pairs({pair for pairs in said.values() for pair in pairs})
    hit = [pk for pk, pairs in said.items() if pairs & refused]
    return VendorAnswer.objects.filter(pk__in=hit).update(
        answer={"people": [], "why": "suppressed"}
    )


def _named_in(row: VendorAnswer) -> set[tuple[str, str]]:
    """Addresses, numbers and the domain a kept answer speaks of."""
    answer = row.answer or {}
    domain = row.question.get("who works at")
    found = {("DOMAIN", domain)} if domain else set()
    found |= {("EMAIL", one["email"]) for one in answer.get("emails", ())}
    return found | {("PHONE", number) for number in answer.get("phones", ())}


def _withdraw(contacts: QuerySet[Contact]) -> int:
    return contacts.update(is_mailable=False, not_mailable_reason=WHY, is_withheld=False)
