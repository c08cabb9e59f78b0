"""The gate in the database: one turn per host for all processes, and none lost with a process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import connection

from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.politeness import DatabaseGate, forget_idle_hosts
from tenants.models import HostLease

ROOT = Path(__file__).parents[2]
CHILD = """
import sys, time
import django
django.setup()
from enrichment.web.politeness import DatabaseGate
gate = DatabaseGate()
for _ in range(6):
    gate.acquire("acme.example", wait_seconds=60)
    began = time.monotonic()
    time.sleep(0.02)
    print(began, time.monotonic(), flush=True)
    gate.release("acme.example", gap_seconds=0.1)
"""


@pytest.fixture
def gate(committed):
    gate = DatabaseGate(lease=timedelta(seconds=0.6))
    yield gate
    gate.close()


def start_child(committed, code=CHILD):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**committed.env, "DJANGO_SETTINGS_MODULE": "leadgen_project.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_never_ask_a_host_at_once_nor_within_its_gap(committed):
    children = [start_child(committed) for _ in range(2)]
    outputs = [child.communicate(timeout=60)[0] for child in children]

    spans = sorted(
        tuple(map(float, line.split())) for output in outputs for line in output.splitlines()
    )
    assert [child.returncode for child in children] == [0, 0]
    assert len(spans) == 12
    assert min(later[0] - earlier[1] for earlier, later in pairwise(spans)) >= 0.1


def test_the_turn_of_a_dead_process_ends_with_its_lease(committed, gate):
    code = CHILD.replace('gate.release("acme.example", gap_seconds=0.1)', "time.sleep(60)")
    child = start_child(committed, code.replace("DatabaseGate()", "DatabaseGate(lease=__import__"
                        "('datetime').timedelta(seconds=0.8))"))  # fmt: skip
    child.stdout.readline()
    child.kill()
    child.wait()

    gate.acquire("acme.example", wait_seconds=60)


def test_a_turn_that_comes_too_late_is_refused_at_once(gate):
    gate.acquire("acme.example", wait_seconds=60)
    gate.release("acme.example", gap_seconds=3600)
    began = time.monotonic()

    with pytest.raises(NotFetchedError) as refused:
        gate.acquire("acme.example", wait_seconds=600)

    assert refused.value.reason is Reason.HOST_BUSY
    assert time.monotonic() - began < 60


def test_threads_of_a_process_share_the_gate(gate):
    asked = []

    def ask(host):
        for _ in range(3):
            gate.acquire(host, wait_seconds=60)
            asked.append(host)
            gate.release(host, gap_seconds=0.01)

    threads = [threading.Thread(target=ask, args=(f"h{n % 3}.example",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(asked) == 18


def test_a_late_release_does_not_end_another_ones_turn(gate, committed):
    other = DatabaseGate()
    gate.acquire("acme.example", wait_seconds=60)
    time.sleep(0.7)  # the lease is 0.6 s
    other.acquire("acme.example", wait_seconds=60)

    gate.release("acme.example", gap_seconds=0)

    assert HostLease.objects.get(host="acme.example").owner != ""
    other.release("acme.example", gap_seconds=0)
    other.close()
    assert HostLease.objects.get(host="acme.example").owner == ""


def test_it_works_whatever_tenant_the_thread_is_in(gate):
    connection.set_schema("acme")

    gate.acquire("acme.example", wait_seconds=60)
    gate.release("acme.example", gap_seconds=0)

    assert connection.schema_name == "acme"


def test_hosts_long_idle_are_forgotten(gate):
    gate.acquire("old.example", wait_seconds=60)
    gate.release("old.example", gap_seconds=0)

    forget_idle_hosts(idle=timedelta(minutes=-1))  # as if a minute had passed

    assert not HostLease.objects.exists()


def test_a_turn_is_renewed_only_while_nobody_else_has_it(gate):
    gate.acquire("acme.example", wait_seconds=60)
    before = HostLease.objects.get(host="acme.example").leased_until

    assert gate.renew("acme.example")
    assert HostLease.objects.get(host="acme.example").leased_until > before

    HostLease.objects.update(owner="another")
    assert not gate.renew("acme.example")
