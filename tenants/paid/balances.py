"""What a tenant has spent with a vendor in a day, a month and a run, and whether more is allowed.

Balances are kept beside the ledger because adding up a month of it takes longer with every call.
``drift`` checks that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from tenants.context import connection, current_schema, in_public
from tenants.models import AuditEvent
from tenants.permits import BudgetExhaustedError, Vendor
from tenants.vendor_models import VendorBalance, VendorBudget, VendorUsage

MARKS = (80, 90, 100)  # per cent of a limit at which somebody is told
_ANY = "2000-01-01"  # a run's limits are those of no day
CALM = 20  # per cent below its last notice a balance must fall to be told of again

_ADD = """
INSERT INTO tenants_vendorbalance AS b (tenant_id, vendor, period, units, micros, calls, noticed)
SELECT %s, %s, period, %s, %s, 1, 0 FROM unnest(%s::text[]) AS period
ON CONFLICT (tenant_id, vendor, period) DO UPDATE SET
  units = b.units + excluded.units, micros = b.micros + excluded.micros, calls = b.calls + 1
RETURNING period, units, micros, noticed, most_units, most_micros
"""
_CORRECT = """
UPDATE tenants_vendorbalance SET units = units + %s, micros = micros + %s
WHERE tenant_id = %s AND vendor = %s AND period = ANY(%s)
"""
_DRIFT = """
WITH added AS (
  SELECT tenant_id, vendor, period, sum(units) AS units, sum(micros) AS micros
  FROM tenants_vendorusage, LATERAL (VALUES
    ('day ' || day), ('month ' || to_char(day, 'YYYY-MM')), ('run ' || run_id)) AS p (period)
  WHERE period IS NOT NULL GROUP BY 1, 2, 3)
SELECT tenant_id, vendor, period, coalesce(b.units, 0), coalesce(added.units, 0)
FROM added FULL JOIN tenants_vendorbalance b USING (tenant_id, vendor, period)
WHERE coalesce(b.units, 0) <> coalesce(added.units, 0)
   OR coalesce(b.micros, 0) <> coalesce(added.micros, 0)
ORDER BY 1, 2, 3
"""
_PROMISE = """
INSERT INTO tenants_vendorbalance AS b
  (tenant_id, vendor, period, units, micros, calls, noticed, most_units, most_micros)
VALUES (%s, %s, %s, 0, 0, 0, 0, %s, %s)
ON CONFLICT (tenant_id, vendor, period) DO UPDATE SET
  most_units = excluded.most_units, most_micros = excluded.most_micros
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: how much of what in which period. ``is_told``: by the price before the run."""

    period: str  # as in VendorBalance
    most: int
    is_money: bool
    words: str  # "credits for 2026-11-22"
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class _Balance:
    period: str
    units: int
    micros: int
    noticed: int
    most_units: int | None
    most_micros: int | None


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

    Inside the transaction that holds the budget's row; the error rolls the addition back. What
    costs nothing is always allowed. Crossing a mark of a limit is written down, once.
    """
    vendor = Vendor(budget.vendor)
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [budget.tenant_id, vendor, units, micros, periods(day, run_id)])
        now_at = {row[0]: _Balance(*row) for row in cursor.fetchall()}
    limits = limits_of(budget, day=day, run_id=run_id)
    if run_id is not None:
        limits += _told(now_at[f"run {run_id}"], run_id=run_id, unit=vendor.unit)
    shares: dict[str, int] = {}
    for limit in limits:
        balance = now_at[limit.period]
        total, asked = (balance.micros, micros) if limit.is_money else (balance.units, units)
        if asked and total > limit.most:
            raise BudgetExhaustedError(
                _sentence(budget, limit, total - asked, asked, purpose),
                period="" if limit.is_told else limit.period,
            )
        if limit.most and not limit.is_told:
            shares[limit.period] = max(shares.get(limit.period, 0), total * 100 // limit.most)
    for period, share in shares.items():
        _notice(budget.tenant_id, vendor, now_at[period], share)


def correct(entry: VendorUsage, *, units: int, micros: int) -> None:
    """Put ``entry`` and its balances to what the call did cost. The caller saves the entry.

    Inside a transaction that holds the budget's row.
    """
    by_units, by_micros = units - entry.units, micros - entry.micros
    entry.units, entry.micros = units, micros
    if by_units or by_micros:
        with connection.cursor() as cursor:
            cursor.execute(_CORRECT, [by_units, by_micros, entry.tenant_id, entry.vendor,
                                      periods(entry.day, entry.run_id)])  # fmt: skip


def add(tenant: str, vendor: Vendor, *, units: int, micros: int, day: date) -> None:
    """Add what was charged outside any reservation; no limit can undo that.

    Inside a transaction that holds the budget's row.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [tenant, vendor, units, micros, periods(day, None)])


def drift() -> list[str]:
    """Balances of all tenants that do not say what the ledger adds up to; none, unless we err.

    As the platform; reads the whole ledger.
    """
    with connection.cursor() as cursor:
        cursor.execute(_DRIFT)
        return [
            f"{tenant} {vendor} {period}: {kept} kept, {added} in the ledger"
            for tenant, vendor, period, kept, added in cursor.fetchall()
        ]


def promise(run_id: int, most: Mapping[Vendor, tuple[int, int]]) -> None:
    """Hold run ``run_id`` of the current tenant to the price told for it: units and micros.

    A vendor that is not named is not limited by it. A second time overwrites.
    """
    tenant = current_schema()
    with in_public(), transaction.atomic(), connection.cursor() as cursor:
        for vendor, (units, micros) in sorted(most.items()):
            cursor.execute(_PROMISE, [tenant, vendor, f"run {run_id}", units, micros])


def left_of(vendor: Vendor, *, days: list[date]) -> tuple[int | None, int | None]:
    """Units and micros the current tenant may still spend on ``days``, a run's own limit included.

    Days of one month or two; None is no limit. One statement, and the budget.
    """
    tenant = current_schema()
    with in_public():
        budget = VendorBudget.objects.filter(tenant_id=tenant, vendor=vendor).first()
        kept = VendorBalance.objects.filter(tenant_id=tenant, vendor=vendor)
        names = {name for day in days for name in periods(day, None)}
        spent = {row.period: row for row in kept.filter(period__in=names)}
    budget = budget or VendorBudget(tenant_id=tenant, vendor=vendor)
    daily, monthly, money = 0, {}, {}
    for day in days:
        for limit in limits_of(budget, day=day, run_id=None):
            row = spent.get(limit.period)
            used = 0 if row is None else row.micros if limit.is_money else row.units
            free = max(limit.most - used, 0)
            if limit.is_money:
                money[limit.period] = free
            elif limit.period.startswith("day"):
                daily += free
            else:
                monthly[limit.period] = free
    default = settings.VENDOR_LIMITS[vendor]
    units = [
        daily if _either(budget.daily_units, default.daily_units) is not None else None,
        sum(monthly.values()) if monthly else None,
        _either(budget.run_units, default.run_units),
    ]
    known = [amount for amount in units if amount is not None]
    return min(known) if known else None, sum(money.values()) if money else None


def tell_used_up(tenant: str, vendor: Vendor, *, period: str) -> None:
    """Write down, once a period, that its budget refused a call though some of it is left.

    In a transaction of its own, after the refused one was rolled back. A call too big for a budget
    that is hardly used is no news of the budget.
    """
    with transaction.atomic():
        budget = VendorBudget.objects.select_for_update(of=("self",)).get(
            tenant_id=tenant, vendor=vendor
        )
        rows = VendorBalance.objects.filter(tenant_id=tenant, vendor=vendor, period=period)
        row = rows.filter(noticed__lt=MARKS[-1]).first()
        if row is not None and _share(budget, row) >= MARKS[0]:
            balance = _Balance(row.period, row.units, row.micros, row.noticed, None, None)
            _notice(tenant, vendor, balance, MARKS[-1])


def _share(budget: VendorBudget, row: VendorBalance) -> int:
    """Per cent of its limits that a balance has used, the highest."""
    kind, _, name = row.period.partition(" ")
    run_id = int(name) if kind == "run" else None
    day = date.fromisoformat(name if kind == "day" else f"{name}-01" if kind == "month" else _ANY)
    return max(
        (
            (row.micros if limit.is_money else row.units) * 100 // limit.most
            for limit in limits_of(budget, day=day, run_id=run_id)
            if limit.period == row.period and limit.most
        ),
        default=0,
    )


def periods(day: date, run_id: int | None) -> list[str]:
    """Names of the balances a call on ``day`` counts in."""
    names = [f"day {day}", f"month {day:%Y-%m}"]
    return names if run_id is None else [*names, f"run {run_id}"]


def local(now: datetime) -> datetime:
    """``now`` in the nightly time zone, by which budgets count."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY))


def local_day(now: datetime) -> date:
    """The day budgets count by: that of the nightly time zone."""
    return local(now).date()


def _told(balance: _Balance, *, run_id: int, unit: str) -> list[Limit]:
    """The limits a run has from the price that was told before it."""
    return [
        Limit(balance.period, most, is_money, f"{words} told for run {run_id}", is_told=True)
        for most, is_money, words in (
            (balance.most_units, False, unit),
            (balance.most_micros, True, "US dollars"),
        )
        if most is not None
    ]


def _notice(tenant: str, vendor: Vendor, balance: _Balance, share: int) -> None:
    """Remember the highest mark reached, and write it to the trail the first time."""
    mark = max((mark for mark in MARKS if mark <= share), default=0)
    if mark <= balance.noticed and share > balance.noticed - CALM:
        return
    kept = VendorBalance.objects.filter(tenant_id=tenant, vendor=vendor, period=balance.period)
    kept.update(noticed=mark)
    if mark > balance.noticed:
        AuditEvent.objects.create(
            tenant_id=tenant,
            actor="governor",
            action="tenants.budget.notice",
            subject=f"{vendor.label} budget",
            after={"period": balance.period, "percent": mark, "units": balance.units,
                   "micros": balance.micros},
        )  # fmt: skip


def _either(own: int | None, default: int | None) -> int | None:
    return default if own is None else own


def _sentence(budget: VendorBudget, limit: Limit, spent: int, asked: int, purpose: str) -> str:
    def amount(value: int) -> str:
        return f"{value / 1_000_000:.4f}" if limit.is_money else str(value)

    label = Vendor(budget.vendor).label
    used = f"{amount(spent)} of {amount(limit.most)} {limit.words}, {amount(asked)} more asked for"
    if limit.is_told:
        return (
            f"{budget.tenant_id}: the price told for {label} is used up ({used} {purpose})."
            " A night never costs more than was said before it; the rest waits for another."
        )
    return (
        f"{budget.tenant_id}: the {label} budget is used up ({used} {purpose})."
        f" Raise it under Vendors, or wait for the next {limit.period.split()[0]}."
    )
