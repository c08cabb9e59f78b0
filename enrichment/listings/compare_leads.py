"""Two leads side by side: what each says, row by row, and which of them should stay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count

from enrichment.harvest_models import Listing
from enrichment.listings.keys import WORDS
from enrichment.listings.merge_leads import FOLLOWERS
from enrichment.models import Contact
from enrichment.twin_models import LeadTwin
from icp.models import Lead

ROWS: Final = (  # label, field of ``Lead.facts``
    ("Web site", "website"), ("Telephone", "phones"), ("E-mail", "emails"), ("Street", "street"),
    ("Postal code", "postal_code"), ("City", "city"), ("Category", "category"),
    ("Services", "services"), ("Opening hours", "opening_hours"),
)  # fmt: skip
OF_OURS: Final = frozenset({"Stage", "Score", "Came by"})  # says nothing of the business
MOST = 6  # values of one row
REASONS: Final = {**{str(kind): words for kind, words in WORDS.items()}, "name": "like name",
                  "other_uen": "but two UENs", "elsewhere": "but at different places"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison; ``is_same`` when both say a value in common."""

    label: str
    one: list[str]
    other: list[str]

    @property
    def is_same(self) -> bool:
        return self.label not in OF_OURS and bool(
            set(map(str.casefold, self.one)) & set(map(str.casefold, self.other))
        )


def compare(one: Lead, other: Lead) -> list[Row]:
    """The rows in which at least one of the two says something. Six statements."""
    sides = (_of(one), _of(other))
    labels = dict.fromkeys([*sides[0], *sides[1]])
    rows = (Row(label, sides[0].get(label, []), sides[1].get(label, [])) for label in labels)
    return [row for row in rows if row.one or row.other]


def reasons_of(twin: LeadTwin) -> list[dict[str, str]]:
    """What the two share, in words."""
    return [{"words": REASONS.get(each["kind"], each["kind"]), "value": each["value"]}
            for each in twin.reasons]  # fmt: skip


def better_of(one: Lead, other: Lead) -> Lead:
    """Which should stay: one of the register, then the one further on, then the older."""
    return min(one, other, key=_standing)


def _standing(lead: Lead) -> tuple[bool, bool, int, int]:
    order = [Lead.Stage.SHORTLISTED, Lead.Stage.SCORED, Lead.Stage.ENRICHED,
             Lead.Stage.NEEDS_OPERATOR, Lead.Stage.CANDIDATE, Lead.Stage.REJECTED]  # fmt: skip
    return (lead.source != Lead.Source.REGISTER, not lead.uen,
            order.index(Lead.Stage(lead.stage)), lead.pk)  # fmt: skip


def _of(lead: Lead) -> dict[str, list[str]]:
    found = {
        "Name": [lead.name], "UEN": [lead.uen] if lead.uen else [],
        "Came by": [f"{lead.get_source_display()}: {lead.source_ref}"],
        "Stage": [lead.get_stage_display()],
        "Score": [] if lead.score is None else [f"{lead.score}, {lead.bucket.lower()}"],
    }  # fmt: skip
    found |= {label: _values(lead.facts.get(field)) for label, field in ROWS}
    contacts = Contact.objects.filter(lead=lead).order_by("pk")
    found["Contacts"] = [_who(contact) for contact in contacts[:MOST]]
    found["Listings"] = list(
        Listing.objects.filter(lead=lead).order_by("pk").values_list("url", flat=True)[:MOST]
    )
    for each in FOLLOWERS:
        count = each.rows(lead=lead).aggregate(n=Count("pk"))["n"]
        found[each.kind.capitalize()] = [str(count)] if count else []
    return found


def _values(entry: Any) -> list[str]:
    value = entry.get("value") if isinstance(entry, dict) else entry
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return [str(each) for each in values if each not in (None, "")][:MOST]


def _who(contact: Contact) -> str:
    return ", ".join(part for part in (contact.name, contact.email, contact.phone) if part)
