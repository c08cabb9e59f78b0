"""Is adding the 500th tenant as cheap as adding the second?"""

from __future__ import annotations

import time
from statistics import median

from bench.result import Result
from bench.scratch import scratch_database
from tenants.lifecycle.provision import create_tenant

COUNT = 500
WINDOW = 9  # tenants around a mark; machines are noisy


def measure() -> list[Result]:
    """The 100th and 500th tenant against the second, each a median over its neighbours."""
    seconds = []
    with scratch_database(tenants=0):
        for number in range(COUNT + WINDOW):
            began = time.perf_counter()
            create_tenant(f"bench{number:04}", name=f"Bench {number}", actor="bench")
            seconds.append(time.perf_counter() - began)
    first = median(seconds[1 : 1 + WINDOW])
    return [
        Result(
            f"tenants: adding number {mark} / number 2",
            median(seconds[mark - 1 : mark - 1 + WINDOW]) / first,
            limit=1.5,
            note=f"{first:.2f} s each",
        )
        for mark in (100, COUNT)
    ]
