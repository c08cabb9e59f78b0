"""Pages beside the tables: exports, settings, and what strangers may read."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse

from icp.models import TakenOut
from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from scoring.models import Shortlist
from tenants.console import may_do
from tenants.models import PipelineRun

SHOWN = 10  # files taken out, the newest


def exports_page(request: HttpRequest) -> HttpResponse:
    """Where the latest lists are downloaded, and which run they come from."""
    if tenant_of(request) is None:
        raise PermissionDenied("Exports belong to a tenant.")
    finished = PipelineRun.objects.filter(status="FINISHED").order_by("-pk")
    context = {
        **admin.site.each_context(request),
        "title": "Exports",
        "run": finished.first(),
        "older": finished[1:11],
        "shortlist": Shortlist.objects.filter(run_id__in=finished.values("pk"))
        .order_by("-run_id")
        .first(),
        "may_export": may_do(request, "scoring.export"),
        "taken_out": TakenOut.objects.defer("keys").order_by("-at", "-pk")[:SHOWN],
    }
    return TemplateResponse(request, "console/exports.html", context)


def tenant_settings(request: HttpRequest) -> HttpResponse:
    """The one settings row of the tenant the caller is in."""
    tenant = tenant_of(request)
    if tenant is None:
        raise PermissionDenied("Settings belong to a tenant.")
    return HttpResponseRedirect(link("tenants_tenantsettings_change", tenant.pk))


def crawler_page(request: HttpRequest) -> HttpResponse:
    """Named in the crawler's user agent: tells owners of sites who asks, and how to refuse."""
    context = {
        "user_agent": settings.CRAWL_USER_AGENT,
        "product": settings.CRAWL_USER_AGENT.partition("/")[0],
        "max_pages": settings.CRAWL_MAX_PAGES,
        "delay": settings.CRAWL_DELAY_SECONDS,
    }
    return render(request, "console/crawler.html", context)


def front_door(_request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(link("index"))
