"""Keep what one page of a source gave, and how far it was read: together, or not at all."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Max

from enrichment.harvest.claim import mine
from enrichment.harvest.reading import Entry, Page
from enrichment.harvest.record import Record
from enrichment.harvest_models import HarvestRequest, HarvestSource, Listing

Outcome = Listing.Outcome


@transaction.atomic
def store_page(request: HarvestRequest, page: Page) -> bool:
    """Rows for entries nobody has met, and the next cursor; False when the claim is lost.

    An entry that an earlier harvest met is counted and left alone, unless that harvest ended
    without reading it: then it is this one's. Some five statements a page.
    """
    if not mine(request).select_for_update().exists():
        return False
    met_again = _store(request, {entry.key[:500]: entry for entry in page.entries})
    cursor = {"end": page.sentence[:300]} if page.cursor is None else page.cursor
    mine(request).update(
        cursor=cursor, pages_read=F("pages_read") + 1, met_again=F("met_again") + met_again,
        troubles=0, attempts=0,
    )  # fmt: skip
    request.cursor = cursor
    note_about_source(request, page.notes)
    return True


def fill(listing: Listing, entry: Entry) -> None:
    """Write the record, or the refusal, that an entry's own page came to."""
    fields = _fields(entry)
    Listing.objects.filter(pk=listing.pk, outcome=Outcome.FOUND).update(**fields)


def refuse(listing: Listing, *, code: str, sentence: str) -> None:
    """Put one entry aside with a reason."""
    left = Listing.objects.filter(pk=listing.pk, outcome=Outcome.FOUND)
    left.update(outcome=Outcome.REFUSED, code=code[:40], sentence=sentence[:300])


@transaction.atomic
def note_about_source(request: HarvestRequest, notes: dict[str, Any]) -> None:
    """Keep what a source learnt about itself, such as a city's area."""
    if not notes:
        return
    source = HarvestSource.objects.select_for_update().get(pk=request.source_id)
    for name, found in notes.items():
        source.options[name] = {**(source.options.get(name) or {}), **found}
    source.save(update_fields=["options"])
    request.source.options = source.options


def _store(request: HarvestRequest, entries: dict[str, Entry]) -> int:
    known = Listing.objects.filter(source=request.source_id, source_key__in=entries)
    rows = {row.source_key: row for row in known.select_related("request").select_for_update(
        of=("self",))}  # fmt: skip
    position = request.listings.aggregate(last=Max("position"))["last"] or 0
    fresh, met_again = [], 0
    for key, entry in entries.items():
        row = rows.get(key)
        if row is None:
            position += 1
            fresh.append(Listing(source_id=request.source_id, source_key=key, request=request,
                                 position=position, **_fields(entry)))  # fmt: skip
        elif _is_left_over(row):
            position += 1
            changes = {"request": request, "position": position, **_fields(entry)}
            Listing.objects.filter(pk=row.pk).update(**changes)
        elif row.request_id != request.pk:
            met_again += 1
    Listing.objects.bulk_create(fresh, ignore_conflicts=True)  # another harvest may be as quick
    return met_again


def _is_left_over(row: Listing) -> bool:
    is_over = row.request is None or row.request.status not in HarvestRequest.OPEN
    return row.outcome == Outcome.FOUND and is_over


def _fields(entry: Entry) -> dict[str, Any]:
    record: Record | None = entry.record
    fields: dict[str, Any] = {"url": entry.url[:2000]}
    if entry.code:
        fields |= {"outcome": Outcome.REFUSED, "code": entry.code[:40],
                   "sentence": entry.sentence[:300]}  # fmt: skip
    if record is not None:
        fields |= {"record": record.as_json(), "raw": record.raw, "licence": record.licence[:100],
                   "attribution": record.attribution[:300],
                   "retrieved_at": record.retrieved_at}  # fmt: skip
    return fields
