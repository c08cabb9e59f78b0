"""What the vendors cost: by day, by night, per lead and per shortlisted lead."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from leadgen_project.console.plots import Plot, Series, draw
from leadgen_project.price import price_of_next_night
from tenants.models import Tenant
from tenants.paid import balances, spend
from tenants.paid.spend import DayOfVendor
from tenants.paid.vendor_state import Gauge, marked_gauges, stops
from tenants.permits import Vendor
from tenants.vendor_models import VendorReading

RANGES = (7, 30, 90)
RUNS = 20
READINGS = 10
MICROS = 1_000_000


def spend_page(request: HttpRequest) -> HttpResponse:
    """Plots, nights and differences of the tenant. About ten queries."""
    tenant = tenant_of(request)
    if tenant is None:
        raise PermissionDenied("Spend belongs to a tenant.")
    now = timezone.now()
    length = _length(request)
    last = balances.local_day(now)
    by_day = spend.by_day(first=last - timedelta(days=length - 1), last=last)
    context = {
        **admin.site.each_context(request),
        "title": "Spend",
        "length": length,
        "ranges": RANGES,
        "plots": plots(by_day),
        "totals": _totals(by_day),
        "runs": [cost for cost in spend.by_run(count=RUNS) if cost.calls],
        "vendors": list(by_day),
        "questions": spend.open_questions(),
        "readings": VendorReading.objects.order_by("-at")[:READINGS],
        "price": price_of_next_night(tenant, now=now),
        "vendors_url": link("vendors"),
        "ledger_url": link("tenants_vendorusage_changelist"),
        "notices": notices(tenant, now=now),
    }
    return TemplateResponse(request, "console/spend.html", context)


def notices(tenant: Tenant, *, now: datetime) -> list[str]:
    """Vendors that refused its key, and budgets used to 80 % or more, in sentences."""
    refused = [
        f"{vendor.label} is not asked any more: {reason} When that is put right, resume there."
        for vendor, reason in stops(now=now)
    ]
    return refused + [_notice(vendor, gauge) for vendor, gauge in marked_gauges(now=now)]


def spent_today(*, now: datetime) -> dict[str, Any]:
    """For the first page: money and calls of the tenant today."""
    micros, calls = spend.spent_on(balances.local_day(now))
    return {"micros": micros, "calls": calls, "link": link("spend")}


def plots(by_day: dict[Vendor, list[DayOfVendor]]) -> list[Plot]:
    """Money of all vendors, stacked, where there is any; then the units of each."""
    if not by_day:
        return []
    days = _days(by_day)
    drawn = []
    priced = {vendor: rows for vendor, rows in by_day.items() if any(row.micros for row in rows)}
    if priced:
        series = [Series(vendor.label, vendor.lower(), [row.micros for row in rows])
                  for vendor, rows in priced.items()]  # fmt: skip
        drawn.append(draw("Money", days=days, series=series, scale=MICROS, unit="US dollars"))
    for vendor, rows in by_day.items():
        one = Series(vendor.label, vendor.lower(), [row.units for row in rows])
        drawn.append(draw(f"{vendor.label} {vendor.unit}", days=days, series=[one],
                          unit=vendor.unit))  # fmt: skip
    return drawn


def _totals(by_day: dict[Vendor, list[DayOfVendor]]) -> list[dict[str, Any]]:
    return [
        {
            "vendor": vendor,
            "kind": vendor.lower(),
            "calls": sum(row.calls for row in rows),
            "units": sum(row.units for row in rows),
            "micros": sum(row.micros for row in rows),
        }
        for vendor, rows in by_day.items()
    ]


def _days(by_day: dict[Vendor, list[DayOfVendor]]) -> list[date]:
    return [row.day for row in next(iter(by_day.values()))]


def _length(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(length) for length in RANGES} else RANGES[1]


def _notice(vendor: Vendor, gauge: Gauge) -> str:
    most = gauge.most or 0
    when = gauge.title.removeprefix("Money ").lower()
    if gauge.is_money:
        amount = f"{gauge.used / MICROS:,.2f} of {most / MICROS:,.2f} US dollars"
    else:
        amount = f"{gauge.used:,} of {most:,} {vendor.unit}"
    if gauge.mark == balances.MARKS[-1]:
        return f"The {vendor.label} budget is used up {when}: {amount}. Nights go on without it."
    return f"{gauge.percent} % of the {vendor.label} budget is used {when}: {amount}."
