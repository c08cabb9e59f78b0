"""Eight processes against 100 units, 200 times, with faults and kills: is one ever too much?"""

from __future__ import annotations

import os
from collections import Counter

from bench.result import Result
from bench.scratch import environment, scratch_database

TRIALS = int(os.environ.get("BUDGET_TRIALS", "200"))


def measure() -> list[Result]:
    """Trials in which the vendor's journal, its charges or the ledger went beyond the budget."""
    from django.conf import settings

    from leadgen_project.tests.spending import BUDGET, KEY, spenders, try_budget
    from tenants.permits import Vendor

    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.TAVILY: KEY}
    seen: Counter[str] = Counter()
    with (
        scratch_database(tenants=1) as (tenant,),
        spenders({**os.environ, **environment()}, tenant=tenant) as crew,
    ):
        for number in range(1, TRIALS + 1):
            trial = try_budget(crew, run_id=number, seed=number)
            seen["broken"] += not trial.holds
            seen["full"] += trial.booked == BUDGET
            seen["most asked"] = max(seen["most asked"], trial.asked)
            seen["kills"] += trial.kills
            seen["unknown"] += trial.unknown
            seen["refunded"] += trial.booked - trial.settled
            if not trial.holds:
                print(trial)
    note = (
        f"{TRIALS} trials, {seen['full']} spent all {BUDGET} units, {seen['kills']} kills hit,"
        f" {seen['unknown']} calls ended unseen, {seen['refunded']} units refunded by the vendor's"
        f" figure; the fullest journal had {seen['most asked']} calls"
    )
    return [Result("budget: trials that broke a budget or a ledger", seen["broken"], limit=0,
                   note=note)]  # fmt: skip
