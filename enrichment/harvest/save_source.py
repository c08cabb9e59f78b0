"""Record a harvest source: its terms before anything else, then what its kind needs, then on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from django.db import IntegrityError, transaction

from enrichment.harvest.read_open_data import OptionsError, columns_used, rows_of
from enrichment.harvest.read_overpass import AREA_OF_RELATION
from enrichment.harvest.read_pages import entries_of, fields_of, next_url
from enrichment.harvest.selectors import SelectorsError, check, fingerprint, list_url
from enrichment.harvest_models import HarvestFile, HarvestSource
from enrichment.web.parse import parse
from tenants import audit
from tenants.places import place_of_city

Kind = HarvestSource.Kind
LARGEST_FILE: Final = 50_000_000
SHOWN: Final = 5
CUT: Final = 300
FIELDS: Final = ("name", "options", "terms_url", "terms_read_on", "terms_read_by", "allowed_use",
                 "licence", "attribution", "min_interval_s", "daily_cap")  # fmt: skip
NEEDED: Final = {
    "terms_url": "where its terms stand", "terms_read_on": "when they were read",
    "terms_read_by": "who read them", "allowed_use": "why we may read and keep it",
    "licence": "the licence of its rows",
}  # fmt: skip
#: What is known of OpenStreetMap's terms; somebody still has to read them and say so.
OPENSTREETMAP: Final = {
    "name": "OpenStreetMap", "terms_url": "https://www.openstreetmap.org/copyright",
    "licence": "ODbL-1.0", "attribution": "© OpenStreetMap contributors",
    "min_interval_s": 5.0, "daily_cap": 200,
}  # fmt: skip


class SourceFormError(ValueError):
    """The source stays as it was; ``field`` names what to change."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def save_source(
    source: HarvestSource | None, values: Mapping[str, Any], *, kind: str = "", actor: str
) -> HarvestSource:
    """Make or change a source. A change of how pages are read switches it off until it is tried.

    A second call with the same values changes nothing. Raises ``SourceFormError``.
    """
    saved = source or HarvestSource(kind=kind)
    if saved.kind not in Kind.values or saved.kind == Kind.API:
        raise SourceFormError("kind", "Choose what kind of source it is.")
    before = {name: _plain(getattr(saved, name)) for name in FIELDS} if source else {}
    _check(saved, values)
    for name in FIELDS:
        if name in values:
            setattr(saved, name, values[name])
    if saved.is_enabled and missing(saved):
        saved.is_enabled = False
        before["is_enabled"] = True
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError as exc:
        raise SourceFormError("name", f"There is a source called {saved.name} already.") from exc
    after = {name: _plain(getattr(saved, name)) for name in FIELDS}
    old, new = audit.changes(before, {**after, "is_enabled": saved.is_enabled})
    if new:
        audit.record("enrichment.save_source", actor=actor, subject=f"source {saved.name}",
                     before=old or None, after=new)  # fmt: skip
    return saved


def missing(source: HarvestSource) -> list[str]:
    """What is still to be done before the source may be switched on, as sentences."""
    lacking = [words for name, words in NEEDED.items() if not getattr(source, name)]
    found = [f"Its terms record lacks {', '.join(lacking)}."] if lacking else []
    if source.kind == Kind.HTML_LIST:
        if not source.options:
            found.append("It has no selectors yet.")
        elif not is_tried(source):
            found.append("Its selectors were not tried on a stored page since they last changed.")
        elif not source.trial.get("is_good"):
            found.append("The trial of its selectors found no entry, or no name of one.")
    if source.kind == Kind.OPEN_DATA and not source.options.get("columns"):
        found.append("Nobody has said which column holds what.")
    return found


def is_tried(source: HarvestSource) -> bool:
    """Whether the trial on record is of the selectors as they are."""
    return source.trial.get("fingerprint") == fingerprint(source.options)


@transaction.atomic
def switch(source: HarvestSource, *, on: bool, actor: str, reason: str = "") -> None:
    """Switch a source on or off; on only when nothing is ``missing``."""
    locked = HarvestSource.objects.select_for_update().get(pk=source.pk)
    if on and (lacking := missing(locked)):
        raise SourceFormError("is_enabled", " ".join(lacking))
    if locked.is_enabled == on:
        return
    HarvestSource.objects.filter(pk=locked.pk).update(is_enabled=on)
    audit.record(
        "enrichment.switch_source", actor=actor, subject=f"source {locked.name}",
        before={"is_enabled": not on}, after={"is_enabled": on}, reason=reason,
    )  # fmt: skip


def try_selectors(
    source: HarvestSource, *, list_page: str, entry_page: str, actor: str, now: datetime
) -> dict[str, Any]:
    """Read two stored pages by the source's selectors and keep what was found. Asks nobody.

    ``is_good``: the list gives an entry and the entry a name. A new trial replaces the last.
    """
    _check(source, {"options": source.options})
    cities = list(source.options.get("city_map") or {}) or ["city"]
    at = list_url(source.options, city=cities[0], category="business", page=1)
    listed = parse(list_page.encode(), "text/html; charset=utf-8", at)
    entries = entries_of(listed, source.options)
    shown = parse(entry_page.encode(), "text/html; charset=utf-8",
                  entries[0].url if entries else at)  # fmt: skip
    found = fields_of(shown, source.options)
    trial = {
        "fingerprint": fingerprint(source.options), "at": now.isoformat(), "by": actor,
        "entries": len(entries), "links": [entry.url for entry in entries[:SHOWN]],
        "next": next_url(listed, source.options),
        "fields": {name: [value[:CUT] for value in values[:SHOWN]]
                   for name, values in found.items()},
        "is_good": bool(entries and found["title"]),
    }  # fmt: skip
    HarvestSource.objects.filter(pk=source.pk).update(trial=trial)
    source.trial = trial
    audit.record("enrichment.try_source", actor=actor, subject=f"source {source.name}",
                 after={"entries": len(entries), "is_good": trial["is_good"]})  # fmt: skip
    return trial


def look_at_file(source: HarvestSource, content: bytes) -> tuple[int, list[dict[str, Any]]]:
    """How many rows a file has, and the first of them as they would be read; keeps nothing.

    Raises ``SourceFormError``.
    """
    if not content or len(content) > LARGEST_FILE:
        raise SourceFormError("file", f"A file has 1 to {LARGEST_FILE:,} bytes.")
    if source.kind == Kind.OVERTURE:
        return _look_at_places(source, content)
    try:
        rows = rows_of(content, source.options)
        first = list(islice(rows, SHOWN))
        used = sorted(columns_used(source.options)) if first else []
        count = len(first) + sum(1 for _ in rows)
    except OptionsError as exc:
        raise SourceFormError("file", str(exc)) from exc
    if not count:
        raise SourceFormError("file", "The file has no rows.")
    return count, [{name: row.get(name, "") for name in used} for row in first]


@transaction.atomic
def keep_file(source: HarvestSource, *, name: str, content: bytes, actor: str) -> HarvestFile:
    """Read the source from this file from now on. The same file again is the same row."""
    count, _ = look_at_file(source, content)
    digest = sha256(content).hexdigest()
    HarvestFile.objects.filter(source=source, sha256=digest).delete()  # the newest counts
    kept = HarvestFile.objects.create(
        source=source, file_name=name[:200], sha256=digest, content=zlib.compress(content),
        size_bytes=len(content), entry_count=count, uploaded_by=actor,
    )  # fmt: skip
    audit.record("enrichment.give_source_file", actor=actor, subject=f"source {source.name}",
                 after={"file": name[:200], "sha256": digest, "entries": count})  # fmt: skip
    return kept


@transaction.atomic
def set_area(source: HarvestSource, *, city: str, relation: int, actor: str) -> None:
    """Say which of OpenStreetMap's relations a city is; what was unclear about it is settled."""
    if not place_of_city(city).country:
        text = f"{city[:60] or 'An empty name'} is no city known here without its country or state."
        raise SourceFormError("city", text)
    if not 0 < relation < AREA_OF_RELATION:
        raise SourceFormError("relation", "Give the number of the city's relation.")
    locked = HarvestSource.objects.select_for_update().get(pk=source.pk)
    key, number = " ".join(city.casefold().split()), AREA_OF_RELATION + relation
    unclear = dict(locked.options.get("unclear") or {})
    found = (one for one in unclear.pop(key, []) if one["area"] == number)
    area = next(found, {"area": number, "label": f"relation {relation}"})
    areas = {**(locked.options.get("areas") or {}), key: area}
    options = {**locked.options, "areas": areas, "unclear": unclear}
    HarvestSource.objects.filter(pk=locked.pk).update(options=options)
    audit.record("enrichment.set_area", actor=actor, subject=f"source {locked.name}",
                 after={"city": city[:100], "relation": relation})  # fmt: skip


def _check(source: HarvestSource, values: Mapping[str, Any]) -> None:
    if "name" in values and not values["name"]:
        raise SourceFormError("name", "Give it a name.")
    if not 0 <= values.get("min_interval_s", 0) <= 3_600:
        raise SourceFormError("min_interval_s", "Seconds between requests: 0 to 3,600.")
    if not 1 <= values.get("daily_cap", 1) <= 1_000_000:
        raise SourceFormError("daily_cap", "Requests a day: 1 to 1,000,000.")
    options = values.get("options", {})
    if not isinstance(options, dict):
        raise SourceFormError("options", "The options are a JSON object: {...}.")
    if source.kind == Kind.HTML_LIST and options:
        try:
            check(options)
        except SelectorsError as exc:
            raise SourceFormError("options", str(exc)) from exc
    if source.kind == Kind.OPEN_DATA and options and not isinstance(options.get("columns"), dict):
        raise SourceFormError("options", "columns goes from names of fields to names of columns.")


def _look_at_places(
    source: HarvestSource, content: bytes
) -> tuple[int, list[dict[str, Any]]]:  # fmt: skip
    lines = [line for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()]
    first: list[dict[str, Any]] = []
    for line in lines[:SHOWN]:
        try:
            facts = json.loads(line.lstrip("\x1e"))["properties"]
            address = (facts.get("addresses") or [{}])[0]
            first.append({"name": (facts.get("names") or {}).get("primary", ""),
                          "category": (facts.get("categories") or {}).get("primary", ""),
                          "locality": address.get("locality", ""),
                          "country": address.get("country", "")})  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as exc:
            raise SourceFormError(
                "file", "The file is no GeoJSON with one place a line (geojsonseq)."
            ) from exc
    if not first:
        raise SourceFormError("file", "The file has no places.")
    return len(lines), first


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | dict) or value is None else str(value)
