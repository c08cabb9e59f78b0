"""What a listing says of a business, as evidence about to be stored, each value with its original.

The order in which a listing names its numbers, addresses and services is kept by the confidence: of
several the first is the surest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from enrichment.evidence.statements import Statement
from enrichment.extract.titles import person_key
from enrichment.harvest_models import Listing
from enrichment.listings.profile import Profile, Said

SURE, LEAST, MOST = 0.8, 0.5, 0.95
SECOND: Final = 0.2
STEP: Final = 0.01  # from one value to the next of its kind


def of_listing(profile: Profile, listing: Listing, *, is_second: bool = False) -> list[Statement]:
    """All that ``listing`` says of its business, with the page it stands on as the reference.

    ``is_second``: the lead is known by another page already, which has the first word.
    """
    say = _Speaker(listing, behind=SECOND if is_second else 0.0)
    person = person_key(profile.contact_name)
    found = [
        *say.each("name", [profile.name]),
        *say.each("phones", profile.phones),
        *say.each("emails", profile.emails, subject=person),
        *say.each("website", profile.sites),
        *say.each("social", profile.socials),
        *say.each("services", [Said(each, each) for each in profile.services]),
        *say.each("image_hash", [Said(listing.image_hash, _picture(listing))]),
    ]
    for field in ("category", "source_category", "street", "city", "country", "opening_hours",
                  "uen"):  # fmt: skip
        found += say.each(field, [_plain(getattr(profile, field))])
    found += say.each("postal_code", [_plain(profile.postcode)])
    if person:
        found += say.each("people", [_plain(profile.contact_name)], subject=person)
        found += say.each("title", [_plain(profile.contact_title)], subject=person)
    return found


def _picture(listing: Listing) -> str:
    """Where the picture stands; of one that was handed in only its hash is known."""
    images = listing.record.get("images")
    return str(images[0])[:2000] if isinstance(images, list) and images else listing.image_hash


def of_wall(listing: Listing) -> list[Statement]:
    """What a person read behind the wall of the listing's page and typed in at the desk."""
    return [
        Statement(field, str(value), "CAPTCHA", listing.url[:2000], "captcha.resolution", 1, 1.0)
        for field, values in _behind_wall(listing).items() for value in values
    ]  # fmt: skip


def with_values_behind_wall(profile: Profile, listing: Listing) -> Profile:
    """The profile and what stood behind the wall: a business is known by that as well."""
    found = {field: tuple(_plain(str(value)) for value in values)
             for field, values in _behind_wall(listing).items()}  # fmt: skip
    return replace(
        profile, phones=(*profile.phones, *found.get("phones", ())),
        emails=(*profile.emails, *found.get("emails", ())),
    )  # fmt: skip


def _behind_wall(listing: Listing) -> dict[str, list[str]]:
    """``captcha.resolve`` keeps it there, in our spelling."""
    kept = listing.record.get("behind_wall") or {}
    return {field: kept[field] for field in ("emails", "phones") if kept.get(field)}


class _Speaker:
    def __init__(self, listing: Listing, *, behind: float) -> None:
        given = listing.record.get("confidence")
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        self.sure = (min(max(float(given), LEAST), MOST) if is_number else SURE) - behind
        self.reference = listing.url[:2000]
        self.method = f"listing.{listing.source.kind.lower()}"[:40]

    def each(self, field: str, values: Sequence[Said], *, subject: str = "") -> Iterator[Statement]:
        for place, said in enumerate(each for each in values if each.value):
            yield Statement(
                field, said.value, "LISTING", self.reference,
                f"{self.method}.{said.how}" if said.how else self.method, 1,
                round(self.sure - STEP * place, 2), quote=said.raw, subject=subject,
            )  # fmt: skip


def _plain(value: str) -> Said:
    return Said(value, value)
