"""The embedded database dies under a running worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from leadgen_project.embedded_postgres import connection_params
from leadgen_project.postgres_place import find_server

ROOT = Path(__file__).resolve().parents[2]

ENQUEUE = """
import sys
from django_q.tasks import async_task
async_task("leadgen_project.tests.queue_tasks.nap", sys.argv[1], sys.argv[2], 0, ack_failure=True)
"""


@pytest.fixture
def house(place) -> Iterator[tuple[Path, dict[str, str]]]:
    """A data directory with a migrated embedded database of its own, and a running worker."""
    data_dir = place / "house"
    env = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    env |= {"LEADGEN_DATA_DIR": str(data_dir), "DATABASE_ROLE_PREFIX": "lg_house"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env, check=True
    )
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker", "--workers", "1"], cwd=ROOT, env=env
    )
    yield data_dir, env
    worker.terminate()
    assert worker.wait(120) == 0


def enqueue(data_dir: Path, journal: Path, name: str, *, env: dict[str, str]) -> None:
    script = data_dir / "enqueue.py"
    script.write_text(f"import django; django.setup()\n{ENQUEUE}")
    subprocess.run(
        [sys.executable, str(script), str(journal), name],
        cwd=ROOT,
        env={**env, "DJANGO_SETTINGS_MODULE": "leadgen_project.settings", "PYTHONPATH": str(ROOT)},
        check=True,
    )


def wait_for_line(journal: Path, line: str, *, seconds: float) -> None:
    started = time.monotonic()
    while not (journal.exists() and line in journal.read_text()):
        assert time.monotonic() - started < seconds, f"{line!r} never came"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_killed_database_is_brought_back_and_work_goes_on_within_a_minute(house, tmp_path):
    data_dir, env = house
    journal = tmp_path / "journal"
    enqueue(data_dir, journal, "before", env=env)
    wait_for_line(journal, "ended before", seconds=120)
    server = find_server(data_dir)

    server.send_signal(signal.SIGKILL)
    server.wait(60)
    wait_until_it_answers(data_dir)
    enqueue(data_dir, journal, "after", env=env)

    wait_for_line(journal, "ended after", seconds=120)
    assert find_server(data_dir).pid != server.pid


def wait_until_it_answers(data_dir: Path) -> None:
    params = connection_params(data_dir)
    give_up_at = time.monotonic() + 120
    while True:
        try:
            psycopg.connect(host=params["HOST"], user=params["USER"], dbname=params["NAME"]).close()
        except psycopg.OperationalError:
            assert time.monotonic() < give_up_at
            time.sleep(0.1)
        else:
            return
