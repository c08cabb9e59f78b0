"""Take contacts out of use the moment their address or domain is suppressed."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from enrichment.models import Contact
from icp.models import Suppression

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
    return withdrawn


def _withdraw(contacts: QuerySet[Contact]) -> int:
    return contacts.update(is_mailable=False, not_mailable_reason=WHY, is_withheld=False)
