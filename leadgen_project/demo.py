"""The first run: a made-up register and web, two tenants, a night each, and a shortlist to open.

Everything goes the way production goes: the register is loaded by ``acra.load``, the nights are
worked by the queue's workers, the sites are fetched over HTTP. Only the companies are invented.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django_tenants.utils import tenant_context

from acra.load import load_register
from acra.models import RegisterImport
from icp.models import IcpRule
from icp.save_rule import save_rule
from leadgen_project import pipeline, schedule
from leadgen_project.demo_sources import give_sources
from leadgen_project.processes import RunningSandbox, start_sandbox, start_worker
from leadgen_project.progress import lines
from scoring.models import ShortlistEntry
from tenants.clock import database_now
from tenants.lifecycle.provision import create_tenant
from tenants.models import Membership, PipelineRun, Tenant, User

SOURCE = "Sandbox"
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 600
CAP = 20  # places on a shortlist
BEST = 5  # of them shown
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tenant of the demo and the companies it looks for."""

    key: str
    name: str
    payload: dict[str, Any]


TENANTS = (
    Wanted(
        "northstar",
        "Northstar Software Sales",
        {"ssic": ["62", "63", "70", "71"], "incorporation_year": {"min": 2000, "max": 2026}},
    ),
    Wanted(
        "harbour",
        "Harbour Trade Services",
        {"ssic": ["46", "49", "52"], "age_years": {"min": 2}},
    ),
)


class DemoError(Exception):
    """The demo cannot run here; the text says why and what to do instead."""


def run_demo(*, say: Say, workers: int, count: int) -> list[PipelineRun]:
    """Bring the sandbox's register to a shortlist for two tenants; returns their runs.

    A second call loads the register again (nothing changes) and runs one more night, to be
    compared with the first. Refuses to touch a database that holds a real register.
    """
    _refuse_real_data()
    sandbox = start_sandbox(count=count)
    try:
        _load(sandbox.register_folder, say=say)
        tenants = [_tenant(wanted) for wanted in TENANTS]
        sign_in(say=say)
        worker = start_worker(workers, env={**sandbox.env, "LOG_LEVEL": "WARNING"})
        try:
            runs = _nights(tenants, sandbox=sandbox, say=say)
        finally:
            worker.stop()
    finally:
        sandbox.child.stop()
    for run in runs:
        _tell(run, say=say)
    return runs


def is_demo() -> bool:
    """Whether this database holds the sandbox's companies."""
    return RegisterImport.objects.filter(source__startswith=SOURCE).exists()


def sign_in(*, say: Say) -> None:
    """Make the demo's account, or give it a new password, and say how to use it."""
    user, _ = User.objects.get_or_create(
        username="demo",
        defaults={"email": "demo@example.test", "first_name": "Demo", "is_superuser": True,
                  "is_staff": True},
    )  # fmt: skip
    password = secrets.token_urlsafe(9)
    user.set_password(password)
    user.save()
    for wanted in TENANTS:
        Membership.objects.get_or_create(
            user=user, tenant_id=wanted.key, defaults={"role": Membership.Role.OWNER}
        )
    say(f"Sign-in: demo / {password}   (a new password at every demo)")


def _refuse_real_data() -> None:
    finished = RegisterImport.objects.filter(status=RegisterImport.Status.FINISHED)
    if finished.exclude(source__startswith=SOURCE).exists():
        raise DemoError(
            "This database holds a real register, and made-up companies must not mix with real"
            " ones. Give the demo a place of its own: LEADGEN_DATA_DIR=/tmp/leadgen-demo make demo"
        )


def _load(folder: Path, *, say: Say) -> None:
    began = time.monotonic()
    done = load_register(
        sorted(folder.glob("*.csv")), source=f"{SOURCE}: a made-up register",
        now=database_now(), actor="demo",
    )  # fmt: skip
    say(
        f"Register: read {done.read} = {done.new} new + {done.changed} changed"
        f" + {done.unchanged} unchanged + {done.rejected} rejected"
        f"   ({time.monotonic() - began:.1f} s)"
    )


def _tenant(wanted: Wanted) -> Tenant:
    tenant = Tenant.objects.filter(pk=wanted.key).first()
    if tenant is None:
        tenant = create_tenant(wanted.key, name=wanted.name, actor="demo", shortlist_cap=CAP)
    with tenant_context(tenant):
        if not IcpRule.objects.filter(name=settings.ICP_RULE_NAME).exists():
            save_rule(
                settings.ICP_RULE_NAME, wanted.payload, actor="demo", reason="The demo's rule"
            )
        give_sources()
    return tenant


def _nights(tenants: list[Tenant], *, sandbox: RunningSandbox, say: Say) -> list[PipelineRun]:
    runs = []
    for tenant in tenants:
        with tenant_context(tenant):
            runs.append(pipeline.start_night(tenant, started_by="demo", now=database_now()))
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    told: dict[int, str] = {}
    while any(run.is_open for run in runs):
        if time.monotonic() > give_up_at:
            raise DemoError(f"The nights are not over after {PATIENCE_SECONDS} s; see the log.")
        time.sleep(LOOK_SECONDS)
        schedule.revive_runs(now=database_now())
        for run in runs:
            run.refresh_from_db()
            if run.is_open and told.get(run.pk) != run.stage:
                told[run.pk] = run.stage
                say(f"{run.tenant_id}: {run.stage} ...")
    failed = [run for run in runs if run.status != PipelineRun.Status.FINISHED]
    if failed:
        raise DemoError(" ".join(f"{run}: {run.note}" for run in failed))
    return runs


def _tell(run: PipelineRun, *, say: Say) -> None:
    tenant = run.tenant
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0
    say("")
    say(f"{tenant.name}: run {run.pk}, {seconds:.0f} s, rule {run.plan['rule']}")
    with tenant_context(tenant):
        for line in lines(run):
            say(line)
        best = ShortlistEntry.objects.filter(shortlist__run_id=run.pk).order_by("rank")
        for entry in best.select_related("lead", "score")[:BEST]:
            say(f"  {entry.rank:>3}. {entry.lead.name} - {entry.score.rationale}")
    for path in run.plan.get("files", []):
        say(f"  file: {path}")
