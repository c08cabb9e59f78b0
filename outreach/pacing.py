"""How fast a mailbox may send. Pure: times and counts come in, a moment comes out.

Paces keep a provider's limits and spare recipients; they disguise nothing. Limits of the providers
(Exchange Online: 10,000 recipients a day and 30 messages a minute per mailbox, Exchange team blog
4372797; Google Workspace: 2,000 a day) are far above what a person writes; ours are caps below.
Brakes are those of the large receivers: Google asks senders to stay under 0.1 % complaints and
never to reach 0.3 % (support.google.com/mail/answer/14229414).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

RAMP_FIRST_DAY = 20
RAMP_GROWTH = 1.3  # a day; 200 a day are reached on the tenth

SLOW_AT, STOP_AT = 0.02, 0.05  # share of hard bounces
BOUNCES_COUNT_FROM = 50  # mails; below, one bounce would stop a mailbox
SLOW_FACTOR = 3
COMPLAINTS_STOP_AT, COMPLAINTS_COUNT_FROM = 0.001, 1000
COMPLAINTS_A_DAY = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """What a mailbox allows itself. ``jitter``: per cent by which a gap may be longer."""

    gap_seconds: int
    jitter: int
    per_minute: int
    per_day: int
    ramp_from: date | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a mailbox's mail: counts of the last 7 days, complaints of the last 24 h."""

    sent: int = 0
    hard_bounces: int = 0
    complaints: int = 0
    complaints_today: int = 0


@dataclass(frozen=True, slots=True)
class Brake:
    """Why a mailbox slows down or stops; ``factor`` lengthens its gaps."""

    stops: bool
    factor: int
    sentence: str


NO_BRAKE = Brake(stops=False, factor=1, sentence="")


def brake(record: Record) -> Brake:
    """Whether bounces or complaints slow the mailbox down or stop it."""
    if record.complaints_today >= COMPLAINTS_A_DAY:
        return Brake(True, 1, f"{record.complaints_today} complaints within a day.")
    if record.sent >= COMPLAINTS_COUNT_FROM:
        share = record.complaints / record.sent
        if share >= COMPLAINTS_STOP_AT:
            return Brake(True, 1, f"{share:.2%} of its mail brought complaints (limit 0.1 %).")
    if record.sent >= BOUNCES_COUNT_FROM:
        share = record.hard_bounces / record.sent
        if share >= STOP_AT:
            return Brake(True, 1, f"{share:.1%} of its mail bounced for good (limit 5 %).")
        if share >= SLOW_AT:
            return Brake(False, SLOW_FACTOR, f"{share:.1%} of its mail bounced for good.")
    return NO_BRAKE


def daily_cap(pace: Pace, *, today: date) -> int:
    """The most mails of today: a new mailbox begins with 20 and grows by 30 % a day."""
    if pace.ramp_from is None or today < pace.ramp_from:
        return pace.per_day
    days = min((today - pace.ramp_from).days, 60)
    return min(pace.per_day, round(RAMP_FIRST_DAY * RAMP_GROWTH**days))


def gap(pace: Pace, *, chance: float = 0.0, factor: int = 1) -> timedelta:
    """The least time between two mails; ``chance`` (0 to 1) lengthens it up to the jitter."""
    return timedelta(seconds=pace.gap_seconds * factor * (1 + chance * pace.jitter / 100))


def numbers_asked(pace: Pace, *, today: date) -> tuple[int, int, int]:
    """Which of the last mails pace the next one: the last, a minute's and a day's cap ago."""
    return 1, pace.per_minute, daily_cap(pace, today=today)


def next_moment(
    pace: Pace,
    *,
    nth_last: Callable[[int], datetime | None],
    now: datetime,
    today: date,
    factor: int = 1,
) -> datetime:
    """When the mailbox may send next: ``now``, or the end of the gap, minute or day that is full.

    ``nth_last(n)``: the moment of the n-th last mail of the last 24 hours, those in doubt included;
    None if there were fewer. In no sliding minute or day are there more than the caps say.
    """
    waits = gap(pace, factor=factor), MINUTE, DAY
    paced = zip(numbers_asked(pace, today=today), waits, strict=True)
    moments = [at + wait for number, wait in paced if (at := nth_last(number)) is not None]
    return max([now, *moments])
