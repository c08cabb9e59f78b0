"""Leads of the sandbox's companies as a night has them before a vendor's step."""

from __future__ import annotations

from typing import Any

from icp.models import Lead
from icp.tests.factories import make_company
from leadgen_project.processes import SANDBOX_SUFFIXES
from leadgen_project.sandbox.companies import Company
from leadgen_project.sandbox.server import Sandbox
from tenants.models import PipelineRun
from tenants.permits import Vendor


def lead_into(sandbox: Sandbox, settings: Any) -> None:
    """Settings that lead the crawler and the calls to vendors into ``sandbox``."""
    settings.CRAWL_PROXY = sandbox.proxy_url
    settings.CRAWL_GUESS_SUFFIXES = SANDBOX_SUFFIXES.split(",")
    settings.CRAWL_DELAY_SECONDS = 0
    for name, value in sandbox.environment.items():
        if name.endswith("_BASE_URL"):
            setattr(settings, name, value)
    settings.VENDOR_KEYS = {
        vendor: sandbox.environment.get(f"{vendor}_API_KEY", "") for vendor in Vendor
    }


def register(company: Company) -> None:
    """The company's row of the register."""
    known = company.registered
    make_company(
        uen=company.uen,
        name=company.name,
        name_key=company.name,
        block=known.block,
        street=known.street,
        level=known.level,
        unit=known.unit,
        building=known.building,
        postal_code=known.postal_code,
        primary_ssic=known.primary_ssic,
        primary_activity=known.activity,
        former_names=list(known.former_names),
    )


def enriched(company: Company, run: PipelineRun, **fields: Any) -> Lead:
    """Its lead, past enrichment; registered as well."""
    register(company)
    values = {"stage": Lead.Stage.ENRICHED, "run_id": run.pk, **fields}
    return Lead.objects.create(source_ref=company.uen, uen=company.uen, name=company.name, **values)
