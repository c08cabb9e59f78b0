"""What the tenant has spent with vendors: sums of its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from tenants.vendor_models import VendorUsage

BY = ("vendor", "day", "purpose", "run_id", "outcome")


@dataclass(frozen=True, slots=True)
class Spent:
    """One sum. ``units`` are the vendor's own, so they are only added within one vendor."""

    vendor: str
    group: str  # the day, purpose, run or outcome; empty when only vendors are told apart
    calls: int
    units: int
    usd: Decimal


def usage(
    *, by: str, since: date | None = None, until: date | None = None, vendor: str = "",
    run_id: int | None = None,
) -> list[Spent]:  # fmt: skip
    """Sums of the current tenant's ledger, per vendor and ``by``; both dates included.

    Days are those of the nightly time zone. One statement.
    """
    rows = VendorUsage.objects.all()
    given: dict[str, Any] = {"day__gte": since, "day__lte": until, "vendor": vendor or None,
                             "run_id": run_id}  # fmt: skip
    rows = rows.filter(**{name: value for name, value in given.items() if value is not None})
    names = ["vendor"] if by == "vendor" else ["vendor", by]
    sums = rows.order_by().values(*names).annotate(
        calls=Count("pk"), all_units=Sum("units"), all_micros=Sum("micros")
    )  # fmt: skip
    return [
        Spent(row["vendor"], "" if by == "vendor" else str(row[by] or ""), row["calls"],
              row["all_units"], Decimal(row["all_micros"]) / 1_000_000)
        for row in sums.order_by(*names)
    ]  # fmt: skip
