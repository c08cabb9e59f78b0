"""The gate of one process: one at a time per host, with a gap, and no waiting in vain."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest

from enrichment.web.gate import InProcessGate
from enrichment.web.pages import NotFetchedError, Reason


def test_one_host_is_asked_by_one_thread_at_a_time_with_a_gap_between():
    gate = InProcessGate()
    spans = []

    def ask():
        for _ in range(3):
            gate.acquire("acme.example", wait_seconds=60)
            began = time.monotonic()
            time.sleep(0.01)
            spans.append((began, time.monotonic()))
            gate.release("acme.example", gap_seconds=0.05)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    spans.sort()
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(spans)]
    assert len(spans) == 12
    assert min(gaps) >= 0.05


def test_another_host_does_not_wait():
    gate = InProcessGate()
    gate.acquire("a.example", wait_seconds=1)
    began = time.monotonic()

    gate.acquire("b.example", wait_seconds=600)

    assert time.monotonic() - began < 60


def test_a_turn_that_comes_too_late_is_refused_at_once():
    gate = InProcessGate()
    gate.acquire("acme.example", wait_seconds=1)
    gate.release("acme.example", gap_seconds=3600)
    began = time.monotonic()

    with pytest.raises(NotFetchedError) as refused:
        gate.acquire("acme.example", wait_seconds=600)

    assert refused.value.reason is Reason.HOST_BUSY
    assert time.monotonic() - began < 60


def test_a_host_that_is_never_given_back_is_given_up_in_time():
    gate = InProcessGate()
    gate.acquire("acme.example", wait_seconds=1)
    began = time.monotonic()

    with pytest.raises(NotFetchedError):
        gate.acquire("acme.example", wait_seconds=0.1)

    assert 0.1 <= time.monotonic() - began < 60
