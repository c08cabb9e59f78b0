"""Sources, stand-ins and a taker for the tests of harvests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from enrichment import harvest_batch
from enrichment.harvest import web
from enrichment.harvest.ask_for import ask_for
from enrichment.harvest_batch import Ending, Report, work_on
from enrichment.harvest_models import HarvestRequest, HarvestSource, Listing
from icp.models import Lead
from leadgen_project.sandbox.listing_site import HOST
from leadgen_project.sandbox.loopback import LoopbackServer
from leadgen_project.sandbox.vendors.overpass import OverpassStandIn
from tenants.clock import database_now

TERMS = {
    "terms_url": "https://terms.example.org/", "terms_read_on": date(2026, 11, 1),
    "terms_read_by": "Tan", "allowed_use": "Open licence.", "licence": "ODbL-1.0",
    "attribution": "© the makers",
}  # fmt: skip


def make_source(kind: str = "OVERPASS", **changes: Any) -> HarvestSource:
    values = {"name": f"source {kind.lower()}", "kind": kind, "is_enabled": True,
              "min_interval_s": 0.0, **TERMS, **changes}  # fmt: skip
    return HarvestSource.objects.create(**values)


def make_harvest(**changes: Any) -> HarvestRequest:
    """A harvest as it waits for its first batch."""
    source = HarvestSource.objects.first() or make_source()
    values = {"source": source, "city": "austin", "category": "business", "wanted": 50,
              "requested_by": "tan", **changes}  # fmt: skip
    return HarvestRequest.objects.create(**values)


def ask(
    source: HarvestSource, *, city: str = "austin", category: str = "hairdresser", wanted: int = 50
) -> HarvestRequest:
    return ask_for(city=city, category=category, wanted=wanted, source=source, actor="tan",
                   now=database_now())  # fmt: skip


def work(request: HarvestRequest, **more: Any) -> Report:
    """Batches until the harvest has nothing more to do or has to wait."""
    for _ in range(200):
        report = work_on(request.pk, **more)
        if report.ending is not Ending.AGAIN:
            break
    request.refresh_from_db()
    return report


def outcomes(request: HarvestRequest) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in request.listings.all():
        found[row.outcome] = found.get(row.outcome, 0) + 1
    return found


def take_plainly(listing: Listing) -> None:
    """Every listing becomes a lead, in one transaction with its outcome; nothing is compared."""
    lead, _ = Lead.objects.get_or_create(
        source=Lead.Source.HARVEST, source_ref=listing.url[:500],
        defaults={"name": listing.record["name"]},
    )  # fmt: skip
    Listing.objects.filter(pk=listing.pk).update(outcome=Listing.Outcome.TAKEN, lead=lead)


def taking(monkeypatch: pytest.MonkeyPatch, take: Callable[[Listing], None]) -> None:
    """Hand listings to ``take`` instead of to the product's own."""
    monkeypatch.setattr(harvest_batch, "take", take)


@pytest.fixture
def taken(monkeypatch):
    """Everything becomes a lead."""
    taking(monkeypatch, take_plainly)


@pytest.fixture
def overpass(settings):
    with OverpassStandIn(slow_seconds=0.2) as stand_in:
        settings.OVERPASS_URL = stand_in.environment["OVERPASS_URL"]
        yield stand_in


@pytest.fixture
def site(settings):
    """Serve an ``Answer`` as the made-up directory, through a proxy; returns its host."""
    servers = []

    def serve(answer: Any) -> str:
        servers.append(LoopbackServer(answer).start())
        settings.CRAWL_PROXY = servers[-1].url
        web._robots.cache_clear()
        return HOST

    yield serve
    for server in servers:
        server.stop()
