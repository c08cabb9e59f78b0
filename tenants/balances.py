"""What a tenant has spent with a vendor in a day, a month and a run, and whether more is allowed.

Balances are kept beside the ledger because adding up a month of it takes longer with every call.
``tenants.reconcile`` checks that both say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.conf import settings

from tenants.context import connection
from tenants.permits import BudgetExhaustedError, Vendor
from tenants.vendor_models import VendorBudget, VendorUsage

_ADD = """
INSERT INTO tenants_vendorbalance AS b (tenant_id, vendor, period, units, micros, calls, noticed)
SELECT %s, %s, period, %s, %s, 1, 0 FROM unnest(%s::text[]) AS period
ON CONFLICT (tenant_id, vendor, period) DO UPDATE SET
  units = b.units + excluded.units, micros = b.micros + excluded.micros, calls = b.calls + 1
RETURNING period, units, micros
"""
_CORRECT = """
UPDATE tenants_vendorbalance SET units = units + %s, micros = micros + %s
WHERE tenant_id = %s AND vendor = %s AND period = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a budget: how much of what in which period."""

    period: str  # as in VendorBalance
    most: int
    is_money: bool
    words: str  # "units for 2026-11-22"


def limits_of(budget: VendorBudget, *, day: date, run_id: int | None) -> list[Limit]:
    """The limits that hold for a call; what the tenant leaves empty is the deployment's."""
    default = settings.VENDOR_LIMITS[Vendor(budget.vendor)]
    unit = Vendor(budget.vendor).unit
    month = f"{day:%Y-%m}"
    wanted = [
        (f"day {day}", _either(budget.daily_units, default.daily_units), False,
         f"{unit} for {day}"),
        (f"month {month}", _either(budget.monthly_units, default.monthly_units), False,
         f"{unit} for {month}"),
        (f"month {month}", _either(budget.monthly_micros, default.monthly_micros), True,
         f"US dollars for {month}"),
    ]  # fmt: skip
    if run_id is not None:
        most = _either(budget.run_units, default.run_units)
        wanted.append((f"run {run_id}", most, False, f"{unit} for run {run_id}"))
    return [Limit(period, most, is_money, words)
            for period, most, is_money, words in wanted if most is not None]  # fmt: skip


def book(
    budget: VendorBudget, *, units: int, micros: int, run_id: int | None, day: date, purpose: str
) -> None:
    """Add a call to its day, month and run; raises ``BudgetExhaustedError`` above a limit.

    Inside the transaction that holds the budget's row; the error rolls the addition back.
    """
    vendor = Vendor(budget.vendor)
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [budget.tenant_id, vendor, units, micros, periods(day, run_id)])
        now_at = {period: (all_units, money) for period, all_units, money in cursor.fetchall()}
    for limit in limits_of(budget, day=day, run_id=run_id):
        total = now_at[limit.period][limit.is_money]
        asked = micros if limit.is_money else units
        if total > limit.most:
            raise BudgetExhaustedError(_sentence(budget, limit, total - asked, asked, purpose))


def correct(entry: VendorUsage, *, units: int, micros: int) -> None:
    """Put ``entry`` and its balances to what the call did cost. The caller saves the entry."""
    by_units, by_micros = units - entry.units, micros - entry.micros
    entry.units, entry.micros = units, micros
    if by_units or by_micros:
        with connection.cursor() as cursor:
            cursor.execute(_CORRECT, [by_units, by_micros, entry.tenant_id, entry.vendor,
                                      periods(entry.day, entry.run_id)])  # fmt: skip


def periods(day: date, run_id: int | None) -> list[str]:
    """Names of the balances a call on ``day`` counts in."""
    names = [f"day {day}", f"month {day:%Y-%m}"]
    return names if run_id is None else [*names, f"run {run_id}"]


def _either(own: int | None, default: int | None) -> int | None:
    return default if own is None else own


def _sentence(budget: VendorBudget, limit: Limit, spent: int, asked: int, purpose: str) -> str:
    def amount(value: int) -> str:
        return f"{value / 1_000_000:.4f}" if limit.is_money else str(value)

    return (
        f"{budget.tenant_id}: the {Vendor(budget.vendor).label} budget is used up"
        f" ({amount(spent)} of {amount(limit.most)} {limit.words}, {amount(asked)} more asked for"
        f" {purpose}). Raise it under Vendors, or wait for the next {limit.period.split()[0]}."
    )
