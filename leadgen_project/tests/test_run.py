"""`make run` as a person meets it: processes, address, and their end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Running:
    process: subprocess.Popen
    address: str
    log: Path

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def start(committed, log: Path, *, address: str) -> subprocess.Popen:
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", "run", "--bind", address, "--workers", "1"],
            cwd=ROOT,
            env=committed.env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


@pytest.fixture
def running(committed, tmp_path) -> Iterator[Running]:
    address = f"127.0.0.1:{free_port()}"
    process = start(committed, tmp_path / "log", address=address)
    started = Running(process, address, tmp_path / "log")
    family: list[psutil.Process] = []
    try:
        give_up_at = time.monotonic() + 120
        while not answers(address):
            assert process.poll() is None, started.log.read_text()
            assert time.monotonic() < give_up_at, started.log.read_text()
            time.sleep(0.1)
        family = started.family()
        yield started
    finally:
        process.kill()
        process.wait()
        for relative in alive(family):
            relative.kill()


def answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/admin/login/", timeout=10).ok
    except requests.RequestException:
        return False


@pytest.mark.slow
def test_ctrl_c_ends_web_and_workers_with_exit_code_0(running):
    family = running.family()

    os.killpg(running.process.pid, signal.SIGINT)

    assert running.process.wait(120) == 0
    assert alive(family) == []
    assert not answers(running.address)
    assert f"http://{running.address}/admin/" in running.log.read_text()


@pytest.mark.slow
def test_the_web_server_hands_its_connections_back_to_the_pool(running):
    for _ in range(20):
        assert answers(running.address)

    assert "psycopg.pool" not in running.log.read_text()  # where it complains


@pytest.mark.slow
def test_everything_ends_when_it_is_killed(running):
    family = running.family()

    running.process.kill()

    give_up_at = time.monotonic() + 120
    while alive(family):
        assert time.monotonic() < give_up_at, alive(family)
        time.sleep(0.1)


@pytest.mark.slow
def test_an_address_in_use_is_named_before_anything_starts(committed, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        process = start(committed, tmp_path / "log", address=address)

        assert process.wait(120) == 1
    assert f"cannot listen on {address}: Address already in use" in (tmp_path / "log").read_text()
