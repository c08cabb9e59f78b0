"""Listings as a source gives them."""

from __future__ import annotations

from itertools import count
from typing import Any

from enrichment.harvest.record import Record
from enrichment.harvest_models import HarvestRequest, HarvestSource, Listing
from enrichment.listings.take import take
from icp.tests.factories import NOW

NUMBERS = count(1)


def make_source(name: str = "Made-up list", **also: Any) -> HarvestSource:
    values = {"kind": "HTML_LIST", "licence": "ODbL 1.0", "attribution": "© made-up people", **also}
    return HarvestSource.objects.get_or_create(name=name, defaults=values)[0]


def make_listing(source: HarvestSource | None = None, *, raw: str = "", **said: Any) -> Listing:
    """A FOUND listing of a business nobody else has anything in common with, but for ``said``."""
    number = next(NUMBERS)
    source = source or make_source()
    image, url = said.pop("image_hash", ""), said.pop("url", f"https://list.example/{number}")
    request, _ = HarvestRequest.objects.get_or_create(
        source=source, city="Singapore", category="bakery",
        defaults={"wanted": 50, "requested_by": "olga"},
    )  # fmt: skip
    values = {"name": f"Made Up {number}", "category": "bakery", "city": "Singapore",
              "street": f"Street {number}", **said}  # fmt: skip
    extra = {name: values.pop(name) for name in ("services", "uen") if name in values}
    record = Record(source="html", source_id=str(number), source_url=url, retrieved_at=NOW,
                    licence=source.licence, attribution=source.attribution, **values)  # fmt: skip
    return Listing.objects.create(
        source=source, source_key=str(number), request=request, position=number, url=url,
        record=record.as_json() | extra, raw=raw or f"<p>{number}</p>", image_hash=image,
        licence=source.licence, attribution=source.attribution,
    )  # fmt: skip


def taken(**said: Any) -> Listing:
    listing = make_listing(**said)
    take(listing, now=NOW)
    return listing
