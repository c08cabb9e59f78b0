"""Ctrl+K: a lead or a registered company by name or UEN, a few of each."""

from __future__ import annotations

import re

from django.http import HttpRequest
from unfold.dataclasses import SearchResult

from acra.search import find_companies
from icp.models import Lead
from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from tenants.models import Tenant

MOST = 8  # of each kind
LEAST_LETTERS = 3  # shorter words match half the table
UEN = re.compile(r"(?i)^(\d{8,9}[a-z]|[tsr]\d{2}[a-z]{2}\d{4}[a-z])$")


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    """At most ``MOST`` leads, then registered companies; outside a tenant also tenants."""
    term = " ".join(term.split())
    if tenant_of(request) is None:
        return [*_tenants(term), *_companies(term)] if request.user.is_superuser else []
    return [*_leads(term), *_companies(term)]


def _leads(term: str) -> list[SearchResult]:
    if UEN.match(term):
        found = Lead.objects.filter(uen=term.upper())
    elif len(term) >= LEAST_LETTERS:
        found = Lead.objects.filter(name__icontains=term).order_by("-pk")
    else:
        return []
    return [
        SearchResult(
            title=lead.name,
            description=f"Lead · {lead.uen or 'no UEN'} · {lead.get_stage_display()}",
            link=link("icp_lead_change", lead.pk),
            icon="business_center",
        )
        for lead in found[:MOST]
    ]


def _companies(term: str) -> list[SearchResult]:
    if len(term) < LEAST_LETTERS:
        return []
    return [
        SearchResult(
            title=company.name,
            description=f"Register · {company.uen} · {company.status}",
            link=link("acra_registeredcompany_change", company.pk),
            icon="account_balance",
        )
        for company in find_companies(term, limit=MOST)
    ]


def _tenants(term: str) -> list[SearchResult]:
    return [
        SearchResult(
            title=tenant.name,
            description=f"Tenant · {tenant.pk}",
            link=link("tenants_tenant_change", tenant.pk),
            icon="domain",
        )
        for tenant in Tenant.objects.filter(name__icontains=term)[:MOST]
    ]
