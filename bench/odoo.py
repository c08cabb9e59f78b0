"""Odoo: 2,000 leads under 100 kills and faults, and leads a second against the bare ``load``.

``BENCH_LEADS`` and ``BENCH_KILLS`` say how many; ``BENCH_ROW_SECONDS`` is what a row of a load
takes in the stand-in, as rows do in a real Odoo (by default 5 ms).
"""

from __future__ import annotations

import os
import random
import time

from django.conf import settings
from django.utils import timezone

from bench.result import Result
from bench.scratch import environment, scratch_database
from leadgen_project.sandbox.vendors.odoo import OdooStandIn
from odoo_sync.choose import choose, choose_news
from odoo_sync.clients import gateway as calls
from odoo_sync.models import OdooConnection, OdooPush
from odoo_sync.open import open_gateway
from odoo_sync.sync import sync
from odoo_sync.tests.factories import make_connection, make_lead
from odoo_sync.tests.odoo_rig import FAULTS, OdooRig
from tenants.context import in_tenant

LEADS = int(os.environ.get("BENCH_LEADS", "2000"))
KILLS = int(os.environ.get("BENCH_KILLS", "100"))
ROW_SECONDS = float(os.environ.get("BENCH_ROW_SECONDS", "0.005"))
MEASURED = min(LEADS, 500)


def measure() -> list[Result]:
    """Several minutes."""
    with scratch_database(tenants=2) as (key, other):
        with in_tenant(key), OdooStandIn(seconds_per_row=ROW_SECONDS) as odoo:
            results = _speed(odoo)
        with in_tenant(other), OdooStandIn(seed=int(time.time())) as odoo:
            return [*results, *_kills(odoo, tenant=other)]


def _speed(odoo: OdooStandIn) -> list[Result]:
    connection = _ready(odoo, leads=MEASURED)
    began = time.perf_counter()
    sync(connection, seconds=3600)
    ours = time.perf_counter() - began
    written = len(odoo.writes)
    began = time.perf_counter()
    news = choose_news(connection, now=timezone.now())
    sync(connection, seconds=3600)
    again = time.perf_counter() - began
    written_again = len(odoo.writes) - written + news
    bare = _bare(odoo, connection)
    note = f"{MEASURED / ours:.0f} leads a second, bare {MEASURED / bare:.0f}"
    return [
        Result(f"odoo: leads / bare loads, a row takes {ROW_SECONDS:g} s", bare / ours, 0.7,
               at_least=True, note=note),
        Result("odoo: writes of a second sync", written_again, 0,
               note=f"{again:.1f} s for {MEASURED:,} leads"),
    ]  # fmt: skip


def _bare(odoo: OdooStandIn, connection: OdooConnection) -> float:
    """Seconds for the very rows our sync has loaded, in the same batches, and nothing else."""
    loads = [call for call in odoo.asked("/json/2/") if call.path.endswith("/load")]
    gateway = open_gateway(connection)
    began = time.perf_counter()
    for number, call in enumerate(loads):
        rows = [[f"bare.row_{number}_{at}", *row[1:]]
                for at, row in enumerate(call.question["data"])]  # fmt: skip
        model = call.path.split("/")[3]
        calls.load(gateway, model, fields=call.question["fields"], rows=rows)
    return time.perf_counter() - began


def _kills(odoo: OdooStandIn, *, tenant: str) -> list[Result]:
    _ready(odoo, leads=LEADS)
    refused = set(OdooPush.objects.order_by("pk").values_list("lead__uen", flat=True)[:20])
    odoo.tables.refuse = lambda _model, row: (
        "No good." if row.get("company_registry") in refused else ""
    )
    odoo.chance_of_fault, odoo.likely_faults = 0.1, FAULTS
    rig = OdooRig(odoo, {**os.environ, **environment()}, tenant=tenant, workers=2, batch=20)
    began = time.monotonic()
    killed = rig.wreak(kills=KILLS, dice=random.Random(odoo.seed), seconds=3600)
    states = {state: OdooPush.objects.filter(state=state).count() for state in OdooPush.State}
    note = f"{killed} kills, {time.monotonic() - began:.0f} s, seed {odoo.seed}: " + ", ".join(
        f"{count:,} {state.lower()}" for state, count in states.items() if count
    )
    return [
        Result(f"odoo: of {LEADS:,} leads doubled", rig.doubled(), 0, note=note),
        Result("odoo: leads lost or said wrongly", rig.lost(), 0),
        Result("odoo: leads not there without a reason", rig.unexplained(), 0),
        Result("odoo: leads refused that are there", states[OdooPush.State.PARKED] != 20, 0),
    ]


def _ready(odoo: OdooStandIn, *, leads: int) -> OdooConnection:
    settings.ODOO_ALLOW_PRIVATE = [f"127.0.0.1:{odoo.port}"]
    connection = make_connection(odoo)
    for _ in range(leads):
        make_lead()
    choose(connection, now=timezone.now())
    return connection
