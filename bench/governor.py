"""What the one door to paid vendors adds to a call: milliseconds, and as a ratio to a bare call."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import requests

from bench.result import Result
from bench.scratch import scratch_database

CALLS = 300
WARM_UP = 20


def measure() -> list[Result]:
    """Bare calls over loopback HTTP, the same through the governor, and the door alone."""
    from django.conf import settings

    from leadgen_project.tests.spending import KEY, TinyVendor
    from tenants.context import in_public, in_tenant
    from tenants.paid import governor
    from tenants.paid.credentials import VendorKey
    from tenants.paid.turn_at_vendor import lane_of
    from tenants.permits import Permit, Purpose, Vendor
    from tenants.vendor_models import RateLimit, VendorBudget

    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.TAVILY: KEY}
    purpose = Purpose("bench", run_id=1)
    with scratch_database(tenants=1) as (tenant,), TinyVendor(keys={KEY}) as vendor:
        session = requests.Session()
        headers = {"Authorization": f"Bearer {KEY}"}

        def bare() -> None:
            session.post(f"{vendor.url}/answer", json={}, headers=headers, timeout=5).json()

        def question(permit: Permit) -> None:
            permit.use(Vendor.TAVILY)
            bare()
            permit.settle(1)

        def nothing(permit: Permit) -> None:
            permit.use(Vendor.TAVILY)
            permit.settle(1)

        with in_public():
            lane = lane_of(Vendor.TAVILY, VendorKey(KEY, is_own=False))
            RateLimit.objects.create(lane=lane, calls=100, seconds=1)
        with in_tenant(tenant):
            VendorBudget.objects.create(tenant_id=tenant, vendor="TAVILY", daily_units=10**9)
            with in_public():
                RateLimit.objects.update(calls=10**6)
            plain = _middle(bare)
            floor = _middle(_two_commits)
            door = _middle(lambda: governor.ask(Vendor.TAVILY, nothing, units=1, purpose=purpose))
            whole = _middle(lambda: governor.ask(Vendor.TAVILY, question, units=1, purpose=purpose))
    return [
        Result("governor: a governed call / a bare one on loopback", whole / plain,
               note=f"{plain * 1000:.1f} ms bare, {whole * 1000:.1f} ms governed;"
                    f" the door alone {door * 1000:.1f} ms"),
        Result("governor: the door / two commits of one row each", door / floor, limit=6,
               note=f"{floor * 1000:.1f} ms"),
    ]  # fmt: skip


def _two_commits() -> None:
    """What any reservation and settlement must cost: two durable changes of a row."""
    from tenants.context import connection

    for number in range(2):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_vendorbudget SET run_units = %s", [10**9 + number])


def _middle(action: Callable[[], object]) -> float:
    """Median seconds of one call."""
    took = []
    for _ in range(WARM_UP + CALLS):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return median(took[WARM_UP:])
