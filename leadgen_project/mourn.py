"""Free at once what dead processes held: tasks, leads, turns at web hosts, calls not yet made.

Without it all of that comes free by itself, but later: leads when their lease ends, hosts after 30
seconds, tasks after the queue's ``retry``. A death counts against the leads in hand only when it
may be their fault (``watched_cluster``), never when somebody killed the process. Without leads in
hand it counts against the task.
"""

from __future__ import annotations

import logging
from pathlib import Path

from django.db.models import Q
from django_tenants.utils import tenant_context

from enrichment.harvest.claim import free_harvests
from enrichment.web.politeness import free_hosts
from icp.models import Lead
from leadgen_project import held_tasks
from leadgen_project.park import blame
from tenants.models import PipelineRun, Tenant
from tenants.paid.reconcile import give_up_calls_of
from tenants.process_name import group_name

logger = logging.getLogger(__name__)


def mourn_processes(directory: Path) -> None:
    """For each noted death of one process of a living cluster. Raises ``DatabaseError``.

    What could not be done stays noted.
    """
    for pid, by_itself in held_tasks.deaths(directory):
        leads = _free(f"{group_name(directory.name)}:{pid}", blamed=by_itself)
        if by_itself and not leads:
            blame(held_tasks.tasks_of(directory, pid=pid))
        tasks = held_tasks.give_back(directory, pid=pid)
        held_tasks.forget_death(directory, pid)
        logger.warning(
            "worker process %s died%s: %s leads and %s tasks are free again",
            pid, " by itself" if by_itself else "", leads, tasks,
        )  # fmt: skip


def mourn_clusters(root: Path) -> None:
    """For each dead cluster of this machine that nobody watches over. Raises ``DatabaseError``."""
    for directory in held_tasks.abandoned(root):
        mourn_processes(directory)
        leads = _free(group_name(directory.name), blamed=False)
        tasks = held_tasks.give_back(directory)
        if leads or tasks:
            logger.warning("a cluster died: %s leads and %s tasks are free again", leads, tasks)


def _free(name: str, *, blamed: bool) -> int:
    """Free leads and hosts of the process or group called ``name``; returns how many leads."""
    free_hosts(f"{name}:")
    give_up_calls_of(name)
    count = 0
    for tenant in Tenant.objects.filter(runs__status__in=PipelineRun.OPEN):
        with tenant_context(tenant):
            theirs = Q(held_by=name) | Q(held_by__startswith=f"{name}:")
            held = Lead.objects.filter(theirs, held_until__isnull=False)
            count += held.let_go(blamed=blamed)
    for tenant in Tenant.objects.filter(is_active=True):
        with tenant_context(tenant):
            free_harvests(name, blamed=blamed)
    return count
