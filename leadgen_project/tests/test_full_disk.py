"""The disk of database and files fills up, and later there is room again."""

from __future__ import annotations

import time

import psycopg
import pytest
import requests

from acra.load import load_register
from acra.models import RegisteredCompany, RegisterImport
from leadgen_project.postgres_place import find_server
from leadgen_project.sandbox.register import write_split
from leadgen_project.tests.kills import adds_up
from leadgen_project.tests.night_rig import NIGHT, NightRig
from leadgen_project.tests.small_disk import small_disk
from tenants.context import connection
from tenants.room import MEGABYTE, NoRoomError

pytestmark = pytest.mark.slow

FULL_SECONDS = 20
SLOWLY = {"CRAWL_CONCURRENCY": "2", "CRAWL_DELAY_SECONDS": "0.1"}


@pytest.fixture(scope="module")
def disk(place):
    with small_disk(place / "disk", megabytes=400) as disk:
        yield disk


@pytest.fixture(scope="module")
def shared(disk, django_db_setup, django_db_blocker):
    with (
        django_db_blocker.unblock(),
        NightRig(disk.path / "night", tenants=["calm"], count=60) as running,
    ):
        running.calm = running.run_undisturbed("calm")
        yield running


@pytest.fixture
def rig(shared, disk):
    yield shared
    disk.make_room()
    shared.stop_workers()
    shared.revive_database()
    connection.close()


def wait_for_stage(rig, run, stage: str) -> None:
    give_up_at = time.monotonic() + 60
    while rig.look(run).stage != stage:
        assert run.is_open
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def ends_like_the_calm_one(rig, run) -> bool:
    assert run.report_hash == rig.calm.report_hash
    assert rig.footprint(run.tenant_id) == rig.footprint("calm")
    assert not run.plan.get("failures")
    return adds_up(run)


@pytest.mark.parametrize("stage", ["enrich", "export"])
def test_a_night_waits_for_room_and_goes_on_by_itself(rig, disk, stage, capfd):
    rig.add_tenant(f"full_{stage}")
    run = rig.start_night(f"full_{stage}")
    rig.start_workers(env=SLOWLY)
    wait_for_stage(rig, run, "enrich")
    if stage == "enrich":
        time.sleep(1)
    else:
        wait_for_stage(rig, run, "score")  # a moment later it wants to write its files
    disk.fill()
    time.sleep(FULL_SECONDS)
    if find_server(rig.home) is not None:  # it ends when its log is where no room is left
        assert rig.look(run).is_open

    disk.make_room()
    rig.wait_for(run)

    assert ends_like_the_calm_one(rig, run)
    said = capfd.readouterr().err
    assert "The disk is full (" in said
    assert "0 of 400 MB are free at " in said


def test_a_night_outlasts_a_disk_so_full_that_the_database_ends(rig, disk):
    rig.add_tenant("ended")
    run = rig.start_night("ended")
    rig.start_workers(env=SLOWLY)
    wait_for_stage(rig, run, "enrich")
    disk.fill()
    use_up_the_log(rig)
    time.sleep(FULL_SECONDS)
    assert find_server(rig.home) is None

    disk.make_room()
    rig.wait_for(run)

    assert ends_like_the_calm_one(rig, run)


def test_the_console_says_that_the_disk_is_full(rig, disk):
    _, address = rig.start_web()
    wait_until_it_serves(address)
    disk.fill()

    health = requests.get(f"http://{address}/health", timeout=60)

    assert health.status_code == 503
    assert health.json()["disk"] == {"state": "full", "free_bytes": 0}


def test_a_register_load_without_room_changes_nothing_and_says_how_much_it_takes(
    rig, disk, tmp_path, settings
):
    settings.DATA_DIR, settings.DATABASE_URL = rig.home, ""
    write_split(tmp_path, seed=5, count=20_000)
    files = sorted(tmp_path.glob("*.csv"))
    before = RegisteredCompany.objects.count()
    disk.fill(leave_bytes=30 * MEGABYTE)

    with pytest.raises(NoRoomError, match=r"The disk is full \(.+400 MB are free .+ Make room"):
        load_register(files, now=NIGHT, actor="ann")

    disk.make_room()
    rig.revive_database()
    connection.close()
    assert RegisteredCompany.objects.count() == before
    done = load_register(files, now=NIGHT, actor="ann")
    assert done.new > 10_000
    failed = RegisterImport.objects.get(pk=done.pk - 1)
    assert failed.status == "FAILED"
    assert failed.error


def wait_until_it_serves(address: str) -> None:
    give_up_at = time.monotonic() + 60
    while True:
        try:
            requests.get(f"http://{address}/admin/login/", timeout=10).raise_for_status()
        except requests.RequestException:
            assert time.monotonic() < give_up_at
            time.sleep(0.2)
        else:
            return


def use_up_the_log(rig) -> None:
    """Begin new pieces of the database's log until there is no room for one."""
    params = connection.settings_dict
    give_up_at = time.monotonic() + 60
    try:
        with psycopg.connect(
            host=params["HOST"], user="postgres", dbname=params["NAME"], autocommit=True
        ) as session:
            while time.monotonic() < give_up_at:
                session.execute("SELECT pg_switch_wal(), txid_current()")
    except psycopg.OperationalError:
        return
    raise AssertionError("The database never ran out of room.")
