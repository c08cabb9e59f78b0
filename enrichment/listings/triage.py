"""Where each lead stands, in the plan's sense of queues: every lead is in exactly one place.

The places follow the lead's stage and the best of its contacts, in this order; the first that fits
is the lead's. Nothing is stored, so the counts can never disagree with the rows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When

from enrichment.models import Contact
from icp.models import Lead


class Place(StrEnum):
    OUT = "OUT"
    CAPTCHA = "CAPTCHA"
    NIGHT = "NIGHT"
    DIRECT_MAIL = "DIRECT_MAIL"
    TO_VERIFY = "TO_VERIFY"
    TELEPHONE = "TELEPHONE"
    NO_WAY = "NO_WAY"


WORDS: Final = {
    Place.OUT: "rejected", Place.CAPTCHA: "waits for a person before a wall",
    Place.NIGHT: "waits for the next night", Place.DIRECT_MAIL: "has an address that was verified",
    Place.TO_VERIFY: "has an address to be verified or adopted",
    Place.TELEPHONE: "has a telephone number only", Place.NO_WAY: "cannot be reached yet",
}  # fmt: skip


def placed(leads: QuerySet[Lead]) -> QuerySet[Any]:
    """``leads`` with their ``place`` (a ``Place``), worked out by the database."""
    mine = Contact.objects.filter(lead=OuterRef("pk"))
    return leads.annotate(
        place=Case(
            When(stage=Lead.Stage.REJECTED, then=Value(Place.OUT.value)),
            When(stage=Lead.Stage.NEEDS_OPERATOR, then=Value(Place.CAPTCHA.value)),
            When(stage=Lead.Stage.CANDIDATE, then=Value(Place.NIGHT.value)),
            When(Exists(mine.sendable()), then=Value(Place.DIRECT_MAIL.value)),
            When(Exists(mine.exclude(email="").filter(is_mailable=True)),
                 then=Value(Place.TO_VERIFY.value)),
            When(Q(facts__has_key="phone") | Exists(mine.exclude(phone="")),
                 then=Value(Place.TELEPHONE.value)),
            default=Value(Place.NO_WAY.value),
            output_field=CharField(),
        )
    )  # fmt: skip


def triage(leads: QuerySet[Lead] | None = None) -> dict[Place, int]:
    """How many of ``leads`` (all by default) are in each place; they add up to all of them.

    Every place is named, empty ones with 0. One statement.
    """
    rows = placed(Lead.objects.all() if leads is None else leads).order_by()
    counts = dict(rows.values_list("place").annotate(n=Count("pk")))
    return {place: counts.get(place.value, 0) for place in Place}
