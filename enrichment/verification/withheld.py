"""Remember which addresses were withheld, and when: a night that is replayed must know it again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from enrichment.models import Contact, Evidence

FIELD = "email_withheld"
METHOD = "verify"


def remember(*, withheld: Iterable[int], freed: Iterable[int], now: datetime) -> None:
    """Note as evidence that contacts were taken out of mailing for their verdict, or let back in.

    At most three statements. In the transaction that changes the contacts.
    """
    if gone := list(freed):
        stood = Evidence.objects.filter(contact__in=gone, field=FIELD, superseded_at=None)
        stood.update(superseded_at=now)
    if fresh := list(withheld):
        contacts = Contact.objects.filter(pk__in=fresh)
        rows = [
            Evidence(
                lead_id=lead, contact_id=pk, subject=email[:200], field=FIELD, value=email,
                source=Evidence.Source.PROVIDER, reference=f"verification {verification}",
                method=METHOD, confidence=1, observed_at=now,
            )
            for pk, lead, email, verification in contacts.values_list(
                "pk", "lead_id", "email", "verification_id")
        ]  # fmt: skip
        Evidence.objects.bulk_create(rows, ignore_conflicts=True)


def withheld_at(leads: Iterable[int], *, at: datetime) -> dict[int, set[str]]:
    """Lead -> its addresses that were withheld for their verdict at the time ``at``."""
    rows = Evidence.objects.filter(
        Q(superseded_at=None) | Q(superseded_at__gt=at),
        lead__in=list(leads), field=FIELD, observed_at__lte=at,
    )  # fmt: skip
    found: dict[int, set[str]] = {}
    for lead, address in rows.values_list("lead_id", "value"):
        found.setdefault(lead, set()).add(address)
    return found
