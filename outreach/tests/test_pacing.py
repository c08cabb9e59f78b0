"""How fast a mailbox sends: no sliding minute or day holds more than its caps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from outreach.pacing import Pace, Record, brake, daily_cap, gap, next_moment

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
PACE = Pace(gap_seconds=90, jitter=30, per_minute=5, per_day=200)


def ago(*seconds: float) -> list[datetime]:
    return sorted(NOW - timedelta(seconds=each) for each in seconds)


def nth_last_of(sent: list[datetime]) -> Callable[[int], datetime | None]:
    return lambda number: sent[-number] if number <= len(sent) else None


def moment(pace: Pace, sent: list[datetime], *, factor: int = 1) -> float:
    at = next_moment(pace, nth_last=nth_last_of(sent), now=NOW, today=TODAY, factor=factor)
    return (at - NOW).total_seconds()


def test_a_mailbox_at_rest_may_send_now():
    assert moment(PACE, []) == 0


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 90), (0.5, 103.5), (1.0, 117)])
def test_a_gap_is_only_ever_lengthened(chance, seconds):
    assert gap(PACE, chance=chance).total_seconds() == seconds


def test_the_gap_is_kept():
    assert moment(PACE, ago(30)) == 60


def test_a_brake_lengthens_the_gap():
    assert moment(PACE, ago(30), factor=3) == 240


def test_no_sliding_minute_holds_more_than_its_cap():
    quick = Pace(gap_seconds=1, jitter=0, per_minute=3, per_day=200)

    assert moment(quick, ago(50, 40, 5)) == 10


def test_no_sliding_day_holds_more_than_its_cap():
    slow = Pace(gap_seconds=1, jitter=0, per_minute=100, per_day=2)

    assert moment(slow, ago(80_000, 7_200)) == 6_400


def test_a_thousand_mails_never_break_a_cap():
    quick = Pace(gap_seconds=7, jitter=50, per_minute=4, per_day=40)
    sent: list[datetime] = []
    now = NOW
    for number in range(1000):
        recent = [at for at in sent if at > now - timedelta(days=1)]
        planned = now + gap(quick, chance=(number * 7 % 10) / 10) if sent else now
        now = next_moment(quick, nth_last=nth_last_of(recent), now=planned, today=TODAY)
        sent.append(now)

    for cap, window in ((4, 60), (40, 86_400)):
        spans = zip(sent, sent[cap:], strict=False)
        assert all((later - first).total_seconds() >= window for first, later in spans)


@pytest.mark.parametrize(("day", "cap"), [(0, 20), (1, 26), (5, 74), (9, 200), (400, 200)])
def test_a_new_mailbox_grows_into_its_cap(day, cap):
    new = Pace(90, 30, 5, 200, ramp_from=TODAY)

    assert daily_cap(new, today=TODAY + timedelta(days=day)) == cap


@pytest.mark.parametrize(
    ("record", "stops", "factor"),
    [
        (Record(sent=49, hard_bounces=49), False, 1),  # too few to judge by
        (Record(sent=1000, hard_bounces=19), False, 1),
        (Record(sent=1000, hard_bounces=20), False, 3),
        (Record(sent=1000, hard_bounces=49), False, 3),
        (Record(sent=1000, hard_bounces=50), True, 1),
        (Record(sent=999, complaints=2), False, 1),
        (Record(sent=1000, complaints=1), True, 1),
        (Record(sent=10, complaints_today=2), False, 1),
        (Record(sent=10, complaints_today=3), True, 1),
    ],
)
def test_bounces_and_complaints_slow_and_stop(record, stops, factor):
    found = brake(record)

    assert (found.stops, found.factor) == (stops, factor)
    assert bool(found.sentence) == (stops or factor > 1)
