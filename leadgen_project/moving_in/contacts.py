"""Take rows of ``contacts``: leads with their person, or what completes a lead there is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from enrichment.observation import storable
from icp.models import Lead
from leadgen_project.moving_in.people import Person
from leadgen_project.moving_in.report import Tally
from leadgen_project.moving_in.rows import Kept, Outcome, Place, keep, read_each
from leadgen_project.moving_in.source import Row
from leadgen_project.moving_in.store import Stored, store_all_but_suppressed
from leadgen_project.moving_in.values import (
    CellError,
    moment_in,
    read_email,
    read_json,
    read_list,
    read_phone,
    read_site,
    region_of,
    said,
)

T = TypeVar("T")
LONGEST = {"businessname": 500, "name": 200, "category": 200, "city": 100, "sourceurl": 2000,
           "imagehash": 200}  # fmt: skip
COLUMNS = frozenset({
    "phone", "name", "email", "lastsent", "sourceurl", "imagehash", "businessname", "category",
    "servicesrendered", "status", "city", "leaddatajson", "lastupdated", "websiteurl",
})  # fmt: skip
# The plan's words for a lead. What was processed has its facts already.
STAGES = {
    "PROCESSED": Lead.Stage.ENRICHED,
    "PENDING_CAPTCHA": Lead.Stage.NEEDS_OPERATOR,
    "PENDING": Lead.Stage.CANDIDATE,
    "": Lead.Stage.CANDIDATE,
}


def take_contacts(
    batch: list[Row], *, place: Place, tally: Tally, region: str, now: datetime
) -> None:
    """Take a batch; a row without a mistake becomes or completes a lead, all others are refused."""
    kept: list[Kept] = []
    people = list(read_each(batch, lambda row: read_person(row, region=region, now=now),
                            place=place, tally=tally, kept=kept))  # fmt: skip
    for one in people:
        _note(one, tally)
    stored = store_all_but_suppressed(people, place=place, now=now)
    tally.count("suppressed", len(people) - len(stored))
    kept += [kept_of(one, where) for one in people if (where := stored.get(one.row.position))]
    keep(kept, place=place, tally=tally)


def kept_of(one: Person, where: Stored) -> Kept:
    return Kept(one.row, outcome_of(where), one.key_hash, where.lead_id, made_lead=where.is_new,
                added=where.added)  # fmt: skip


def outcome_of(where: Stored) -> Outcome:
    if where.is_new:
        return Outcome.CREATED
    return Outcome.UPDATED if where.added and not where.is_ours else Outcome.LINKED


def read_person(row: Row, *, region: str, now: datetime) -> Person:
    """What the row says; all that is wrong with it goes into ``row.reasons``."""
    cells, reasons = row.cells, row.reasons
    one = Person(row)
    one.business, one.name = said(cells, "businessname"), said(cells, "name")
    one.category, one.city = said(cells, "category"), said(cells, "city")
    one.source_url, one.image_hash = said(cells, "sourceurl"), said(cells, "imagehash")
    one.status = said(cells, "status").upper()
    for name, most in LONGEST.items():
        if len(cells.get(name, "")) > most and len(said(cells, name)) > most:
            reasons.append(f"{name}: it is longer than {most} characters.")
    if phone := said(cells, "phone"):
        one.phone_as_written = phone
        here = region_of(one.city) or region
        one.phone = _read(lambda: read_phone(phone, region=here), reasons) or ""
    if email := said(cells, "email"):
        one.email = _read(lambda: read_email(email), reasons) or ""
    for name, attribute in (("lastSent", "last_sent"), ("lastUpdated", "last_updated")):
        moment = moment_in(cells, name, reasons=reasons, now=now)
        setattr(one, attribute, moment.isoformat() if moment else "")
    one.services = read_list(cells.get("servicesrendered", ""))
    site = said(cells, "websiteurl") or _site_in(cells.get("leaddatajson", ""))
    if site:
        one.website = _read(lambda: read_site(site), reasons) or ""
    if one.status in STAGES:
        one.stage = STAGES[one.status]
    if not (one.phone or one.email or one.source_url or one.business or one.name) and not reasons:
        reasons.append("There is nothing to know it by: no phone, email, name or sourceUrl.")
    return one


def _read(read: Callable[[], T], reasons: list[str]) -> T | None:
    try:
        return read()
    except CellError as exc:
        reasons.append(str(exc))
        return None


def _site_in(lead_data: str) -> str:
    """``websiteUrl`` of the lead's JSON: it has no column of its own."""
    if "ebsite" not in lead_data:
        return ""
    found: Any = read_json(lead_data)
    site = found.get("websiteUrl") or found.get("website_url") if isinstance(found, dict) else ""
    return storable(site).strip()[:2000] if isinstance(site, str) else ""


def _note(one: Person, tally: Tally) -> None:
    lead_data = one.row.cells.get("leaddatajson", "")
    if lead_data and not lead_data.startswith("{"):
        tally.note("leadDataJson is no JSON object; kept as it is")
    if one.status not in STAGES:
        tally.note(f"status {one.status[:40]!r} is not of the plan; the lead begins as a candidate")
