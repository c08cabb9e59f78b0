"""Made-up spending of a tenant: months of calls, a stop, budgets near their ends, readings."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from tenants.context import in_public, in_tenant
from tenants.models import PipelineRun
from tenants.paid import balances
from tenants.paid.credentials import set_key
from tenants.permits import Vendor
from tenants.secrets import fingerprint
from tenants.vendor_models import (
    CircuitBreaker,
    RateLimit,
    VendorBalance,
    VendorBudget,
    VendorReading,
    VendorUsage,
)

CALLS_A_DAY = {Vendor.LLM: 6, Vendor.TAVILY: 9, Vendor.LUSHA: 3, Vendor.ZEROBOUNCE: 12}


def fill_spending(tenant: str, *, run: PipelineRun, now: datetime, days: int = 40) -> None:
    """Calls of every outcome on each of ``days`` days, today's for ``run``; the balances agree."""
    dice = Random(tenant)
    today = balances.local_day(now)
    calls = [
        _call(tenant, vendor, now - timedelta(days=ago, minutes=number), dice,
              run_id=run.pk if ago == 0 else None, lead_id=number + 1)
        for ago in range(days)
        for vendor, most in CALLS_A_DAY.items()
        for number in range(dice.randint(most // 2, most))
    ]  # fmt: skip
    with in_tenant(tenant):
        set_key(Vendor.TAVILY, secret=f"tvly-{tenant}-own-1234abcd", actor="owner")
    with in_public():
        VendorUsage.objects.bulk_create(calls)
        _add_up(tenant, calls)
        spent = VendorBalance.objects.get(tenant_id=tenant, vendor="TAVILY", period=f"day {today}")
        VendorBudget.objects.create(tenant_id=tenant, vendor="TAVILY",
                                    daily_units=spent.units * 100 // 92)  # fmt: skip
        VendorBudget.objects.create(
            tenant_id=tenant, vendor="LUSHA", monthly_micros=50_000_000, stopped_at=now,
            stopped_reason="Lusha refused the key. Enter another one under Vendors.",
        )  # fmt: skip
        VendorBudget.objects.create(tenant_id=tenant, vendor="ZEROBOUNCE", is_on=False)
        account = fingerprint(f"tvly-{tenant}-own-1234abcd")
        CircuitBreaker.objects.create(lane=f"TAVILY/{account}", failures=2, last_error="HTTP 502")
        RateLimit.objects.create(lane=f"TAVILY/{account}", calls=100, recent=[now])
        VendorReading.objects.create(
            tenant_id=tenant, vendor="TAVILY", account=account, at=now, used=812,
            is_conclusive=True, vendor_units=31, ledger_units=33, refunded_units=2, difference=0,
            note="2 credits were never charged and are refunded.",
        )  # fmt: skip


def _call(
    tenant: str, vendor: Vendor, at: datetime, dice: Random, *, run_id: int | None, lead_id: int
) -> VendorUsage:
    reserved = 4_000 if vendor is Vendor.LLM else 1
    outcome = dice.choices(("SETTLED", "REFUNDED", "UNKNOWN"), (90, 7, 3))[0]
    units = 0 if outcome == "REFUNDED" else reserved
    if vendor is Vendor.LLM and outcome == "SETTLED":
        units = dice.randint(900, 3_000)
    each = {Vendor.LLM: 2, Vendor.TAVILY: 8_000}.get(vendor, 0)
    purposes = {Vendor.LLM: "read", Vendor.TAVILY: "search", Vendor.LUSHA: "people",
                Vendor.ZEROBOUNCE: "verify"}  # fmt: skip
    return VendorUsage(
        tenant_id=tenant, vendor=vendor, purpose=purposes[vendor], run_id=run_id, lead_id=lead_id,
        at=at, due_at=at, day=balances.local_day(at), own_key=vendor is Vendor.TAVILY,
        reserved_units=reserved, reserved_micros=reserved * each, units=units, micros=units * each,
        outcome=outcome, settled_at=at, milliseconds=dice.randint(80, 2_000),
        note="no answer within 30 s" if outcome == "UNKNOWN" else "",
    )  # fmt: skip


def _add_up(tenant: str, calls: list[VendorUsage]) -> None:
    kept: dict[tuple[str, str], VendorBalance] = {}
    for call in calls:
        for period in balances.periods(call.day, call.run_id):
            row = kept.setdefault(
                (call.vendor, period),
                VendorBalance(tenant_id=tenant, vendor=call.vendor, period=period),
            )
            row.units += call.units
            row.micros += call.micros
            row.calls += 1
    VendorBalance.objects.bulk_create(kept.values())
