"""Leads of a city from listing pages and maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from chat.agent.arguments import Name, Text
from chat.agent.cost import price_sentences
from chat.agent.say import counted, link, page, said
from chat.agent.toolbox import Answer, Caller, Effect, Row, Tool, ToolError
from enrichment.harvest.ask_for import MOST_WANTED, HarvestError, ask_for, usable
from enrichment.harvest.call import call
from enrichment.harvest.categories import UnknownCategoryError, category_of
from enrichment.harvest.counts import progress_of
from enrichment.harvest.foresee import foresee
from enrichment.harvest_models import HarvestRequest

ANY = "business"
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Harvest:
    """So many leads of a category in a city."""

    city: Name
    leads: Annotated[int, Ge(1), Le(MOST_WANTED)]
    category: Text | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """No arguments."""


def ask(asked: Harvest, caller: Caller) -> str:
    """Volume, time and cost, as the console tells them before a harvest."""
    category = _category(asked.category)
    try:
        source = usable(None, city=asked.city, category=category)
    except HarvestError as exc:
        raise ToolError(said(exc)) from exc
    told = [said(each) for each in foresee(source, city=asked.city, wanted=asked.leads,
                                           now=caller.now)]  # fmt: skip
    cost = price_sentences(caller.now)[-1:]
    told += [f"The next night, whatever its leads: {said(each)}" for each in cost]
    of = "" if category == ANY else f" ({said(category_of(category).label)})"
    return f"Harvest up to {counted(asked.leads, 'lead')}{of} in {said(asked.city)}?\n\n" + (
        "\n".join(f"- {each}" for each in told)
    )


def harvest(asked: Harvest, caller: Caller) -> Answer:
    try:
        made = ask_for(city=asked.city, wanted=asked.leads, category=_category(asked.category),
                       actor=caller.name, now=caller.now)  # fmt: skip
    except HarvestError as exc:
        raise ToolError(said(exc)) from exc
    call(made.pk)
    row: Row = {"harvest": str(made.public_id), "city": made.city, "leads": made.wanted}
    return Answer(
        f"The harvest of {said(made.city)} is under way. "
        + link("Watch it", page("enrichment_harvestrequest_change", made.pk)),
        [row], dict(row),
    )  # fmt: skip


def harvests(_: Nothing, __: Caller) -> Answer:
    """The newest harvests and how far they are."""
    found = list(HarvestRequest.objects.select_related("source").order_by("-pk")[:SHOWN])
    if not found:
        return Answer("No harvest has been asked for yet.")
    progress = progress_of(found)
    rows: list[Row] = [
        {"city": one.city, "category": one.category, "source": one.source.name,
         "status": one.get_status_display(), "wanted": one.wanted,
         "new_leads": progress[one.pk].taken}
        for one in found
    ]  # fmt: skip
    waiting = sum(one.status in HarvestRequest.OPEN for one in found)
    return Answer(
        f"{counted(waiting, 'harvest is', 'harvests are')} under way. "
        + link("Harvests", page("enrichment_harvestrequest_changelist")),
        rows,
    )


def _category(given: str | None) -> str:
    """A category's key; plurals of its words are understood."""
    text = given or ANY
    try:
        return category_of(text).key
    except UnknownCategoryError as exc:
        try:
            return category_of(text.removesuffix("s")).key
        except UnknownCategoryError:
            raise ToolError(said(exc)) from exc


HARVEST = Tool(
    "harvest",
    "Harvest leads of one city, of a category such as bakery or dentist, from listing sources.",
    Harvest, harvest, action="enrichment.harvest", effect=Effect.SPENDS, preview=ask,
)  # fmt: skip
HARVESTS = Tool("harvests", "Show the newest harvests and how far they are.", Nothing, harvests)
