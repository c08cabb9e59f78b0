"""What the API costs: entering a tenant on every request, and a list when there are many leads."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

from bench.filled_leads import fill_leads
from bench.result import Result
from bench.scratch import scratch_database
from leadgen_project import urls
from tenants.context import connection, in_tenant
from tenants.models import Membership, User
from tenants.sign_in.resolve import TenantMiddleware

FEW, MANY = 1_000, 200_000
REQUESTS, ROUNDS = 40, 5
# Question -> by how much its 95th percentile may grow from FEW to MANY leads.
LISTS = {
    "leads": 3.0,
    "leads?ordering=-score": 3.0,
    "leads?stage=SCORED&ordering=-score": 3.0,
    "leads?q=made%20up%207": 20.0,
    "suppressions": 3.0,
}


def measure() -> list[Result]:
    """Ratios alone: to a view outside any tenant, and of many leads to few."""
    logging.getLogger("leadgen.request").setLevel(logging.WARNING)
    with scratch_database(tenants=2) as (few, many):
        settle = _people(few, many)
        for key, leads in ((few, FEW), (many, MANY)):
            with in_tenant(key):
                fill_leads(key, leads)
        with mock.patch("django.conf.settings.API_CALLS_PER_MINUTE", 10**9):
            results = [_overhead(settle(few))]
            clients = settle(few), settle(many)
            results += [_growth(question, limit, *clients) for question, limit in LISTS.items()]
    return results


def _people(*keys: str) -> Callable[[str], Client]:
    owner = User.objects.create(username="owner", is_staff=True)
    for key in keys:
        Membership.objects.create(user=owner, tenant_id=key, role="OWNER")

    def client_of(key: str) -> Client:
        client = Client(headers={"X-Tenant-ID": key}, SERVER_NAME="localhost")
        client.force_login(owner)
        return client

    return client_of


def _bare(_request: HttpRequest) -> JsonResponse:
    """One statement, as the shortest request has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ok": True})


def _overhead(client: Client) -> Result:
    """The same view with and without the tenant middleware's work; the account is read in both."""

    def without(self: TenantMiddleware, request: HttpRequest) -> Any:
        connection.set_schema_to_public()
        bool(request.user.is_authenticated)
        return self.get_response(request)

    with mock.patch.object(urls, "urlpatterns", [*urls.urlpatterns, path("bare", _bare)]):
        from django.urls import clear_url_caches

        clear_url_caches()
        full, bare = [], []
        for _ in range(ROUNDS):
            full.append(statistics.median(_times(client, "/bare")))
            with mock.patch.object(TenantMiddleware, "__call__", without):
                bare.append(statistics.median(_times(client, "/bare")))
    clear_url_caches()
    with_tenant, floor = min(full), min(bare)
    return Result(
        "api: a request with tenant, role and row-level security / a bare one",
        with_tenant / floor, note=f"{(with_tenant - floor) * 1000:.2f} ms more",
    )  # fmt: skip


def _growth(question: str, limit: float, few: Client, many: Client) -> Result:
    slow = _p95(many, f"/api/{question}")
    floor = _p95(few, f"/api/{question}")
    return Result(
        f"api: /api/{question}, p95 at {MANY:,} leads / at {FEW:,}", slow / floor, limit=limit,
        note=f"{slow * 1000:.0f} ms against {floor * 1000:.0f}",
    )  # fmt: skip


def _p95(client: Client, address: str) -> float:
    _times(client, address, number=3)
    times = sorted(_times(client, address))
    return times[int(len(times) * 0.95) - 1]


def _times(client: Client, address: str, *, number: int = REQUESTS) -> list[float]:
    found = []
    for _ in range(number):
        began = time.perf_counter()
        answer = client.get(address)
        found.append(time.perf_counter() - began)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}: {answer.content[:300]!r}")
    return found
