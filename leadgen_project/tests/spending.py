"""Trials of the governor: processes spend against one budget while the vendor fails and they die.

``python -m bench budget`` runs two hundred of them, the tests some.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.vendors.stand_in import Fault, VendorCall, VendorStandIn, reply_json
from leadgen_project.tests.forks import Forks, forking
from tenants.context import in_public, in_tenant
from tenants.paid import balances
from tenants.paid.reconcile import give_up_orphans, reconcile
from tenants.paid.turn_at_vendor import lane_of
from tenants.permits import Permit, Vendor
from tenants.vendor_models import RateLimit, VendorBalance, VendorBudget, VendorUsage

KEY = "trial-key"
BUDGET = 100
FAULTS = (Fault.RATE_LIMITED, Fault.ERROR, Fault.HANG, Fault.RESET, Fault.RESET_AFTER,
          Fault.MALFORMED, Fault.SLOW, Fault.TRUNCATED)  # fmt: skip
AT_ONCE = timedelta(0)
TICK = 0.05  # seconds two clocks of one machine may differ


class TinyVendor(VendorStandIn):
    """One credit an answer; ``charged`` is its own usage figure."""

    def _key(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        if call.key not in self.keys:
            call.status = 401
            return reply_json({"error": "no such key (Sandbox)"}, 401)
        self._charge(call, 1)
        return reply_json({"credits": 1})


@dataclass(slots=True)
class Trial:
    """What one trial came to. ``asked`` are calls in the vendor's journal that were not 429."""

    run_id: int
    asked: int
    charged: int
    booked: int  # units in the ledger when all was over, unknown ones included
    settled: int  # units in the ledger after reconciliation
    unknown: int  # entries whose end nobody saw
    kills: int
    drift: list[str]

    @property
    def holds(self) -> bool:
        within = max(self.asked, self.charged, self.booked, self.settled) <= BUDGET
        return within and self.settled == self.charged and not self.drift


@dataclass(slots=True)
class Spenders:
    """The process that forks spenders."""

    forks: Forks
    vendor: TinyVendor
    tenant: str = "acme"

    def start(self, *, run_id: int, processes: int, calls: int, patience: float = 5) -> list[int]:
        return self.forks.start(
            tenant=self.tenant, url=self.vendor.url, run_id=run_id, processes=processes,
            calls=calls, patience_seconds=patience,
        )  # fmt: skip

    def wait(self) -> int:
        """Until all have ended; how many of them were killed."""
        return self.forks.wait()


@contextmanager
def spenders(env: dict[str, str], *, tenant: str = "acme", calls: int = 100_000,
             seconds: int = 60) -> Iterator[Spenders]:  # fmt: skip
    """A vendor, a tenant with a key for it and ``BUDGET`` units a run, and processes that spend.

    ``calls`` in ``seconds`` is the vendor's rate limit. In a committed database.
    """
    env = {**env, "TAVILY_API_KEY": KEY, "TAVILY_DAILY_CREDITS": "none", "LOG_LEVEL": "CRITICAL"}
    with TinyVendor(keys={KEY}, hang_seconds=1, slow_seconds=0.8) as vendor:
        with in_tenant(tenant):
            VendorBudget.objects.create(tenant_id=tenant, vendor="TAVILY", run_units=BUDGET)
        with in_public():
            lane = lane_of(Vendor.TAVILY, _key())
            RateLimit.objects.create(lane=lane, calls=calls, seconds=seconds)
            RateLimit.objects.create(lane=f"{lane}/usage", calls=100_000)
        with forking(env) as forks:
            yield Spenders(forks, vendor, tenant)


def try_budget(
    crew: Spenders, *, run_id: int, seed: int, processes: int = 8, kills: int = 5
) -> Trial:
    """One trial: spend, break, kill, and compare vendor and ledger when all is over."""
    dice = random.Random(seed)
    vendor = crew.vendor
    read_usage(crew)
    before = len(vendor.calls)
    vendor.seed, vendor.likely_faults = seed, FAULTS
    vendor.chance_of_fault = dice.choice((0.02, 0.1, 0.3))
    pids = crew.start(run_id=run_id, processes=processes, calls=60)
    kill_some(pids[1:], dice, kills=kills)  # the first is spared: the budget shall be spent
    killed = crew.wait()
    vendor.chance_of_fault = 0
    wait_until_quiet(vendor)
    journal = vendor.calls[before:]
    with in_public():
        mine = VendorUsage.objects.filter(run_id=run_id)
        booked = mine.aggregate(units=Sum("units"))["units"] or 0
        give_up_orphans(now=later(), older_than=AT_ONCE)
        unknown = mine.filter(outcome="UNKNOWN").count()
    read_usage(crew)
    with in_public():
        settled = VendorBalance.objects.get(period=f"run {run_id}", vendor="TAVILY").units
        drift = balances.drift()
    return Trial(
        run_id=run_id,
        asked=sum(call.status != 429 for call in journal),
        charged=sum(call.units for call in journal),
        booked=booked,
        settled=settled,
        unknown=unknown,
        kills=killed,
        drift=drift,
    )


def none_came_early(calls: Sequence[VendorCall], due: Sequence[datetime]) -> bool:
    """Whether each of the vendor's calls came in after a turn of its own; ``due`` in order.

    However late: a busy machine delays calls at will.
    """
    clocks = time.time() - time.monotonic()
    came = sorted(call.at + clocks + TICK for call in calls)
    return all(at >= turn.timestamp() for at, turn in zip(came, due, strict=True))


def turns() -> list[datetime]:
    """When each booked call might be made, in order."""
    with in_public():
        dues = VendorUsage.objects.filter(vendor="LLM").values_list("due_at", flat=True)
        return sorted(dues)


def most_within(due: Sequence[datetime], seconds: float) -> int:
    """How many turns lie in the fullest window of that length."""
    window = timedelta(seconds=seconds)
    return max(sum(at <= later < at + window for later in due) for at in due)


def read_usage(crew: Spenders) -> None:
    """Reconcile with the vendor's figure."""

    def figure(permit: Permit) -> int:
        permit.use(Vendor.TAVILY)
        return crew.vendor.charged

    with in_tenant(crew.tenant):
        reading = reconcile(Vendor.TAVILY, figure, lag=AT_ONCE)
    assert reading.is_conclusive, reading.note


def kill_some(pids: list[int], dice: random.Random, *, kills: int) -> None:
    for pid in dice.sample(pids, min(kills, len(pids))):
        time.sleep(dice.uniform(0, 0.25))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_until_quiet(vendor: VendorStandIn) -> None:
    """A killed spender's question may still lie in a socket."""
    seen = -1
    while seen != (seen := len(vendor.calls)):
        time.sleep(0.1)


def later() -> Any:
    from tenants.clock import database_now

    return database_now() + timedelta(minutes=10)


def _key() -> Any:
    from tenants.paid.credentials import VendorKey

    return VendorKey(KEY, is_own=False)
