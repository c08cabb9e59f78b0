"""The price told before a night, and that the night never costs more."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from enrichment.price import Estimate, PricedStep
from leadgen_project.price import Price, hold_to, price_of
from tenants.context import in_public
from tenants.models import PipelineRun
from tenants.paid import balances, governor
from tenants.paid.governor import Purpose
from tenants.permits import BudgetExhaustedError, Vendor
from tenants.vendor_models import VendorBalance, VendorBudget

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)  # 01:00 of the 22nd in Singapore
TODAY = date(2026, 11, 22)


@pytest.fixture
def keyed(acme, settings):
    settings.VENDOR_KEYS = {vendor: f"key-of-{vendor}" for vendor in Vendor}
    return acme


def search(leads: int, *, run: PipelineRun | None = None) -> Estimate:
    """One credit a lead; of a run's leads every tenth is known."""
    known = leads // 10 if run else 0
    return Estimate(leads, known, leads - known, (leads - known) * 8_000)


SEARCH = PricedStep("search", Vendor.TAVILY, search)


def price(leads: int, *, run: PipelineRun | None = None) -> Price:
    return price_of(leads, now=NOW, run=run, steps=[SEARCH])


def test_the_price_says_lookups_cache_units_and_money(keyed):
    run = PipelineRun.objects.create(tenant_id="acme")

    told = price(300, run=run)

    assert told.sentences == [
        "Tavily: 300 lookups, 30 of them known already, at most 297 credits (2.38 US dollars)."
    ]
    assert told.total == "It costs at most 2.38 US dollars."


def test_the_price_is_what_the_budget_leaves_and_says_so(keyed):
    VendorBudget.objects.create(tenant_id="acme", vendor="TAVILY", daily_units=100)
    with in_public():
        VendorBalance.objects.create(tenant_id="acme", vendor="TAVILY", period=f"day {TODAY}",
                                     units=40)  # fmt: skip

    told = price(300).vendors[0]

    assert (told.most_units, told.most_micros, told.is_cut) == (60, 480_000, True)
    assert "what the budget leaves" in told.sentence


def test_a_night_over_midnight_uses_two_days(keyed):
    VendorBudget.objects.create(tenant_id="acme", vendor="TAVILY", daily_units=100)
    evening = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)

    told = price_of(300, now=evening, steps=[SEARCH])

    assert told.vendors[0].most_units == 200


def test_money_and_run_limits_cap_the_price_too(keyed):
    VendorBudget.objects.create(tenant_id="acme", vendor="TAVILY", run_units=50,
                                monthly_micros=80_000)  # fmt: skip

    told = price(300).vendors[0]

    assert (told.most_units, told.most_micros) == (50, 80_000)


def test_a_vendor_without_key_costs_nothing_and_says_what_to_do(acme, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")

    told = price(300)

    assert told.is_free
    assert told.sentences[0].startswith("Tavily would not be asked. There is no Tavily key.")
    assert told.total == "It costs nothing."


def test_a_price_nobody_set_is_said_not_shown_as_free(keyed):
    def people(leads: int, *, run: PipelineRun | None = None) -> Estimate:
        return Estimate(leads, 0, leads)

    told = price_of(10, now=NOW, steps=[PricedStep("people", Vendor.LUSHA, people)])

    assert "(price not set)" in told.sentences[0]
    assert told.total == (
        "It costs at most 0.00 US dollars, and what Lusha cost, whose price is not set."
    )


def test_what_was_told_is_the_nights_own_limit(keyed):
    run = PipelineRun.objects.create(tenant_id="acme")
    told = price(2, run=run)

    hold_to(told, run)

    most = told.vendors[0].most_units
    for _ in range(most):
        with governor.permit(Vendor.TAVILY, units=1, purpose=Purpose("search", run.pk)) as granted:
            granted.use(Vendor.TAVILY)
    with (
        pytest.raises(BudgetExhaustedError, match="told for"),
        governor.permit(Vendor.TAVILY, units=1, purpose=Purpose("search", run.pk)),
    ):
        pass
    with in_public():
        assert VendorBalance.objects.get(period=f"run {run.pk}").units == most
        assert balances.drift() == []


def test_all_steps_of_the_night_tell_their_price(keyed):
    told = price_of(10, now=NOW)

    assert [(one.vendor, one.steps) for one in told.vendors] == [
        (Vendor.LLM, ("read", "explain")),
        (Vendor.TAVILY, ("search",)),
        (Vendor.LUSHA, ("people",)),
        (Vendor.ZEROBOUNCE, ("verify",)),
    ]
    assert all(one.most_units > 0 for one in told.vendors)


def test_tokens_a_budget_leaves_cost_no_more_than_the_dearest_of_them(keyed, settings):
    settings.LLM_INPUT_USD_PER_MILLION = Decimal("0.75")
    settings.LLM_OUTPUT_USD_PER_MILLION = Decimal("4.50")
    VendorBudget.objects.create(tenant_id="acme", vendor="LLM", daily_units=10_000)

    def read(leads: int, *, run: PipelineRun | None = None) -> Estimate:
        return Estimate(leads, 0, leads * 20_000, leads * 30_000)

    told = price_of(100, now=NOW, steps=[PricedStep("read", Vendor.LLM, read)]).vendors[0]

    assert (told.most_units, told.most_micros) == (10_000, 45_000)


def test_a_budget_that_is_used_up_is_said_in_words(keyed):
    VendorBudget.objects.create(tenant_id="acme", vendor="TAVILY", daily_units=0)

    assert price(300).sentences == ["Tavily would not be asked: the budget leaves nothing of it."]
