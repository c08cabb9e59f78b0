"""A machine dies in mid-batch: how long until another machine has its leads?

Both "machines" run here, but with data directories of their own, so that neither finds what the
other leaves on disk; they share the database alone.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.result import Result
from icp.models import Lead
from leadgen_project.tests.night_rig import NightRig, kill_family
from tenants.context import in_tenant

COMPANIES = 120
LEASE_SECONDS = 60
ALLOWED_SECONDS = 60  # beyond the lease (PROMISES A3)


def measure() -> list[Result]:
    """Seconds from the death until the last of its leads was claimed again, less the lease."""
    with tempfile.TemporaryDirectory(prefix="leadgen-rescue-", ignore_cleanup_errors=True) as name:
        place = Path(name)
        place.chmod(0o755)
        slowly = {"LEASE_SECONDS": str(LEASE_SECONDS), "CRAWL_DELAY_SECONDS": "0.5"}
        with NightRig(place / "night", tenants=["calm"], count=COMPANIES) as rig:
            run = rig.start_night("calm")
            first = rig.start_workers(env=slowly | rig.elsewhere("first"))
            held = _wait_for_held_leads()
            kill_family(first)
            died_at = time.monotonic()
            rig.start_workers(env=slowly | rig.elsewhere("second"))
            while _still_held(held):
                time.sleep(0.2)
            seconds = time.monotonic() - died_at
            rig.wait_for(run)
    note = f"{len(held)} leads, {seconds:.0f} s with a lease of {LEASE_SECONDS} s"
    late = max(seconds - LEASE_SECONDS, 0) / ALLOWED_SECONDS
    return [Result("rescue: time beyond the lease / 60 s", late, limit=1, note=note)]


def _wait_for_held_leads() -> dict[int, int]:
    """Primary key -> number of the claim, once many are held."""
    give_up_at = time.monotonic() + 60
    with in_tenant("calm"):
        while time.monotonic() < give_up_at:
            held = Lead.objects.filter(held_until__isnull=False, stage=Lead.Stage.CANDIDATE)
            if held.count() >= 20:
                return dict(held.values_list("pk", "lease"))
            time.sleep(0.1)
    raise SystemExit("The workers took no leads.")


def _still_held(held: dict[int, int]) -> bool:
    with in_tenant("calm"):
        mine = Lead.objects.filter(pk__in=held, stage=Lead.Stage.CANDIDATE)
        return any(held[pk] == lease for pk, lease in mine.values_list("pk", "lease"))
