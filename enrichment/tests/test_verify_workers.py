"""Many workers and dead ones: no address is asked about twice, whoever dies over it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.db import connection

from enrichment.models import Contact, LeadStep, Verification
from enrichment.tests.zerobounce import KEY
from enrichment.verification.verify import verify_batch
from icp.models import Lead
from leadgen_project.sandbox.name_server import NameServer
from leadgen_project.sandbox.vendors.stand_in import Fault
from leadgen_project.sandbox.vendors.zerobounce import ZeroBounceStandIn
from tenants.context import in_tenant
from tenants.models import PipelineRun
from tenants.permits import Vendor
from tenants.vendor_models import VendorUsage

WORKER = """
import sys, django
django.setup()
from enrichment.verification.verify import verify_batch
from tenants.context import in_tenant
from tenants.models import PipelineRun
with in_tenant("acme"):
    verify_batch(PipelineRun.objects.get(), seconds=20)
"""


@pytest.fixture
def world(committed, settings):
    """Thirty leads with three addresses each, every address at two of them."""
    with ZeroBounceStandIn(keys={KEY}, slow_seconds=30) as vendor, NameServer() as names:
        settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.ZEROBOUNCE: KEY}
        settings.ZEROBOUNCE_BASE_URL = vendor.url + "/v2"
        settings.DNS_SERVERS = [names.address]
        committed.env.update(
            ZEROBOUNCE_API_KEY=KEY, ZEROBOUNCE_BASE_URL=vendor.url + "/v2",
            DNS_SERVERS=names.address, DJANGO_SETTINGS_MODULE="leadgen_project.settings",
            LEASE_SECONDS="3",
        )  # fmt: skip
        with in_tenant("acme"):
            run = PipelineRun.objects.create(tenant_id="acme")
            for number in range(30):
                lead = Lead.objects.create(source_ref=f"{number}", name=f"COMPANY {number}",
                                           stage="ENRICHED", run_id=run.pk)  # fmt: skip
                for part in range(3):
                    email = f"p{number // 2}.{part}@company.test"
                    vendor.verdicts[email] = ("valid", "")
                    Contact.objects.create(lead=lead, kind="ROLE", email=email)
        yield vendor, run


def asked(vendor) -> Counter[str]:
    found: Counter[str] = Counter()
    for call in vendor.asked("/v2/validate"):
        rows = [{"email_address": call.question["email"]}] if call.method == "GET" else None
        found.update(row["email_address"] for row in rows or call.question["email_batch"])
    return found


def work_until_done(run) -> None:
    with in_tenant("acme"):
        while verify_batch(run, seconds=10).taken:
            pass
    connection.close()


def test_six_workers_ask_about_each_address_once(world):
    vendor, run = world

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work_until_done, [run] * 6))

    assert asked(vendor) == Counter({f"p{n}.{part}@company.test": 1
                                     for n in range(15) for part in range(3)})  # fmt: skip
    with in_tenant("acme"):
        assert LeadStep.objects.filter(step="verify").count() == 30
        assert Contact.objects.filter(verdict="DELIVERABLE").count() == 90
        assert sum(VendorUsage.objects.values_list("units", flat=True)) == vendor.charged == 45


def test_a_worker_killed_while_it_waits_has_asked_once_and_nobody_asks_again(world, committed):
    vendor, run = world
    vendor.fail_next(Fault.SLOW)  # charged, and the answer is long in coming
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=committed.env,
                              cwd=django_settings.BASE_DIR)  # fmt: skip
    until = time.monotonic() + 60
    while not vendor.charged and time.monotonic() < until:
        time.sleep(0.05)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    with in_tenant("acme"):
        lost = Verification.objects.exclude(asking_call=None).count()
        Verification.objects.exclude(held_until=None).update(held_until="2026-01-01T00:00Z")
        Lead.objects.update(held_until=None)

    work_until_done(run)

    assert lost == 45
    assert set(asked(vendor).values()) == {1}
    with in_tenant("acme"):
        assert set(Verification.objects.values_list("status", "sub_status")) == {
            ("unknown", "answer_lost")
        }
        entry = VendorUsage.objects.get()
        assert (entry.outcome, entry.units) == ("RESERVED", 45)  # until it is reconciled
