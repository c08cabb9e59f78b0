"""The pages in hand share the memory there is, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from enrichment.web.memory import ORDINARY_BYTES, Room, weight

BIG = 10 * ORDINARY_BYTES


def test_a_long_page_weighs_several_times_its_bytes():
    assert 8_000_000 < weight(b"x" * 1_400_000, tags=25_000) < 14_000_000


def test_ordinary_pages_and_pages_outside_a_look_never_wait():
    room = Room(limit_bytes=0)

    assert room.take(10 * BIG) == 0
    with room.look():
        assert room.take(ORDINARY_BYTES - 1) == 0


def test_a_second_look_waits_until_the_first_has_ended():
    room, order = Room(limit_bytes=BIG), []
    first_has_it = threading.Event()

    def second() -> float:
        first_has_it.wait()
        with room.look():
            waited = room.take(BIG)
            order.append("second")
            return waited

    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(second)
        with room.look():
            room.take(BIG)
            first_has_it.set()
            while not room._changed._waiters:
                time.sleep(0.01)
            time.sleep(0.2)
            room.take(BIG)  # whoever came first is never held up
            order.append("first")
        assert later.result(60) >= 0.2
    assert order == ["first", "second"]


def test_many_looks_that_each_want_more_than_there_is_all_come_to_their_end():
    room = Room(limit_bytes=2 * BIG)

    def look(_: int) -> int:
        with room.look():
            for _page in range(6):
                room.take(BIG)
        return 1

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(look, range(64))) == 64


def test_a_look_that_breaks_off_gives_its_room_back():
    room = Room(limit_bytes=BIG)

    def break_off() -> None:
        with room.look():
            room.take(BIG)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        break_off()
    with room.look():
        assert room.take(BIG) < 1
