"""The reader of a source, by its kind."""

from __future__ import annotations

import zlib
from urllib.parse import urlsplit

from django.conf import settings

from enrichment.clients.overpass import OverpassClient
from enrichment.harvest.list_shelf import ListShelf
from enrichment.harvest.pace import Pace
from enrichment.harvest.read_open_data import OpenDataReader
from enrichment.harvest.read_overpass import OverpassReader
from enrichment.harvest.read_overture import OvertureReader
from enrichment.harvest.read_pages import PagesReader
from enrichment.harvest.reading import Reader, SourceError
from enrichment.harvest.selectors import fingerprint
from enrichment.harvest.web import Web
from enrichment.harvest_models import HarvestFile, HarvestSource

Kind = HarvestSource.Kind


def open_source(source: HarvestSource) -> Reader:
    """``source``, ready to be read; asks nobody yet. Raises ``SourceError`` without a file."""
    if source.kind == Kind.OVERPASS:
        return open_overpass(source)
    if source.kind == Kind.HTML_LIST:
        shelf = ListShelf(source, fingerprint(source.options))
        return PagesReader(
            Web(Pace(source)), shelf, source.options, source.licence, source.attribution
        )
    kept = HarvestFile.objects.filter(source=source).order_by("-pk").first()
    if kept is None:
        raise SourceError(f"{source.name} has no file yet: give it one under Harvest sources.")
    content = zlib.decompress(bytes(kept.content))
    if source.kind == Kind.OVERTURE:
        lines = content.decode("utf-8-sig", "replace").splitlines
        return OvertureReader(
            lambda: iter(lines()), source.options, source.licence, source.attribution
        )
    return OpenDataReader(
        content, source.options, source.options.get("source_url") or source.terms_url,
        source.licence, source.attribution,
    )  # fmt: skip


def open_overpass(source: HarvestSource) -> OverpassReader:
    """OpenStreetMap through ``OVERPASS_URL``, which all tenants of the deployment share."""
    client = OverpassClient(settings.OVERPASS_URL, user_agent=settings.CRAWL_USER_AGENT)
    host = urlsplit(settings.OVERPASS_URL).netloc.lower()
    return OverpassReader(
        client, Pace(source), host, source.options, source.licence, source.attribution
    )
