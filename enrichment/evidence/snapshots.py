"""Pages kept by content hash, and extraction repeated from them with the network off."""

import zlib
from collections.abc import Sequence
from typing import Any

from enrichment.extract import extract
from enrichment.models import EnrichmentRun, Page, PageBody
from enrichment.observation import Observation, storable
from enrichment.web.pages import CrawledPage
from enrichment.web.parse import Document, parse


class SnapshotGoneError(Exception):
    """A page's body is no longer kept: retention removed it, or it was never stored."""


def store_pages(
    crawled: Sequence[tuple[EnrichmentRun, Sequence[CrawledPage]]], *, keep_bodies: bool
) -> dict[int, dict[str, Page]]:
    """Store the pages of attempts with their bodies, each body once.

    Returns attempt -> hash -> page. Pages of an earlier try of the same attempt are replaced.
    Costs three statements.
    """
    Page.objects.filter(enrichment__in=[attempt for attempt, _ in crawled]).delete()
    if keep_bodies:
        bodies = {page.fetched.sha256: page.fetched.body for _, pages in crawled for page in pages}
        PageBody.objects.bulk_create(
            [
                PageBody(sha256=sha256, compressed=zlib.compress(body, 6), size=len(body))
                for sha256, body in sorted(bodies.items())
            ],
            ignore_conflicts=True,
        )
    rows = [
        (page.document.sha256, _row(attempt, position, page, keep_bodies))
        for attempt, pages in crawled
        for position, page in enumerate(pages)
    ]
    Page.objects.bulk_create([row for _, row in rows])
    stored: dict[int, dict[str, Page]] = {}
    for sha256, row in rows:
        stored.setdefault(row.enrichment_id, {}).setdefault(sha256, row)
    return stored


def _row(attempt: EnrichmentRun, position: int, page: CrawledPage, keep_bodies: bool) -> Page:
    fetched = page.fetched
    return Page(
        enrichment=attempt,
        position=position,
        url=storable(fetched.url)[:2000],
        final_url=storable(fetched.final_url)[:2000],
        status=fetched.status,
        headers=_storable_headers(fetched.headers),
        body_id=fetched.sha256 if keep_bodies else None,
        is_cut=fetched.is_cut,
        over_tls=fetched.over_tls,
        fetched_at=fetched.fetched_at,
    )


def _storable_headers(headers: Any) -> dict[str, str]:
    return {storable(str(name)): storable(str(value))[:2000] for name, value in headers.items()}


def documents_of(attempt: EnrichmentRun) -> list[Document]:
    """The pages of an attempt, parsed again from their bodies, in the order they were taken.

    Raises ``SnapshotGoneError`` when a body is missing. No request is made.
    """
    documents = []
    for page in attempt.pages.select_related("body").order_by("position"):
        if page.body is None:
            raise SnapshotGoneError(
                f"The body of {page.final_url} is not kept; attempt {attempt.pk} cannot be "
                f"replayed."
            )
        body = zlib.decompress(bytes(page.body.compressed))
        documents.append(parse(body, page.headers.get("content-type", ""), page.final_url))
    return documents


def observe_again(attempt: EnrichmentRun) -> list[Observation]:
    """The observations of a stored attempt, by the extraction rules as they are now.

    With unchanged rules they equal those of the night that fetched the pages.
    """
    return extract(documents_of(attempt))
