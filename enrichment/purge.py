"""Retention: bodies of pages and merged texts go when their time is over; what was read stays.

Evidence keeps its value, quote and hash; only the page behind it can no longer be opened or
replayed. Vendors' answers go when they are too old to be used again: some are personal data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from enrichment.ask_once import KEPT_FOR
from enrichment.models import EnrichmentRun, Page, PageBody, VendorAnswer

__all__ = ["PurgeReport", "purge_pages"]


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What one purge let go, in rows."""

    pages: int = 0  # pages that lost their body
    bodies: int = 0  # bodies no page needs any more
    corpora: int = 0
    answers: int = 0  # of vendors


@transaction.atomic
def purge_pages(*, keep_days: int, now: datetime) -> PurgeReport:
    """Let go of all bodies and corpora older than ``keep_days`` days, in the current tenant.

    A body that a younger page also has stays; answers of vendors go after 30 days, or sooner. A
    second call finds nothing. Four statements.
    """
    before = now - timedelta(days=keep_days)
    pages = Page.objects.filter(fetched_at__lt=before, body__isnull=False).update(body=None)
    orphans = PageBody.objects.filter(pages__isnull=True, created_at__lt=before)
    bodies, _ = orphans.delete()
    corpora = EnrichmentRun.objects.filter(started_at__lt=before, corpus__isnull=False)
    old = now - min(KEPT_FOR, timedelta(days=keep_days))
    answers, _ = VendorAnswer.objects.filter(asked_at__lt=old).delete()
    return PurgeReport(
        pages=pages, bodies=bodies, corpora=corpora.update(corpus=None), answers=answers
    )
