"""The platform admin's first page: are all tenants served, is the register fresh, does it run?"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import HttpRequest

from acra.models import RegisterImport
from leadgen_project import schedule
from leadgen_project.console.health import queue_state
from tenants.models import PipelineRun, Tenant, User

PER_PAGE = 50


def platform_context(request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    """What ``console/platform.html`` shows; the same number of queries for 2 tenants or 500."""
    pages = Paginator(_tenants(), PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    for tenant in page.object_list:
        nightly = tenant.settings.nightly_enabled and tenant.is_active
        tenant.next_start = schedule.next_start(tenant.settings, now=now) if nightly else None
        tenant.last_status_label = (
            PipelineRun.Status(tenant.last_status).label if tenant.last_status else ""
        )
    return {
        "page": page,
        "tenant_count": pages.count,
        "queue": queue_state(now=now),
        "load": RegisterImport.objects.order_by("-pk").first(),
        "finished_load": RegisterImport.objects.filter(status="FINISHED").order_by("-pk").first(),
        "runs": PipelineRun.objects.aggregate(
            open=Count("pk", filter=Q(status__in=PipelineRun.OPEN)),
            failed=Count("pk", filter=Q(status="FAILED")),
        ),
        "accounts": User.objects.filter(is_active=True).count(),
    }


def _tenants() -> Any:
    newest = PipelineRun.objects.filter(tenant=OuterRef("pk")).order_by("-started_at")
    return (
        Tenant.objects.select_related("settings")
        .annotate(
            last_status=Subquery(newest.values("status")[:1]),
            last_start=Subquery(newest.values("started_at")[:1]),
            last_run=Subquery(newest.values("pk")[:1]),
            people=Count("memberships"),
        )
        .order_by("name")
    )
