"""When a mail may go out: working hours and holidays where the recipient is. Pure.

A mail at night is read as a machine's. Holidays are the public ones of the recipient's country,
and of the state where the time zone tells it, from the package ``holidays``; a country it does not
know has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LOOK_AHEAD_DAYS = 30  # beyond any run of holidays and weekends
Span = tuple[time, time]
# Zones that lie within one state with public holidays of its own.
STATES = {
    "Australia/Sydney": ("AU", "NSW"), "Australia/Melbourne": ("AU", "VIC"),
    "Australia/Brisbane": ("AU", "QLD"), "Australia/Adelaide": ("AU", "SA"),
    "Australia/Perth": ("AU", "WA"), "Australia/Hobart": ("AU", "TAS"),
    "Australia/Darwin": ("AU", "NT"), "America/Vancouver": ("CA", "BC"),
    "America/Edmonton": ("CA", "AB"), "America/Winnipeg": ("CA", "MB"),
    "America/Regina": ("CA", "SK"), "America/St_Johns": ("CA", "NL"),
}  # fmt: skip


class WindowError(Exception):
    """Hours or a time zone that cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hours by weekday (0 is Monday), in the recipient's time; days without hours are closed."""

    hours: Mapping[int, tuple[Span, ...]]

    def next_open(self, at: datetime, *, zone: str, country: str = "") -> datetime | None:
        """The first moment from ``at`` on when a mail may go out; ``at`` itself when it may now.

        None when nothing opens within a month. Counts by the recipient's wall clock, so a change to
        or from summer time moves the moment, not the hour.
        """
        here = at.astimezone(zone_of(zone))
        for ahead in range(LOOK_AHEAD_DAYS):
            day = here.date() + timedelta(days=ahead)
            if holiday_name(country, day, zone=zone):
                continue
            for start, end in self.hours.get(day.weekday(), ()):
                opens = _moment(day, start, here)
                if at >= _moment(day, end, here):
                    continue
                return max(at, opens)
        return None


def _moment(day: date, clock: time, like: datetime) -> datetime:
    return datetime.combine(day, clock, tzinfo=like.tzinfo).astimezone(ZoneInfo("UTC"))


def parse_hours(given: Mapping[str, object]) -> Window:
    """Hours as settings hold them: ``{"monday": ["09:00-12:00", "13:00-17:30"], ...}``.

    Raises ``WindowError`` for an unknown day, a time that is none, or spans that overlap or end
    before they begin.
    """
    hours: dict[int, tuple[Span, ...]] = {}
    for name, spans in given.items():
        if name.lower() not in DAYS:
            raise WindowError(f"{name!r} is no weekday; use {', '.join(DAYS)}.")
        if not isinstance(spans, list):
            raise WindowError(f'{name}: write a list of spans such as ["09:00-17:30"].')
        parsed = sorted(_span(name, span) for span in spans)
        for (_, before), (after, _) in pairwise(parsed):
            if after < before:
                raise WindowError(f"{name}: the spans overlap at {after:%H:%M}.")
        hours[DAYS.index(name.lower())] = tuple(parsed)
    return Window(hours)


def _span(day: str, text: object) -> Span:
    start, dash, end = str(text).partition("-")
    try:
        span = time.fromisoformat(start.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise WindowError(f"{day}: {text!r} is no span such as 09:00-17:30.") from None
    if not dash or span[0] >= span[1]:
        raise WindowError(f"{day}: {text!r} ends before it begins.")
    return span


OFFICE_HOURS: dict[str, list[str]] = {day: ["09:00-17:30"] for day in DAYS[:5]}
OFFICE = parse_hours(OFFICE_HOURS)


def zone_of(name: str) -> ZoneInfo:
    """The time zone; raises ``WindowError`` for what is no IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a path, a folder, nothing
        raise WindowError(f"{name!r} is no IANA time zone such as Asia/Singapore.") from None


def holiday_name(country: str, day: date, *, zone: str = "") -> str:
    """The public holiday of ``country`` (ISO 3166 alpha-2) on ``day``, or nothing.

    Those of a state count as well, where ``zone`` lies within one of that country.
    """
    there, state = STATES.get(zone, ("", ""))
    in_state = state if there == country.upper() else ""
    known = _holidays(country.upper(), in_state, day.year) if country else None
    return known.get(day, "") if known is not None else ""


def business_days_after(start: date, *, days: int, country: str) -> date:
    """The last of ``days`` business days after ``start``: Saturdays, Sundays, holidays are none."""
    day = start
    while days:
        day += timedelta(days=1)
        if day.weekday() < 5 and not holiday_name(country, day):
            days -= 1
    return day


@lru_cache(maxsize=256)
def _holidays(country: str, state: str, year: int) -> Mapping[date, str] | None:
    if country not in holidays.list_supported_countries(include_aliases=False):
        return None
    return dict(holidays.country_holidays(country, subdiv=state or None, years=[year]))
