import time
from itertools import pairwise

import pytest

from enrichment.web import turns
from enrichment.web.gate import InProcessGate
from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.turns import Turn

HOST = "acme.example"


class NotedGate(InProcessGate):
    """Notes what was asked of it."""

    def __init__(self, *, is_kept: bool = True) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._is_kept = is_kept

    def acquire(self, host: str, *, wait_seconds: float) -> None:
        super().acquire(host, wait_seconds=wait_seconds)
        self.asked.append(f"take {host}")

    def renew(self, host: str) -> bool:
        self.asked.append(f"renew {host}")
        return self._is_kept

    def release(self, host: str, *, gap_seconds: float) -> None:
        super().release(host, gap_seconds=gap_seconds)
        self.asked.append(f"give back {host}")


def test_one_turn_serves_all_requests_to_a_host_with_the_gap_between_them():
    gate, times = NotedGate(), []
    turn = Turn(gate)
    for _ in range(3):
        turn.take(HOST, wait_seconds=5)
        times.append(time.monotonic())
        turn.pause(gap_seconds=0.05)
    turn.give_back()

    assert gate.asked == [f"take {HOST}", f"give back {HOST}"]
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(times))


def test_others_wait_for_the_rest_of_the_gap_after_the_last_request():
    gate = NotedGate()
    turn = Turn(gate)
    turn.take(HOST, wait_seconds=5)
    turn.pause(gap_seconds=0.1)
    ended = time.monotonic()
    turn.give_back()

    gate.acquire(HOST, wait_seconds=5)

    assert time.monotonic() - ended >= 0.1


def test_a_crawl_holds_one_turn_at_a_time():
    gate = NotedGate()
    turn = Turn(gate)
    turn.take(HOST, wait_seconds=5)
    turn.take("www." + HOST, wait_seconds=5)
    turn.give_back()
    turn.give_back()

    assert gate.asked == [
        f"take {HOST}", f"give back {HOST}", f"take www.{HOST}", f"give back www.{HOST}",
    ]  # fmt: skip


@pytest.mark.parametrize("is_kept", [True, False])
def test_an_old_turn_is_renewed_or_taken_anew(monkeypatch, is_kept):
    monkeypatch.setattr(turns, "RENEW_AFTER_SECONDS", 0.0)
    gate = NotedGate(is_kept=is_kept)
    turn = Turn(gate)
    turn.take(HOST, wait_seconds=5)
    turn.take(HOST, wait_seconds=5)

    anew = [] if is_kept else [f"give back {HOST}", f"take {HOST}"]
    assert gate.asked == [f"take {HOST}", f"renew {HOST}", *anew]


def test_a_gap_longer_than_the_crawl_has_time_for_is_refused_at_once():
    turn = Turn(InProcessGate())
    turn.take(HOST, wait_seconds=5)
    turn.pause(gap_seconds=60)

    with pytest.raises(NotFetchedError) as refused:
        turn.take(HOST, wait_seconds=5)

    assert refused.value.reason is Reason.HOST_BUSY
