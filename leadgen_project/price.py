"""What a night will cost at most, told before it starts and held to while it runs.

Each vendor step gives its own estimate; here they are added up per vendor, capped by what the
budgets leave, and, once the night starts, booked as its limit (``balances.promise``). So the
actual is never above what was told, whatever happens in the night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil

from django.conf import settings

from enrichment.by_model import read_by_model
from enrichment.people import find_people
from enrichment.price import Estimate, PricedStep
from enrichment.search import search_site
from enrichment.verification import verify
from scoring import explain
from tenants.context import current_schema
from tenants.models import PipelineRun, Tenant, TenantSettings
from tenants.paid import balances, governor
from tenants.permits import NoPermitError, Vendor

REPEATS_PERCENT = 10  # a failed call may have been charged, and is asked again
LONGEST_NIGHT = timedelta(hours=8)  # one that begins before midnight uses two days' budgets


def _explanations(leads: int, *, run: PipelineRun | None = None) -> Estimate:
    """Only places on the shortlist are explained, and it has a cap."""
    if run is not None and "shortlist_cap" in run.plan:
        cap = int(run.plan["shortlist_cap"])
    else:
        cap = TenantSettings.objects.get(tenant_id=current_schema()).shortlist_cap
    return explain.estimate(min(leads, cap), run=run)


# Every step that asks a vendor in a night: one that is missing here would not be allowed to.
STEPS = (
    PricedStep("search", Vendor.TAVILY, search_site.estimate),
    PricedStep("read", Vendor.LLM, read_by_model.estimate),
    PricedStep("people", Vendor.LUSHA, find_people.estimate),
    PricedStep("verify", Vendor.ZEROBOUNCE, verify.estimate),
    PricedStep("explain", Vendor.LLM, _explanations),
)


@dataclass(frozen=True, slots=True)
class VendorPrice:
    """What a night may ask of one vendor. ``why_not`` says why it would not be asked at all.

    ``most_units`` and ``most_micros`` are capped already; ``is_cut`` says that a budget did it.
    """

    vendor: Vendor
    steps: tuple[str, ...]
    lookups: int
    from_cache: int
    most_units: int
    most_micros: int
    is_cut: bool = False
    why_not: str = ""

    @property
    def has_price(self) -> bool:
        """Whether the deployment says what a unit costs."""
        return bool(self.most_micros) or not self.most_units or _has_price(self.vendor)

    @property
    def sentence(self) -> str:
        label, unit = self.vendor.label, self.vendor.unit
        if self.why_not:
            return f"{label} would not be asked. {self.why_not}"
        if not self.lookups:
            return f"{label}: nothing to ask."
        if self.is_cut and not self.most_units:
            return f"{label} would not be asked: the budget leaves nothing of it."
        known = f", {self.from_cache:,} of them known already" if self.from_cache else ""
        dollars = f"{self.most_micros / 1_000_000:,.2f} US dollars"
        money = dollars if self.has_price else "price not set"
        cut = " That is what the budget leaves, so some would wait." if self.is_cut else ""
        return (
            f"{label}: {self.lookups:,} lookups{known}, at most {self.most_units:,} {unit}"
            f" ({money}).{cut}"
        )


@dataclass(frozen=True, slots=True)
class Price:
    """What a night that works on at most ``leads`` leads may cost, by vendor."""

    leads: int
    vendors: tuple[VendorPrice, ...]

    @property
    def most_micros(self) -> int:
        return sum(price.most_micros for price in self.vendors)

    @property
    def is_free(self) -> bool:
        return not any(price.most_units for price in self.vendors)

    @property
    def sentences(self) -> list[str]:
        return [price.sentence for price in self.vendors]

    @property
    def total(self) -> str:
        """The sum in a sentence."""
        if self.is_free:
            return "It costs nothing."
        unpriced = [price.vendor.label for price in self.vendors if not price.has_price]
        rest = f", and what {' and '.join(unpriced)} cost, whose price is not set"
        amount = f"{self.most_micros / 1_000_000:,.2f} US dollars"
        return f"It costs at most {amount}{rest if unpriced else ''}."


def price_of(
    leads: int,
    *,
    now: datetime,
    run: PipelineRun | None = None,
    steps: Sequence[PricedStep] | None = None,
) -> Price:
    """The price of a night of the current tenant with at most ``leads`` leads.

    ``run``, once it has selected its leads, lets the steps look into their caches. Asks no vendor
    and writes nothing; some queries a step.
    """
    steps = STEPS if steps is None else steps
    vendors = []
    for vendor in Vendor:
        mine = [step for step in steps if step.vendor is vendor]
        if mine:
            vendors.append(_of_vendor(vendor, mine, leads=leads, run=run, now=now))
    return Price(leads, tuple(vendors))


def price_of_next_night(tenant: Tenant, *, now: datetime) -> Price:
    """Before anything is selected: as many leads as a night of ``tenant`` may take."""
    return price_of(tenant.settings.candidates_per_night, now=now)


def hold_to(price: Price, run: PipelineRun) -> None:
    """Let ``run`` spend no more than ``price`` says. Its governor refuses what goes beyond."""
    balances.promise(
        run.pk, {one.vendor: (one.most_units, one.most_micros) for one in price.vendors}
    )


def _of_vendor(
    vendor: Vendor,
    steps: list[PricedStep],
    *,
    leads: int,
    run: PipelineRun | None,
    now: datetime,
) -> VendorPrice:
    names = tuple(step.name for step in steps)
    try:
        governor.ready(vendor)
    except NoPermitError as exc:
        if exc.code != "down":  # which passes
            return VendorPrice(vendor, names, 0, 0, 0, 0, why_not=governor.sentence_of(exc))
    wanted = sum((step.estimate(leads, run=run) for step in steps), start=Estimate(0))
    units, micros = _with_repeats(wanted.most_units), _with_repeats(wanted.most_micros)
    days = sorted({balances.local_day(now), balances.local_day(now + LONGEST_NIGHT)})
    units_left, micros_left = balances.left_of(vendor, days=days)
    most_units = units if units_left is None else min(units, units_left)
    each = settings.VENDOR_UNIT_MICROS[vendor]
    most_micros = most_units * each if each else micros
    if vendor is Vendor.LLM:  # whatever share of the tokens is read, and whatever written
        most_micros = min(micros, ceil(most_units * _dearest_token_micros()))
    if micros_left is not None:
        most_micros = min(most_micros, micros_left)
    return VendorPrice(
        vendor, names, wanted.lookups, wanted.from_cache, most_units, most_micros,
        is_cut=most_units < wanted.most_units or most_micros < wanted.most_micros,
    )  # fmt: skip


def _dearest_token_micros() -> Decimal:
    """Dollars for a million tokens are micros for one."""
    return max(settings.LLM_INPUT_USD_PER_MILLION, settings.LLM_OUTPUT_USD_PER_MILLION)


def _with_repeats(amount: int) -> int:
    return amount + -(-amount * REPEATS_PERCENT // 100)


def _has_price(vendor: Vendor) -> bool:
    return bool(settings.VENDOR_UNIT_MICROS[vendor])
