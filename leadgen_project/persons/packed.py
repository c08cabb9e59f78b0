"""Where somebody stands inside what is kept compressed: pages, merged texts, uploaded lists."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from django.db import models

from enrichment.contact_lists.judge_contact_rows import said
from enrichment.harvest_models import HarvestFile
from enrichment.import_models import ContactImport
from enrichment.models import EnrichmentRun, Page, PageBody
from icp.judge_rows import Row
from icp.models import SiteImport, SuppressionImport
from icp.uploads import pack_values, unpack_values
from leadgen_project.persons.identify import ERASED, Person
from outreach.import_models import TemplateImport
from outreach.phone_models import DncImport

# Every column of bytes there is, and who looks into it; a test fails when one is missing.
KNOWN = {
    "enrichment.pagebody.compressed": "pages",
    "enrichment.enrichmentrun.corpus": "merged texts",
    "enrichment.harvestfile.content": "uploaded lists",
    "icp.suppressionimport.accepted_rows": "uploaded lists",
    "icp.suppressionimport.refused_rows": "uploaded lists",
    "icp.siteimport.accepted_rows": "uploaded lists",
    "icp.siteimport.refused_rows": "uploaded lists",
    "icp.siteimport.applied_rows": "uploaded lists",
    "enrichment.contactimport.accepted_rows": "lists of people",
    "enrichment.contactimport.refused_rows": "lists of people",
    "enrichment.contactimport.applied_rows": "lists of people",
    "outreach.dncimport.accepted_rows": "uploaded lists",
    "outreach.dncimport.refused_rows": "uploaded lists",
    "outreach.templateimport.accepted_rows": "uploaded lists",
    "outreach.templateimport.refused_rows": "uploaded lists",
    "outreach.templateimport.applied_rows": "numbers of templates alone",
    "outreach.mailboxsignin.verifier": "encrypted, of a sign-in under way",
    "outreach.mailbox.secret": "encrypted tokens, which speak of the mailbox alone",
    "odoo_sync.odooconnection.secret": "an encrypted key",
}
UPLOADS: tuple[tuple[type[models.Model], tuple[str, ...]], ...] = (
    (SuppressionImport, ("accepted_rows", "refused_rows")),
    (SiteImport, ("accepted_rows", "refused_rows", "applied_rows")),
    (DncImport, ("accepted_rows", "refused_rows")),
    (TemplateImport, ("accepted_rows", "refused_rows")),
    (HarvestFile, ("content",)),
)

LISTS_OF_PEOPLE = ("accepted_rows", "refused_rows", "applied_rows")


def pages_with(person: Person, *, everywhere: bool = False) -> Iterator[Page]:
    """Kept pages whose body mentions the person: of their companies, or of all (slow: 30 MB/s)."""
    pattern = person.at_work()
    if pattern is None:
        return
    pages = Page.objects.filter(body__isnull=False).order_by("pk")
    if not everywhere:
        pages = pages.filter(enrichment__lead__in=list(person.leads))
    known: dict[str, bool] = {}
    for page in pages.select_related("enrichment__lead", "body").iterator(chunk_size=100):
        sha256 = str(page.body_id)
        if sha256 not in known:
            known[sha256] = page.body is not None and _holds(page.body.compressed, pattern)
        if known[sha256]:
            yield page


def corpora_with(person: Person) -> Iterator[EnrichmentRun]:
    pattern = person.at_work()
    if pattern is None:
        return
    rows = EnrichmentRun.objects.filter(lead__in=list(person.leads), corpus__isnull=False)
    yield from (row for row in rows.order_by("pk") if _holds(row.corpus, pattern))


def uploads_with(person: Person) -> Iterator[tuple[models.Model, list[str]]]:
    """Uploads that hold an address or number of the person, and the columns that do."""
    pattern = person.anywhere()
    for model, names in UPLOADS:
        for row in model._default_manager.order_by("pk").iterator(chunk_size=20):  # noqa: SLF001 -- Django's documented meta API
            hit = [
                name
                for name in names
                if pattern
                and getattr(row, name) is not None
                and _holds(getattr(row, name), pattern)
            ]
            if hit:
                yield row, hit
    for upload in ContactImport.objects.order_by("pk").iterator(chunk_size=20):
        found = [
            name
            for name in LISTS_OF_PEOPLE
            if any(_is_about(each, person) for each in unpack_values(getattr(upload, name)))
        ]
        if found:
            yield upload, found


def _is_about(entry: dict[str, Any], person: Person) -> bool:
    """Whether one row of a list of people is about the person: at their companies also by name."""
    [values, *_] = entry.get("values") or [[]]
    lead = entry.get("lead") or (said(Row(**entry)).lead if values else "")
    is_elsewhere = bool(lead) and int(lead) not in person.leads
    pattern = person.anywhere() if is_elsewhere else person.at_work()
    return pattern is not None and bool(pattern.search(json.dumps(entry, ensure_ascii=False)))


def let_go_of_pages(person: Person, *, everywhere: bool) -> set[int]:
    """Remove the bodies that mention the person; returns the leads whose pages they were."""
    found = list(pages_with(person, everywhere=everywhere))
    hashes = {str(page.body_id) for page in found}
    touched = set(Page.objects.filter(body__in=hashes).values_list("enrichment__lead", flat=True))
    Page.objects.filter(body__in=hashes).update(body=None)
    PageBody.objects.filter(pk__in=hashes).delete()
    return touched


def clean_uploads(person: Person) -> int:
    """Blank the person in kept lists; what a list suppresses stays, by its hash.

    Of a list of people the whole row goes: what is left of it would still be about them.
    """
    pattern, count = person.anywhere(), 0
    for row, names in uploads_with(person):
        count += 1
        if isinstance(row, ContactImport):
            for name in names:
                kept = [each for each in unpack_values(getattr(row, name))
                        if not _is_about(each, person)]  # fmt: skip
                setattr(row, name, pack_values(kept))
            row.save(update_fields=names)
            continue
        for name in names:
            # Files come as they are: what is no UTF-8 stays as it was.
            text = zlib.decompress(bytes(getattr(row, name))).decode(errors="surrogateescape")
            cleaned = pattern.sub(ERASED, text) if pattern else text
            packed = zlib.compress(cleaned.encode(errors="surrogateescape"), 6)
            setattr(row, name, packed)
        row.save(update_fields=names)
    return count


def _holds(packed: Any, pattern: re.Pattern[str]) -> bool:
    return pattern.search(zlib.decompress(bytes(packed)).decode(errors="replace")) is not None
