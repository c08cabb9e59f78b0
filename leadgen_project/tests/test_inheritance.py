"""No task works in the tenant of another, whatever the one before it left behind."""

from __future__ import annotations

import os
from itertools import cycle, islice

import pytest
from django_q.models import OrmQ, Task
from django_q.tasks import async_task
from django_tenants.utils import schema_context

from icp.models import Lead
from leadgen_project.tests.queue_tasks import mark
from leadgen_project.tests.test_supervise import start_worker, wait_for
from tenants.lifecycle.provision import create_tenant

COUNT = int(os.environ.get("INTERLEAVED_TASKS", "240"))
WAYS = ["well", "error", "broken transaction", "other tenant", "cut off", "well",
        "thread without a tenant", "well"]  # fmt: skip
TENANTS = ["acme", "beta", "gamma"]


@pytest.mark.slow
def test_interleaved_tasks_of_three_tenants_write_no_row_into_another_s_schema(committed):
    create_tenant("gamma", name="Gamma", actor="tests")
    ways = list(islice(cycle(WAYS), COUNT))
    ways[COUNT // 2] = "too long"  # ends its process
    for number, way in enumerate(ways):
        expected = TENANTS[number % 3]
        with schema_context(expected):
            mark.enqueue(number=number, expected=expected, way=way)
    async_task("tenants.tasks.run", "nobody", mark.name, {}, ack_failure=True)
    worker = start_worker(committed.env)
    try:
        wait_for(lambda: not OrmQ.objects.exists(), seconds=60 + COUNT / 4)
    finally:
        worker.terminate()
        worker.wait(120)

    for tenant in TENANTS:
        with schema_context(tenant):
            marks = set(Lead.objects.values_list("name", "source_ref"))
        wanted = [
            n for n, way in enumerate(ways) if TENANTS[n % 3] == tenant and "thread" not in way
        ]
        assert marks == {(tenant, str(number)) for number in wanted}
    failures = Task.objects.filter(success=False).values_list("result", flat=True)
    assert sum("no tenant 'nobody'" in result for result in failures) == 1
    strays = [way for way in ways if "thread" in way]
    assert sum("icp_lead" in result for result in failures) == len(strays)
