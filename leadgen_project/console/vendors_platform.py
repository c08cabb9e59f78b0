"""What a platform admin sees of the vendors: keys and prices of the deployment, lanes, tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Sum

from tenants.paid import balances, breaker
from tenants.paid.credentials import VendorKey
from tenants.paid.reserve import key_setting
from tenants.paid.turn_at_vendor import lane_of
from tenants.permits import Vendor
from tenants.secrets import fingerprint
from tenants.vendor_models import (
    CircuitBreaker,
    RateLimit,
    VendorBalance,
    VendorBudget,
    VendorCredential,
    VendorReading,
)

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Lane:
    """A rate limit, or the failures of an account."""

    lane: str
    title: str
    calls: int
    seconds: int
    busy: int  # turns given in the window that ends now, and ahead


@dataclass(frozen=True, slots=True)
class DeploymentVendor:
    vendor: Vendor
    ending: str  # of the deployment's key; empty without one, or with a short one
    has_key: bool
    setting: str
    is_off: bool
    unit_micros: int
    daily_units: int | None
    today: int
    month: int
    month_micros: int


def platform_vendors(*, now: datetime) -> dict[str, Any]:
    """What ``console/vendors_platform.html`` shows. About ten queries, whatever the tenants."""
    titles = _accounts()
    today, month = balances.periods(balances.local_day(now), None)
    return {
        "vendors": _vendors(today, month),
        "lanes": _lanes(titles, now=now),
        "breakers": _breakers(titles, now=now),
        "spenders": _spenders(today, month),
        "stopped": VendorBudget.objects.filter(stopped_at__isnull=False)
        .select_related("tenant")
        .order_by("-stopped_at")[:MOST_ROWS],
        "readings": [(reading, _title(titles, f"{reading.vendor}/{reading.account}"))
                     for reading in VendorReading.objects.order_by("-at")[:20]],
    }  # fmt: skip


def lane_is_known(lane: str) -> bool:
    """Whether ``lane`` is one the platform page shows: nobody makes lanes by typing."""
    return (
        lane in {one.lane for one in _lanes(_accounts(), now=None)}
        or CircuitBreaker.objects.filter(lane=lane).exists()
    )


def _vendors(today: str, month: str) -> list[DeploymentVendor]:
    spent: dict[tuple[str, str], dict[str, Any]] = {
        (row["vendor"], row["period"]): dict(row)
        for row in VendorBalance.objects.filter(period__in=[today, month])
        .values("vendor", "period")
        .annotate(units=Sum("units"), micros=Sum("micros"))
    }
    found = []
    for vendor in Vendor:
        secret = settings.VENDOR_KEYS[vendor]
        this_month: dict[str, Any] = spent.get((vendor.value, month), {})
        found.append(
            DeploymentVendor(
                vendor=vendor,
                ending=VendorKey(secret, is_own=False).ending,
                has_key=bool(secret),
                setting=key_setting(vendor),
                is_off=vendor in settings.VENDORS_OFF,
                unit_micros=settings.VENDOR_UNIT_MICROS[vendor],
                daily_units=settings.VENDOR_LIMITS[vendor].daily_units,
                today=spent.get((vendor.value, today), {}).get("units", 0),
                month=this_month.get("units", 0),
                month_micros=this_month.get("micros", 0),
            )
        )
    return found


def _accounts() -> dict[str, str]:
    """Account -> whose key it is."""
    found: dict[str, str] = {}
    for row in VendorCredential.objects.exclude(fingerprint="").select_related("tenant"):
        whose = f"key of {row.tenant.name}"
        known = found.get(f"{row.vendor}/{row.fingerprint}")
        found[f"{row.vendor}/{row.fingerprint}"] = f"{known}, {row.tenant.name}" if known else whose
    for vendor, secret in settings.VENDOR_KEYS.items():
        if secret:
            found[f"{vendor}/{fingerprint(secret)}"] = "the deployment's key"
    return found


def _title(titles: dict[str, str], lane: str) -> str:
    vendor, _, rest = lane.partition("/")
    account, _, name = rest.partition("/")
    label = Vendor(vendor).label
    if vendor == Vendor.LLM and account not in titles and f"{vendor}/{account}" not in titles:
        return f"{label}, all keys" if not account else f"{label}, a former key"
    whose = titles.get(f"{vendor}/{account}", "a former key")
    return f"{label}, {whose}" + (f", {name} calls" if name else "")


def _lanes(titles: dict[str, str], *, now: datetime | None) -> list[Lane]:
    """Those in use, and those that would be with the keys there are."""
    rows = {row.lane: row for row in RateLimit.objects.order_by("lane")[:MOST_ROWS]}
    wanted = dict.fromkeys(rows)
    wanted.setdefault(Vendor.LLM.value)
    for vendor, secret in settings.VENDOR_KEYS.items():
        if secret:
            wanted.setdefault(lane_of(vendor, VendorKey(secret, is_own=False)))
    found = []
    for lane in wanted:
        row = rows.get(lane)
        if row is None:
            calls, seconds = settings.VENDOR_RATES[Vendor(lane.partition("/")[0])]
            found.append(Lane(lane, _title(titles, lane), calls, seconds, 0))
            continue
        since = now - timedelta(seconds=row.seconds) if now else None
        busy = sum(at > since for at in row.recent) if since else 0
        found.append(Lane(lane, _title(titles, lane), row.calls, row.seconds, busy))
    return sorted(found, key=lambda one: (one.lane != Vendor.LLM, one.title))


def _breakers(titles: dict[str, str], *, now: datetime) -> list[tuple[CircuitBreaker, str, bool]]:
    """Accounts with failures or a wish to be left alone: row, title, whether it is shut."""
    rows = CircuitBreaker.objects.filter(failures__gt=0) | CircuitBreaker.objects.filter(
        not_before__gt=now
    )
    return [
        (row, _title(titles, row.lane), row.failures >= breaker.FAILURES_TO_OPEN)
        for row in rows.order_by("lane")[:MOST_ROWS]
    ]


def _spenders(today: str, month: str) -> list[dict[str, Any]]:
    """Tenants that spent this month, dearest first, with each vendor's units."""
    tenants: dict[str, dict[str, Any]] = {}
    for row in VendorBalance.objects.filter(period__in=[today, month]).select_related("tenant"):
        mine = tenants.setdefault(
            row.tenant_id, {"tenant": row.tenant, "micros": 0, "today": 0, "units": {}}
        )
        if row.period == today:
            mine["today"] += row.micros
        else:
            mine["micros"] += row.micros
            mine["units"][row.vendor] = row.units
    dearest = sorted(tenants.values(), key=lambda one: -one["micros"])[:MOST_ROWS]
    for mine in dearest:
        mine["by_vendor"] = [mine["units"].get(vendor.value, 0) for vendor in Vendor]
    return dearest
