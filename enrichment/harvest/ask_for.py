"""Ask for so many leads of one category in one city: what is asked is checked before it is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import transaction

from enrichment.harvest.categories import ANY, UnknownCategoryError, category_of
from enrichment.harvest_models import HarvestRequest, HarvestSource
from tenants import audit
from tenants.places import place_of_city

Kind = HarvestSource.Kind
FROM_FILES: Final = (Kind.OVERTURE, Kind.OPEN_DATA)
MOST_WANTED: Final = 1_000
MOST_OPEN: Final = 100
#: What a template lacks, in a sentence; empty when mail can be written by it.
TemplateCheck = Callable[[int], str]


class HarvestError(Exception):
    """Nothing was asked for; ``field`` names what to change (as ``triggerHarvest`` calls it)."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def ask_for(
    *,
    city: str,
    wanted: int,
    actor: str,
    now: datetime,
    category: str = "",
    source: HarvestSource | None = None,
    template_id: int | None = None,
    template_fault: TemplateCheck = lambda _: "",
) -> HarvestRequest:
    """Keep a request, PENDING; somebody has to call its batches. Raises ``HarvestError``.

    Without ``category`` any business counts; without ``source`` the first serves that is on and
    lists the city. Asking twice makes two requests: the API's idempotency key is for that.
    """
    city = " ".join(city.split())
    country_of(city)
    kind = _category(category)
    if not 1 <= wanted <= MOST_WANTED:
        raise HarvestError("numLeads", f"Ask for 1 to {MOST_WANTED:,} leads, not {wanted:,}.")
    if template_id is not None and (fault := template_fault(template_id)):
        raise HarvestError("templateId", fault)
    chosen = usable(source, city=city, category=kind)
    open_now = HarvestRequest.objects.filter(status__in=HarvestRequest.OPEN)
    if open_now.count() >= MOST_OPEN:
        raise HarvestError("city", f"{MOST_OPEN} harvests wait already: cancel one, or wait.")
    request = HarvestRequest.objects.create(
        source=chosen, city=city[:100], category=kind, template_id=template_id, wanted=wanted,
        requested_by=actor[:150], requested_at=now,
    )  # fmt: skip
    audit.record(
        "enrichment.ask_for_harvest", actor=actor, subject=f"harvest {request.pk}",
        after={"city": city, "category": kind, "wanted": wanted, "source": chosen.name,
               "template": template_id},
    )  # fmt: skip
    return request


def country_of(city: str) -> str:
    """ISO 3166 alpha-2. Raises ``HarvestError`` for a city of which it is not known."""
    if country := place_of_city(city).country:
        return country
    raise HarvestError(
        "city",
        f"{city[:60] or 'An empty name'} is no city that is known here. Write its country or state"
        " with it, in full: Espoo, Finland, or Springfield, Illinois.",
    )


def usable(source: HarvestSource | None, *, city: str, category: str) -> HarvestSource:
    """``source``, or the first one that may be read for this. Raises ``HarvestError``."""
    if source is not None:
        if why := why_not_usable(source, city=city, category=category):
            raise HarvestError("source", why)
        return source
    reasons = []
    for one in HarvestSource.objects.exclude(kind=Kind.API).order_by("pk"):
        why = why_not_usable(one, city=city, category=category)
        if not why:
            return one
        reasons.append(why)
    told = " ".join(reasons[:3]) or "There is none yet."
    raise HarvestError("source", f"No harvest source can be read for this. {told}"[:900])


def why_not_usable(source: HarvestSource, *, city: str = "", category: str = "") -> str:
    """Why ``source`` cannot be asked now, in a sentence; empty when it can."""
    if source.kind == Kind.API:
        return f"{source.name} is for what is handed in; nothing can be read there."
    if not source.is_enabled:
        return f"{source.name} is off: record its terms under Harvest sources and switch it on."
    if source.paused_at is not None:
        return f"{source.name} is paused: {source.pause_reason}"
    for word, mapped, given in (("city", "city_map", city), ("category", "category_map", category)):
        known = source.options.get(mapped) or {}
        is_listed = given.casefold() in {str(name).casefold() for name in known}
        if known and given and not is_listed and not (word == "category" and given == ANY):
            return f"{source.name} has no {word} {given}; it has {', '.join(list(known)[:20])}."
    if source.kind in FROM_FILES and not source.files.exists():
        return f"{source.name} has no file yet: give it one under Harvest sources."
    return ""


def _category(given: str) -> str:
    try:
        return category_of(given or ANY).key
    except UnknownCategoryError as exc:
        raise HarvestError("category", str(exc)) from exc
