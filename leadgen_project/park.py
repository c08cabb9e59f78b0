"""Tasks that end their workers with no lead in hand to blame: put aside at the third death.

The count travels in the task itself, so it holds on every machine and nobody else needs to keep it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from leadgen_project import pipeline
from leadgen_project.turns import WORK
from tenants import audit
from tenants.context import in_tenant
from tenants.models import PipelineRun, Tenant

logger = logging.getLogger(__name__)

MAX_DEATHS = 3
DEATHS = "leadgen_deaths"  # in the task, beside the queue's own keys


def blame(task_ids: Iterable[int]) -> int:
    """Count a worker's death against these tasks; returns how many were put aside for it.

    The run of a task that is its turn ends as failed, with the reason; other tasks leave the queue
    and a mark in their tenant's audit.
    """
    parked = 0
    for task_id in task_ids:
        with transaction.atomic():
            row = OrmQ.objects.select_for_update().filter(pk=task_id).first()
            if row is None:  # it was done, or dropped, meanwhile
                continue
            task = SignedPackage.loads(row.payload)
            task[DEATHS] = task.get(DEATHS, 0) + 1
            if task[DEATHS] < MAX_DEATHS:
                row.payload = SignedPackage.dumps(task)
                row.save(update_fields=["payload"])
                continue
            row.delete()
            _give_up(task)
            parked += 1
    return parked


def _give_up(task: dict[str, Any]) -> None:
    name, args = task["func"], task["args"]
    schema, ids = "public", {}
    if name == "tenants.tasks.run":
        schema, name, ids = args
    said = f"{MAX_DEATHS} workers ended by themselves over it (crash, too much time or memory)."
    logger.error("%s: the task %s %s is put aside: %s", schema, name, ids, said)
    if not Tenant.objects.filter(pk=schema).exists():
        return
    with in_tenant(schema):
        run = PipelineRun.objects.filter(pk=ids.get("run_id", 0)).first()
        if name == WORK and run is not None:
            pipeline.give_up(run, said)
            return
        audit.record("tenants.task.park", actor="worker", subject=f"task {name}", after=ids,
                     reason=said)  # fmt: skip
