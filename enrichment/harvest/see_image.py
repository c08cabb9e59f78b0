"""Look at the first picture of an entry, once, and keep its hash: by it a business is known again.

The bytes are dropped. What a picture cannot be had for never stands in an entry's way.
"""

from __future__ import annotations

from typing import Any, Final

from enrichment.harvest.reading import Pictures
from enrichment.harvest_models import Listing
from enrichment.listings.image_hash import image_hash

SEEN: Final = "image_seen"  # in the record: what came of looking, in a sentence
KNOWN: Final = "Its picture was compared."
NONE: Final = "Its picture says nothing: none, too large, or of one colour."


def image_to_see(listing: Listing) -> str:
    """The address of the picture still to be looked at; empty when there is none."""
    images: Any = listing.record.get("images")
    if SEEN in listing.record or not isinstance(images, list) or not images:
        return ""
    return str(images[0])


def see_image(listing: Listing, url: str, *, source: Pictures) -> None:
    """Hash the picture at ``url``; the same address is asked for once in a harvest.

    Costs a request at most. Raises ``SourceError``; then nothing was written.
    """
    known = _seen_before(listing, url)
    found = image_hash(source.picture(url)) if known is None else known
    note_image(listing, sentence=KNOWN if found else NONE, found=found)


def note_image(listing: Listing, *, sentence: str, found: str = "") -> None:
    """Write what came of looking; a listing that was decided meanwhile stays as it is."""
    record = {**listing.record, SEEN: sentence[:300]}
    left = Listing.objects.filter(pk=listing.pk, outcome=Listing.Outcome.FOUND)
    left.update(record=record, image_hash=found)


def _seen_before(listing: Listing, url: str) -> str | None:
    """Stand-in pictures ("no photograph") are one address for many entries."""
    rows = Listing.objects.filter(
        request=listing.request_id, record__images__0=url, record__has_key=SEEN
    )
    return rows.order_by("position").values_list("image_hash", flat=True).first()
