"""What was spent, as pages and plots want it: by day, by run, per lead and per shortlisted lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from django.db.models import Count, Q, Sum

from tenants.models import PipelineRun
from tenants.permits import Vendor
from tenants.vendor_models import VendorBalance, VendorUsage


@dataclass(slots=True)
class DayOfVendor:
    """A vendor's column of a plot."""

    day: date
    units: int = 0
    micros: int = 0
    calls: int = 0


@dataclass(slots=True)
class RunCost:
    """What one night cost. ``leads`` are those it worked on; counts may be unknown yet."""

    run: PipelineRun
    units: dict[str, int] = field(default_factory=dict)  # vendor -> units
    most: dict[str, int] = field(default_factory=dict)  # vendor -> the most told before it
    micros: int = 0
    calls: int = 0

    @property
    def leads(self) -> int | None:
        return self.run.report("select").get("done")

    @property
    def shortlisted(self) -> int | None:
        return self.run.report("shortlist").get("done")

    @property
    def micros_per_lead(self) -> int | None:
        return round(self.micros / self.leads) if self.leads else None

    @property
    def micros_per_shortlisted(self) -> int | None:
        return round(self.micros / self.shortlisted) if self.shortlisted else None


def by_day(*, first: date, last: date) -> dict[Vendor, list[DayOfVendor]]:
    """Every day from ``first`` to ``last`` of each vendor the tenant used then. One query."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    names = {f"day {day}": day for day in days}
    found: dict[Vendor, dict[date, DayOfVendor]] = {}
    for row in VendorBalance.objects.filter(period__in=names, calls__gt=0):
        mine = found.setdefault(Vendor(row.vendor), {day: DayOfVendor(day) for day in days})
        day = names[row.period]
        mine[day] = DayOfVendor(day, row.units, row.micros, row.calls)
    return {vendor: list(found[vendor].values()) for vendor in Vendor if vendor in found}


def by_run(*, count: int) -> list[RunCost]:
    """The last ``count`` runs of the tenant, newest first. Two queries."""
    runs = PipelineRun.objects.order_by("-started_at")[:count]
    costs = {f"run {run.pk}": RunCost(run) for run in runs}
    for row in VendorBalance.objects.filter(period__in=costs).order_by("vendor"):
        cost = costs[row.period]
        cost.micros += row.micros
        cost.calls += row.calls
        if row.units or row.calls:
            cost.units[row.vendor] = row.units
        if row.most_units is not None:
            cost.most[row.vendor] = row.most_units
    return list(costs.values())


def open_questions() -> list[tuple[Vendor, int, int]]:
    """Vendors with calls nobody saw the end of: how many, and how many units they hold."""
    rows = VendorUsage.objects.filter(outcome=VendorUsage.Outcome.UNKNOWN).values_list("vendor")
    return [
        (Vendor(vendor), calls, units)
        for vendor, calls, units in rows.annotate(n=Count("pk"), u=Sum("units")).order_by("vendor")
    ]


def spent_on(day: date) -> tuple[int, int]:
    """Micros and calls of the tenant on ``day``, all vendors."""
    total = VendorBalance.objects.filter(period=f"day {day}").aggregate(
        micros=Sum("micros"), calls=Sum("calls", filter=Q(calls__gt=0))
    )
    return total["micros"] or 0, total["calls"] or 0
