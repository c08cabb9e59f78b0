"""Ask a vendor about one lead at once, as an operator wants: what is offered, and its price.

The asking itself is a task: it may take minutes, and the web server never waits for a vendor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from enrichment.people import find_people
from enrichment.price import Estimate
from enrichment.search import search_site
from icp.models import Lead
from tenants import audit
from tenants.paid import governor
from tenants.permits import NoPermitError, Vendor
from tenants.tasks import enqueue


class NotOfferedError(ValueError):
    """What was asked for cannot be done for this lead now; the text says why."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing an operator can have done: its step, words for the button, and its task."""

    step: str
    verb: str
    vendor: Vendor
    price_of: Callable[[Lead], Estimate | None]  # None: makes no sense for this lead
    task: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An ``Ask`` for one lead. ``why_not`` is empty when it can be had now."""

    step: str
    verb: str
    price: str
    why_not: str = ""


ASKS = (
    Ask(search_site.STEP, "Search the web for its site", Vendor.TAVILY, search_site.price_of,
        "enrichment.tasks.search_now"),
    Ask(find_people.STEP, "Find people with wanted titles", Vendor.LUSHA, find_people.price_of,
        "enrichment.tasks.find_people_now"),
)  # fmt: skip
CLOSED = {Lead.Stage.CANDIDATE, Lead.Stage.NEEDS_OPERATOR, Lead.Stage.REJECTED}


def offers(lead: Lead) -> list[Offer]:
    """What can be asked about ``lead``, each with its price. A few statements for each."""
    if lead.stage in CLOSED:
        return []
    priced = [(ask, ask.price_of(lead)) for ask in ASKS]
    return [
        Offer(ask.step, ask.verb, price_in_words(ask.vendor, price), _why_not(ask))
        for ask, price in priced if price is not None
    ]  # fmt: skip


def start(lead: Lead, step: str, *, actor: str, subject: str) -> Offer:
    """Queue the asking and write down who wanted it. Raises ``NotOfferedError``.

    Asked twice, the second finds the answer of the first in the cache and pays nothing.
    """
    offer = next((each for each in offers(lead) if each.step == step), None)
    if offer is None:
        raise NotOfferedError(f"{lead.name}: there is nothing to ask for here.")
    if offer.why_not:
        raise NotOfferedError(offer.why_not)
    ask = next(each for each in ASKS if each.step == step)
    enqueue(ask.task, lead_id=lead.pk)
    audit.record(f"enrichment.ask.{step}", actor=actor, subject=subject,
                 after={"price": offer.price})  # fmt: skip
    return offer


def price_in_words(vendor: Vendor, price: Estimate) -> str:
    """``at most 3 Lusha credits (0.30 US dollars)``; free when the answer is known."""
    if not price.most_units:
        return "free: the answer is known"
    name = vendor.unit if price.most_units > 1 else vendor.unit.removesuffix("s")
    money = f" ({price.most_micros / 1_000_000:.3f} US dollars)" if price.most_micros else ""
    return f"at most {price.most_units} {vendor.label} {name}{money}"


def _why_not(ask: Ask) -> str:
    if ask.step == find_people.STEP and not find_people.wishes().is_on:
        return "Lusha is not asked for people. See Settings."
    try:
        governor.ready(ask.vendor)
    except NoPermitError as exc:
        return governor.sentence_of(exc)
    return ""
