"""A night over the made-up web with 1, 2 and 4 workers: how much quicker, and does it add up?

BENCH_LEADS says how many leads (2,000).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench.result import Result
from leadgen_project.tests.kills import adds_up
from leadgen_project.tests.night_rig import NightRig

LEADS = int(os.environ.get("BENCH_LEADS", "2000"))
LIVE_SHARE = 0.65  # of the made-up register
WORKERS = (1, 2, 4)
LONGEST_NIGHT_SECONDS = 3600


def measure() -> list[Result]:
    """Seconds with n workers against 1, and how many nights did not add up or differed."""
    seconds: dict[int, float] = {}
    runs, keys = [], [f"night{workers}" for workers in WORKERS]
    with tempfile.TemporaryDirectory(prefix="leadgen-night-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        count = int(LEADS / LIVE_SHARE) + 1
        with NightRig(Path(name) / "night", tenants=[], count=count) as rig:
            for workers, key in zip(WORKERS, keys, strict=True):
                rig.add_tenant(key, candidates_per_night=LEADS)
                rig.start_workers(workers)
                run = rig.start_night(key)
                seconds[workers] = rig.wait_for(run, seconds=LONGEST_NIGHT_SECONDS)
                rig.stop_workers()
                runs.append(run)
            broken = sum(not adds_up(run) for run in runs)
            broken += len({run.report_hash for run in runs}) - 1
            rows = rig.footprint(keys[0])["rows"]
    per_hour = LEADS / seconds[1] * 3600
    return [
        Result(f"night: {LEADS} leads, {workers} workers / 1 worker", seconds[workers] / seconds[1],
               limit=1.1, note=f"{seconds[workers]:.0f} s")
        for workers in WORKERS[1:]
    ] + [
        Result("night: runs that do not add up, or differ", broken, limit=0,
               note=f"1 worker: {seconds[1]:.0f} s, {per_hour:.0f} leads an hour, {rows}"),
    ]  # fmt: skip
