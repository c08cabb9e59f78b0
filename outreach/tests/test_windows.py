"""When a mail may go out, by the recipient's wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from outreach.windows import (
    OFFICE,
    STATES,
    WindowError,
    business_days_after,
    holiday_name,
    parse_hours,
    zone_of,
)

SINGAPORE, AUSTIN, LONDON = "Asia/Singapore", "America/Chicago", "Europe/London"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-24 01:00", "2026-11-24 01:00"),  # Tuesday 09:00 in Singapore: now
        ("2026-11-24 00:59", "2026-11-24 01:00"),
        ("2026-11-24 09:29", "2026-11-24 09:29"),  # 17:29
        ("2026-11-24 09:30", "2026-11-25 01:00"),  # 17:30 is over
        ("2026-11-20 12:00", "2026-11-23 01:00"),  # Friday night: Monday
    ],
)
def test_mail_goes_out_in_working_hours_of_the_recipient(at, opens):
    assert OFFICE.next_open(utc(at), zone=SINGAPORE, country="SG") == utc(opens)


def test_a_holiday_holds_the_recipients_there_and_nobody_elsewhere():
    new_year = utc("2026-02-17 02:00")  # Chinese New Year, 10:00 in Singapore

    assert holiday_name("SG", date(2026, 2, 17))
    assert OFFICE.next_open(new_year, zone=SINGAPORE, country="SG") == utc("2026-02-19 01:00")
    austin = utc("2026-02-17 16:00")
    assert OFFICE.next_open(austin, zone=AUSTIN, country="US") == austin


def test_a_states_holiday_holds_the_recipients_of_that_state_alone():
    cup_day = utc("2026-11-03 01:00")  # noon in Melbourne and Sydney

    assert holiday_name("AU", date(2026, 11, 3), zone="Australia/Melbourne") == "Melbourne Cup Day"
    held = OFFICE.next_open(cup_day, zone="Australia/Melbourne", country="AU")
    assert held == utc("2026-11-03 22:00")
    assert OFFICE.next_open(cup_day, zone="Australia/Sydney", country="AU") == cup_day


@pytest.mark.parametrize(("zone", "where"), STATES.items())
def test_each_state_is_one_the_package_knows(zone, where):
    assert holiday_name(where[0], date(2026, 1, 1), zone=zone)
    assert holiday_name("SG", date(2026, 2, 17), zone=zone)  # of another country: its own alone


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-03-27 18:00", "2026-03-30 08:00"),  # summer time began on Sunday 29 March
        ("2026-10-23 18:00", "2026-10-26 09:00"),  # and ended on 25 October
    ],
)
def test_the_hour_stays_when_clocks_change(at, opens):
    assert OFFICE.next_open(utc(at), zone=LONDON, country="GB") == utc(opens)


def test_a_day_may_have_a_break():
    window = parse_hours({"monday": ["13:00-17:00", "09:00-12:00"]})

    assert window.next_open(utc("2026-11-23 04:30"), zone=SINGAPORE) == utc("2026-11-23 05:00")


def test_a_window_that_never_opens_says_so():
    assert parse_hours({}).next_open(utc("2026-11-23 04:30"), zone=SINGAPORE) is None


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ({"moonday": []}, "'moonday' is no weekday"),
        ({"monday": "09:00-17:00"}, "write a list"),
        ({"monday": ["9 to 5"]}, "is no span"),
        ({"monday": ["17:00-09:00"]}, "ends before it begins"),
        ({"monday": ["09:00-12:00", "11:00-13:00"]}, "overlap at 11:00"),
    ],
)
def test_hours_that_make_no_sense_are_named(hours, says):
    with pytest.raises(WindowError, match=says):
        parse_hours(hours)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Asia"])
def test_a_time_zone_that_is_none_is_named(name):
    with pytest.raises(WindowError, match="is no IANA time zone"):
        zone_of(name)


def test_business_days_leave_out_weekends_and_holidays():
    # Friday 13 February 2026; 17 and 18 February are Chinese New Year.
    assert business_days_after(date(2026, 2, 13), days=10, country="SG") == date(2026, 3, 3)
