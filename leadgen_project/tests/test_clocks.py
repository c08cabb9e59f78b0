"""Machines whose clocks differ by ten minutes work on one night as if they had one clock."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from icp.models import Lead
from leadgen_project.tests.kills import adds_up
from leadgen_project.tests.night_rig import NightRig
from tenants.context import connection, in_tenant

SKEW_SECONDS = 300  # PROMISES I2

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rig(place, django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), NightRig(place / "night", tenants=[], count=60) as running:
        yield running
        connection.close()


@contextmanager
def workers(rig, *skews: int):
    """A worker process for each skew, as on machines of their own."""
    running = []
    try:
        for number, skew in enumerate(skews):
            rig.start_workers(
                1,
                env={
                    **rig.elsewhere(f"machine{number}"),
                    "DJANGO_SETTINGS_MODULE": "leadgen_project.tests.skewed_settings",
                    "LEADGEN_TEST_SKEW_SECONDS": str(skew),
                    "CRAWL_CONCURRENCY": "2",
                    "CRAWL_DELAY_SECONDS": "0.2",
                    # below the difference of the clocks, above any stall of a busy machine
                    "LEASE_SECONDS": "180",
                },
            )
            running.append(rig.supervisor)
        yield
    finally:
        for supervisor in running:
            rig.supervisor = supervisor
            rig.stop_workers()


def claims_of(tenant: str) -> dict[str, int]:
    """How often each lead was claimed."""
    with in_tenant(tenant):
        return dict(Lead.objects.values_list("uen", "lease"))


def test_clocks_that_differ_take_no_lead_from_each_other(rig):
    rig.add_tenant("calm")
    calm = rig.run_undisturbed("calm")
    rig.add_tenant("skewed")
    run = rig.start_night("skewed")

    with workers(rig, SKEW_SECONDS, -SKEW_SECONDS):
        rig.wait_for(run)

    assert run.report_hash == calm.report_hash
    assert rig.footprint("skewed") == rig.footprint("calm")
    assert claims_of("skewed") == claims_of("calm")
    assert adds_up(run)


def test_a_clock_that_is_behind_delays_nothing(rig):
    rig.add_tenant("behind")
    run = rig.start_night("behind")

    with workers(rig, -SKEW_SECONDS):
        rig.wait_for(run)

    assert adds_up(run)
