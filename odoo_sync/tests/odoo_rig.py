"""Workers in processes of their own, to be killed, and what an Odoo holds afterwards."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from leadgen_project.sandbox.vendors.odoo import OdooStandIn
from leadgen_project.sandbox.vendors.stand_in import Fault
from odoo_sync.models import OdooPush

FAULTS = (Fault.ERROR, Fault.UNAVAILABLE, Fault.RESET, Fault.RESET_AFTER, Fault.TRUNCATED)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class OdooRig:
    """Inside a tenant whose rows are committed. ``env`` leads workers into its database."""

    odoo: OdooStandIn
    env: dict[str, str] = field(repr=False)
    tenant: str = "acme"
    workers: int = 2
    batch: int = 10
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.env = {**self.env, "ODOO_ALLOW_PRIVATE": f"127.0.0.1:{self.odoo.port}",
                    "LEASE_SECONDS": "3", "LOG_LEVEL": "ERROR"}  # fmt: skip

    def start(self) -> None:
        """Have as many workers as there should be."""
        self._running = [each for each in self._running if each.poll() is None]
        while len(self._running) < self.workers:
            command = [sys.executable, "-m", "odoo_sync.tests.odoo_worker", self.tenant,
                       str(self.batch)]  # fmt: skip
            self._running.append(subprocess.Popen(command, env=self.env, cwd=ROOT))

    def wreak(self, *, kills: int, dice: random.Random, seconds: float) -> int:
        """Kill workers, each after a few more requests, until all is done; returns how many."""
        killed, until = 0, time.monotonic() + seconds
        at = len(self.odoo.calls) + dice.randint(1, 9)
        while self.is_open() and time.monotonic() < until:
            self.start()
            if killed < kills and len(self.odoo.calls) >= at:
                dice.choice(self._running).kill()
                killed += 1
                at = len(self.odoo.calls) + dice.randint(1, 9)
            time.sleep(0.02)
        self.stop()
        return killed

    def stop(self) -> None:
        for each in self._running:
            each.kill()
            each.wait()
        self._running.clear()

    @staticmethod
    def is_open() -> bool:
        return OdooPush.objects.filter(state__in=["WAITING", "SENDING"]).exists()

    def doubled(self) -> int:
        """Records there is more than one of: leads and companies by name, people by address."""
        leads = Counter(row["name"] for row in self.odoo.rows("crm.lead"))
        partners = Counter(
            row.get("email") or row["name"] for row in self.odoo.rows("res.partner")
            if row.get("email") or row.get("is_company")
        )  # fmt: skip
        return sum(count - 1 for counted in (leads, partners) for count in counted.values())

    def lost(self) -> int:
        """Leads said to be in Odoo that are not, or that are there and not said to be."""
        there = {row["name"] for row in self.odoo.rows("crm.lead")}
        done = OdooPush.objects.filter(state="DONE").values_list("lead__name", flat=True)
        return len(there ^ set(done))

    def unexplained(self) -> int:
        """Leads that did not go, without a sentence that says why."""
        left = OdooPush.objects.exclude(state="DONE")
        return left.filter(sentence="").count()
