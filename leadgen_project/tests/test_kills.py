"""Whatever is killed, stopped or poisoned during a night, it ends like an undisturbed one."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter

import psutil
import pytest
import requests

from enrichment.models import EnrichmentRun
from icp.models import Lead
from leadgen_project.tests import poison
from leadgen_project.tests.kills import Havoc, adds_up
from leadgen_project.tests.night_rig import NightRig
from tenants.context import connection, in_tenant
from tenants.isolation import as_owner

POISONED = {
    "DJANGO_SETTINGS_MODULE": "leadgen_project.tests.poison_settings",
    "CRAWL_CONCURRENCY": "4",
}

SLOWLY = {"CRAWL_CONCURRENCY": "2", "CRAWL_DELAY_SECONDS": "0.3"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared(place, django_db_setup, django_db_blocker):
    with (
        django_db_blocker.unblock(),
        NightRig(place / "night", tenants=["calm"], count=60) as running,
    ):
        running.calm = running.run_undisturbed("calm")
        yield running


@pytest.fixture
def rig(shared):
    """The rig with nobody at work yet and nothing waiting."""
    yield shared
    shared.stop_workers()
    shared.revive_database()
    connection.close()


def ends_like_the_calm_one(rig, run) -> bool:
    assert run.report_hash == rig.calm.report_hash
    assert rig.footprint(run.tenant_id) == rig.footprint("calm")
    return adds_up(run)


def wait_until(condition, *, seconds: float = 120) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.05)


def test_a_night_with_up_to_seven_kills_ends_like_an_undisturbed_one(rig):
    rig.start_workers(env={"CRAWL_CONCURRENCY": "2"})
    rig.add_tenant("wild")
    run = rig.start_night("wild")
    havoc = Havoc(rig, random.Random(1))

    havoc.wreak(run, kills=7)  # one of each kind
    rig.wait_for(run)

    assert havoc.hits.total() >= 5, havoc.hits  # a quick machine may be done before the last
    assert ends_like_the_calm_one(rig, run)


def test_a_night_goes_on_by_itself_when_all_its_connections_are_cut(rig):
    rig.start_workers(env={"CRAWL_CONCURRENCY": "2"})
    rig.add_tenant("cut")
    run = rig.start_night("cut")
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    for _ in range(3):
        wait_until(lambda: rig.look(run).stage == "enrich" or not run.is_open)
        time.sleep(1)
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(cut)

    rig.wait_for(run)

    assert ends_like_the_calm_one(rig, run)


def test_a_night_goes_on_by_itself_when_the_database_was_away_for_a_minute(rig):
    rig.start_workers(env={"CRAWL_CONCURRENCY": "2", **rig.elsewhere("guest")})  # none restarts it
    rig.add_tenant("offline")
    run = rig.start_night("offline")
    _holder_in("offline")
    server = rig.database()
    server.send_signal(signal.SIGQUIT)
    server.wait(60)
    time.sleep(60)

    rig.revive_database()
    touched_at = rig.look(run).touched_at
    wait_until(lambda: rig.look(run).touched_at > touched_at or not run.is_open)
    rig.wait_for(run)

    assert ends_like_the_calm_one(rig, run)


def test_the_console_answers_503_with_a_page_while_the_database_is_gone(rig):
    _, address = rig.start_web()
    url = f"http://{address}/admin/login/"
    wait_until(lambda: _answers(url))
    rig.database().send_signal(signal.SIGQUIT)

    answer = requests.get(url, timeout=60)

    assert answer.status_code == 503
    assert "<title>" in answer.text
    assert "Traceback" not in answer.text
    rig.revive_database()
    wait_until(lambda: requests.get(url, timeout=60).status_code == 200)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False


def test_a_worker_that_slept_past_its_lease_writes_nothing_it_no_longer_holds(rig):
    rig.start_workers(env={"LEASE_SECONDS": "3", "CRAWL_CONCURRENCY": "2"})
    rig.add_tenant("asleep")
    run = rig.start_night("asleep")

    sleeper, held = _put_to_sleep("asleep")
    with in_tenant("asleep"):
        wait_until(lambda: not _still_hold(held))
    sleeper.resume()
    rig.wait_for(run)

    assert ends_like_the_calm_one(rig, run)


def _put_to_sleep(tenant: str) -> tuple[psutil.Process, dict[int, int]]:
    """Suspend a worker process while it holds leads of the tenant; the leases of those."""
    while True:
        sleeper = psutil.Process(_holder_in(tenant))
        sleeper.suspend()
        with in_tenant(tenant):
            held = Lead.objects.filter(
                held_by__endswith=f":{sleeper.pid}", held_until__isnull=False
            )
            if leases := dict(held.values_list("pk", "lease")):
                return sleeper, leases
        sleeper.resume()  # it gave them back just before


def _holder_in(tenant: str) -> int:
    """The pid of a worker process that holds leads of the tenant."""
    holder = None

    def is_found() -> bool:
        nonlocal holder
        holder = holders.first()
        return holder is not None

    with in_tenant(tenant):
        holders = Lead.objects.exclude(held_by="").order_by("pk").values_list("held_by", flat=True)
        wait_until(is_found)
    return int(holder.rpartition(":")[2])


def _still_hold(held: dict[int, int]) -> bool:
    now = dict(Lead.objects.filter(pk__in=held, stage="CANDIDATE").values_list("pk", "lease"))
    return any(now.get(pk) == lease for pk, lease in held.items())


def test_a_stopped_worker_leaves_no_lead_held_and_the_next_one_goes_on(rig):
    rig.start_workers(env=SLOWLY)
    rig.add_tenant("stopped")
    run = rig.start_night("stopped")
    _holder_in("stopped")

    rig.stop_workers()

    assert rig.supervisor.returncode == 0
    with in_tenant("stopped"):
        assert not Lead.objects.filter(held_until__isnull=False).exists()
        assert Lead.objects.in_stage(Lead.Stage.CANDIDATE).exists()
    rig.start_workers()
    rig.wait_for(run)
    assert ends_like_the_calm_one(rig, run)


def test_pages_that_end_or_fill_a_worker_are_put_aside_and_all_others_are_read(rig):
    rig.add_tenant("poisoned")
    with in_tenant("calm"):
        reached = EnrichmentRun.objects.filter(outcome="DONE").order_by("lead__uen")
        first, *_, last = reached.values_list("lead__uen", flat=True)
    deadly = json.dumps({first: "exit", last: "memory"})
    rig.start_workers(env={**POISONED, poison.POISON: deadly})
    run = rig.start_night("poisoned")

    rig.wait_for(run)

    with in_tenant("poisoned"):
        aside = Lead.objects.in_stage(Lead.Stage.REJECTED)
        assert set(aside.values_list("uen", "rejection_code")) == {
            (first, "enrichment_broke_off"),
            (last, "enrichment_broke_off"),
        }
        outcomes = Counter(EnrichmentRun.objects.values_list("outcome", flat=True))
    with in_tenant("calm"):
        expected = Counter(EnrichmentRun.objects.values_list("outcome", flat=True))
    assert outcomes == expected - Counter({"DONE": 2})
    assert adds_up(run)


def test_a_stage_that_ends_its_workers_is_given_up_with_a_reason(rig):
    rig.add_tenant("deadly")
    rig.start_workers(env={**POISONED, poison.DEADLY_STAGE: "yes"})
    run = rig.start_night("deadly")

    rig.wait_for(run)

    assert run.status == "FAILED"
    assert "The stage select was given up: 3 workers ended by themselves" in run.note


def test_small_tenants_are_not_held_up_by_a_big_one(rig):
    for key, candidates in (("alone", 10), ("big", 1000), ("small1", 10), ("small2", 10)):
        rig.add_tenant(key, candidates_per_night=candidates)
    rig.start_workers(env=SLOWLY)
    alone_seconds = rig.wait_for(rig.start_night("alone"))

    big, *small = [rig.start_night(key) for key in ("big", "small1", "small2")]
    seconds = rig.wait_for(*small)

    assert rig.look(big).is_open
    turn_seconds = 10 + 5  # one turn of the big one, with the looks it began, stands before them
    assert seconds < 3 * alone_seconds + 3 * turn_seconds  # the machine may be busier than before
    rig.stop_workers()
