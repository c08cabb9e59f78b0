"""What a preview of new points costs against reading the same leads' features and no more."""

from __future__ import annotations

import copy
import time
from statistics import median

from django.utils import timezone

from bench.result import Result
from bench.scratch import scratch_database
from icp.models import Lead
from scoring import default_card
from scoring.models import LeadScore
from scoring.publish import current_card
from scoring.whatif import preview
from tenants.context import in_tenant
from tenants.models import PipelineRun

LEADS = 10_000
ROUNDS = 5


def measure() -> list[Result]:
    """One figure: the preview of a changed card over 10,000 leads. It ought to feel immediate."""
    with scratch_database(tenants=1) as keys, in_tenant(keys[0]):
        _fill(keys[0])
        payload = copy.deepcopy(default_card.PAYLOAD)
        payload["rules"][0]["points"] -= 5
        whole, read = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            preview(payload, cap=50)
            whole.append(time.perf_counter() - began)
            began = time.perf_counter()
            list(LeadScore.objects.values_list("lead_id", "total", "features"))
            read.append(time.perf_counter() - began)
    return [
        Result(
            f"what-if: preview of {LEADS:,} leads / reading their features",
            median(whole) / median(read),
            limit=12,
            note=f"{median(whole):.2f} s",
        )
    ]


def _fill(key: str) -> None:
    run = PipelineRun.objects.create(
        tenant_id=key, status="FINISHED", finished_at=timezone.now(), stage=""
    )
    leads = Lead.objects.bulk_create(
        Lead(name=f"L{n}", uen=f"{n:09}K", source_ref=str(n), stage="SCORED", score=50,
             bucket="MEDIUM")
        for n in range(LEADS)
    )  # fmt: skip
    card = current_card()
    LeadScore.objects.bulk_create(
        LeadScore(lead=lead, run_id=run.pk, card=card, total=50, bucket="MEDIUM", rationale="",
                  features={"fit": "MEETS" if n % 2 else "UNKNOWN", "site_match": 80,
                            "age_years": n % 40, "titles": ["CEO", "Clerk"], "officers": 3,
                            "role_mailbox": True, "phone": False, "tls": True})
        for n, lead in enumerate(leads)
    )  # fmt: skip
