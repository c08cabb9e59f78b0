"""The disk of database and files fills up, and later there is room again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest
import requests
from django.db.models import Model
from psycopg import sql

from acra.load import load_register
from acra.models import RegisteredCompany, RegisterImport
from leadgen_project import pipeline
from leadgen_project.postgres_place import find_server
from leadgen_project.sandbox.register import write_split
from leadgen_project.tests.kills import adds_up
from leadgen_project.tests.night_rig import NIGHT, NightRig
from leadgen_project.tests.small_disk import small_disk
from scoring.models import ShortlistEntry
from tenants.context import connection, in_tenant
from tenants.models import PipelineRun
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


def wait_until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def wait_for_pages(rig, run) -> None:
    """Until the night is in the middle of its crawl."""
    wait_until(lambda: rig.footprint(run.tenant_id)["rows"]["Page"] > 5)
    assert rig.look(run).stage == "enrich"


def work_until(rig, run, stage: str) -> None:
    """The night's stages before ``stage``, in this process."""
    with in_tenant(run.tenant_id):
        while rig.look(run).stage != stage:
            assert pipeline.step(run)


@contextmanager
def database_session() -> Iterator[psycopg.Connection]:
    params = connection.settings_dict
    with psycopg.connect(host=params["HOST"], user="postgres", dbname=params["NAME"]) as session:
        yield session


@contextmanager
def nobody_reads(run, model: type[Model]) -> Iterator[None]:
    with database_session() as session:
        table = sql.Identifier(run.tenant_id, model._meta.db_table)
        session.execute(sql.SQL("LOCK TABLE {}").format(table))
        yield
        session.rollback()


def wait_until_somebody_waits_for(model: type[Model]) -> None:
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
        " WHERE relname = %s AND NOT granted"
    )
    with database_session() as session:
        wait_until(lambda: session.execute(waiting, [model._meta.db_table]).fetchone() != (0,))


def waits_for_room(rig, run) -> bool:
    """Whether it has not given up. What the database itself clears away may have let it go on."""
    if find_server(rig.home) is None:  # it ends when its log is where no room is left
        return True
    return rig.look(run).status in {PipelineRun.Status.RUNNING, PipelineRun.Status.FINISHED}


def ends_like_the_calm_one(rig, run) -> bool:
    assert run.report_hash == rig.calm.report_hash
    assert rig.footprint(run.tenant_id) == rig.footprint("calm")
    assert not run.plan.get("failures")
    return adds_up(run)


def test_a_night_that_crawls_waits_for_room_and_goes_on_by_itself(rig, disk, capfd):
    rig.add_tenant("crawls")
    run = rig.start_night("crawls")
    rig.start_workers(env=SLOWLY)
    wait_for_pages(rig, run)
    disk.fill()

    disk.stay_full(FULL_SECONDS)

    assert waits_for_room(rig, run)
    disk.make_room()
    rig.wait_for(run)
    assert ends_like_the_calm_one(rig, run)
    assert "The disk is full (" in capfd.readouterr().err


def test_a_night_that_writes_its_files_waits_for_room_and_goes_on_by_itself(rig, disk, capfd):
    rig.add_tenant("writes")
    run = rig.start_night("writes")
    work_until(rig, run, "export")
    with nobody_reads(run, ShortlistEntry):
        rig.start_workers()
        wait_until_somebody_waits_for(ShortlistEntry)
        disk.fill()

    disk.stay_full(FULL_SECONDS)

    assert waits_for_room(rig, run)
    disk.make_room()
    rig.wait_for(run)
    assert ends_like_the_calm_one(rig, run)
    assert re.search(r"The disk is full \(.+ of 400 MB are free at ", capfd.readouterr().err)


def test_a_night_outlasts_a_disk_so_full_that_the_database_ends(rig, disk):
    rig.add_tenant("ended")
    run = rig.start_night("ended")
    rig.start_workers(env=SLOWLY)
    wait_for_pages(rig, run)
    disk.fill()
    use_up_the_log()
    disk.stay_full(FULL_SECONDS)

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


def use_up_the_log() -> None:
    """Begin new pieces of the database's log until there is no room for one, and it ends."""
    with database_session() as session:
        session.autocommit = True

        def has_ended() -> bool:
            with suppress(psycopg.OperationalError):
                session.execute("SELECT pg_switch_wal(), txid_current()")
            return session.closed

        wait_until(has_ended)
