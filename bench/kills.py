"""Kill parts of the product 30 times during nights: do they end like an undisturbed one?

BENCH_KILLS and BENCH_SEED say how often and with which dice.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.result import Result
from leadgen_project.tests.kills import Havoc, adds_up, differences
from leadgen_project.tests.night_rig import NightRig

KILLS = int(os.environ.get("BENCH_KILLS", "30"))
COMPANIES = 300
LONGEST_NIGHT_SECONDS = 600


def measure() -> list[Result]:
    """Nights that differ from the undisturbed one in their report or in any count of rows."""
    seed = int(os.environ.get("BENCH_SEED", str(time.time_ns() % 1000)))
    dice = random.Random(seed)
    nights = differing = 0
    began = time.monotonic()
    with _home() as home, NightRig(home, tenants=["calm"], count=COMPANIES) as rig:
        calm = rig.run_undisturbed("calm")
        expected = rig.footprint("calm")
        havoc = Havoc(rig, dice)
        rig.start_workers()
        while havoc.hits.total() < KILLS:
            key = f"wild{nights}"
            rig.add_tenant(key)
            run = rig.start_night(key)
            havoc.wreak(run, kills=KILLS - havoc.hits.total())
            rig.wait_for(run, seconds=LONGEST_NIGHT_SECONDS)
            nights += 1
            found = rig.footprint(key)
            if run.report_hash == calm.report_hash and found == expected and adds_up(run):
                continue
            differing += 1
            print(f"{key}: {run.status} {run.note} {found} instead of {expected}")
            print(*differences(run, calm), sep="\n")
    hits = ", ".join(f"{count} x {name}" for name, count in sorted(havoc.hits.items()))
    seconds = time.monotonic() - began
    note = (
        f"{nights} nights of {expected['rows']['Lead']} leads, {seconds:.0f} s, seed {seed}: {hits}"
    )
    return [Result("kills: nights that ended differently", differing, limit=0, note=note)]


@contextmanager
def _home() -> Iterator[Path]:
    """A directory that the database's own account can enter."""
    with tempfile.TemporaryDirectory(prefix="leadgen-kills-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name) / "night"
