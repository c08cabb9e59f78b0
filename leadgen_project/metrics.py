"""``/metrics`` for Prometheus: what processes counted, and what the database says of the work.

With ``METRICS_TOKEN`` a bearer token opens it, from anywhere, and tenants are told apart. Without,
it answers on loopback alone, where no proxy has passed the request on, and names no tenant.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leadgen_project.console.health import queue_state
from tenants.clock import database_now
from tenants.context import connection, in_public
from tenants.instruments import counted
from tenants.problems import problem
from tenants.room import room_here

LOOPBACK = ("127.0.0.1", "::1", "")  # empty: a Unix socket
PASSED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
RUNS = "SELECT tenant_id, status, count(*) FROM tenants_pipelinerun GROUP BY 1, 2"
STAGES = """
SELECT r.tenant_id, s.key, coalesce(sum((s.value->>'in')::bigint), 0),
  coalesce(sum((s.value->>'done')::bigint), 0), coalesce(sum((s.value->>'seconds')::float8), 0)
FROM tenants_pipelinerun r, jsonb_each(r.reports) s WHERE jsonb_typeof(s.value) = 'object'
GROUP BY 1, 2
"""
LEDGER = """
SELECT tenant_id, vendor, sum(calls), sum(units), sum(micros) FROM tenants_vendorbalance
WHERE period LIKE 'month %%' GROUP BY 1, 2
"""


@never_cache
@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """The page in Prometheus' text form; 401 or 403 for whom it is not."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
            headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            return problem(401, "Send METRICS_TOKEN as a bearer token.", headers=headers)
    elif not _is_local(request):
        return problem(403, "Metrics are for this machine alone; set METRICS_TOKEN for others.")
    registry = counted()
    registry.register(FromDatabase(names_tenants=bool(settings.METRICS_TOKEN)))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_local(request: HttpRequest) -> bool:
    passed_on = any(name in request.headers for name in PASSED_ON)
    return request.META.get("REMOTE_ADDR", "") in LOOPBACK and not passed_on


class FromDatabase(Collector):
    """Work as the database has it: right whatever processes and machines there are."""

    def __init__(self, *, names_tenants: bool) -> None:
        self._names_tenants = names_tenants

    def collect(self) -> Iterator[Metric]:
        """A few statements; none of them in a tenant."""
        with in_public():
            yield from self._queue()
            yield from self._runs()
            yield from self._stages()
            yield from self._ledger()
        room = room_here()
        yield GaugeMetricFamily("leadgen_disk_free_bytes", "Room left.", value=room.free_bytes)

    def _queue(self) -> Iterator[Metric]:
        state = queue_state(now=database_now())
        tasks = GaugeMetricFamily("leadgen_queue_tasks", "Tasks in the queue.", labels=["state"])
        tasks.add_metric(["waiting"], state.waiting)
        tasks.add_metric(["working"], state.working)
        yield tasks
        yield GaugeMetricFamily(
            "leadgen_queue_oldest_seconds", "Age of the oldest free task.",
            value=state.oldest_seconds,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "leadgen_workers_alive", "1 when workers take tasks.", value=float(state.is_alive)
        )

    def _runs(self) -> Iterator[Metric]:
        runs = GaugeMetricFamily(
            "leadgen_runs", "Nights by state.", labels=[*self._tenant_label, "status"]
        )
        for (tenant, status), (number,) in self._summed(RUNS, keys=2):
            runs.add_metric([*self._tenant(tenant), status.lower()], number)
        yield runs

    def _stages(self) -> Iterator[Metric]:
        labels = [*self._tenant_label, "stage"]
        taken = CounterMetricFamily("leadgen_stage_taken_in", "Taken in.", labels=labels)
        done = CounterMetricFamily("leadgen_stage_done", "Done.", labels=labels)
        seconds = CounterMetricFamily("leadgen_stage_seconds", "Time taken.", labels=labels)
        for (tenant, stage), sums in self._summed(STAGES, keys=2):
            for metric, value in zip((taken, done, seconds), sums, strict=True):
                metric.add_metric([*self._tenant(tenant), stage], value)
        yield from (taken, done, seconds)

    def _ledger(self) -> Iterator[Metric]:
        labels = [*self._tenant_label, "vendor"]
        calls = CounterMetricFamily("leadgen_vendor_calls", "Paid calls.", labels=labels)
        units = CounterMetricFamily("leadgen_vendor_units", "In the vendor's units.", labels=labels)
        usd = CounterMetricFamily("leadgen_vendor_usd", "US dollars.", labels=labels)
        for (tenant, vendor), (number, used, micros) in self._summed(LEDGER, keys=2):
            for metric, value in ((calls, number), (units, used), (usd, micros / 1_000_000)):
                metric.add_metric([*self._tenant(tenant), vendor.lower()], value)
        yield from (calls, units, usd)

    @property
    def _tenant_label(self) -> list[str]:
        return ["tenant"] if self._names_tenants else []

    def _tenant(self, name: str) -> list[str]:
        return [name] if self._names_tenants else []

    def _summed(
        self, statement: str, *, keys: int
    ) -> Iterator[tuple[tuple[str, ...], tuple[float, ...]]]:
        """Rows of ``statement``; over all tenants unless they are told apart."""
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall()
        found: dict[tuple[str, ...], list[float]] = {}
        for row in rows:
            tenant = row[0] if self._names_tenants else ""
            sums = found.setdefault((tenant, *row[1:keys]), [0.0] * (len(row) - keys))
            for place, value in enumerate(row[keys:]):
                sums[place] += float(value)
        yield from ((key, tuple(sums)) for key, sums in found.items())
