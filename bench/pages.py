"""Do pages stay as quick when the register and the leads have grown?

Each page at BENCH_ROWS companies (2,000,000) and BENCH_LEADS leads (200,000) against the same page
at 1,000 of each: the best of some requests through Django's whole stack, no browser and no network.
"""

from __future__ import annotations

import os
import time

from django.test import Client, override_settings

from acra.models import RegisteredCompany
from bench.filled_leads import fill_leads
from bench.filled_register import fill_register
from bench.result import Result
from bench.scratch import scratch_database
from icp.models import Lead
from tenants.context import in_tenant
from tenants.models import Membership, PipelineRun, User

COMPANIES = int(os.environ.get("BENCH_ROWS", "2000000"))
LEADS = int(os.environ.get("BENCH_LEADS", "200000"))
FEW = 1000
TIMES = 9
LIMIT = 1.5
LONGEST_SECONDS = 20  # for one page; a slow one need not be asked often


def measure() -> list[Result]:
    """One ratio per page."""
    few = _pages(companies=FEW, leads=FEW)
    many = _pages(companies=COMPANIES, leads=LEADS)
    return [
        Result(f"pages: {name}", many[name] / few[name], limit=LIMIT,
               note=f"{few[name] * 1000:.0f} ms, {many[name] * 1000:.0f} ms")
        for name in few
    ]  # fmt: skip


def _pages(*, companies: int, leads: int) -> dict[str, float]:
    """Seconds of each page."""
    with scratch_database(tenants=1) as [key], override_settings(ALLOWED_HOSTS=["*"]):
        fill_register(companies)
        user = User.objects.create_user("owner", password="owner", is_staff=True)
        Membership.objects.create(user=user, tenant_id=key, role="OWNER")
        with in_tenant(key):
            run = fill_leads(key, leads)
            lead = Lead.objects.filter(stage="SCORED").order_by("pk")[leads // 4]
        client = Client(headers={"host": f"{key}.localhost"})
        client.force_login(user)
        company = RegisteredCompany.objects.order_by("pk")[companies // 2]
        pages = {
            "home": "/admin/",
            "register": "/admin/acra/registeredcompany/",
            "register, searched by name": f"/admin/acra/registeredcompany/?q=up+{companies}",
            "register, searched by a word all have": "/admin/acra/registeredcompany/?q=made",
            "register, searched by a word many have": "/admin/acra/registeredcompany/?q=up+11",
            "register, searched by UEN": f"/admin/acra/registeredcompany/?q={company.uen}",
            "register, page 5": "/admin/acra/registeredcompany/?p=5",
            "company": f"/admin/acra/registeredcompany/{company.pk}/change/",
            "leads": "/admin/icp/lead/",
            "leads, searched by name": f"/admin/icp/lead/?q={leads}",
            "leads, those in a stage": "/admin/icp/lead/?stage=SCORED",
            "lead": f"/admin/icp/lead/{lead.pk}/change/",
            "shortlist": "/admin/scoring/shortlistentry/",
            "runs": "/admin/tenants/pipelinerun/",
            "run, enriching": f"/admin/tenants/pipelinerun/{run.pk}/change/",
        }
        seconds = {name: _seconds(client, path) for name, path in pages.items()}
        PipelineRun.objects.filter(pk=run.pk).update(stage="score")
        seconds["run, scoring"] = _seconds(client, pages["run, enriching"])
    return seconds


def _seconds(client: Client, path: str) -> float:
    best, give_up_at = float("inf"), time.perf_counter() + LONGEST_SECONDS
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = client.get(path, follow=True)
        best = min(best, time.perf_counter() - began)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
        if time.perf_counter() > give_up_at:
            break
    return best
