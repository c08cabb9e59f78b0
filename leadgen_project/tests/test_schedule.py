"""No start is missed, none is doubled, whatever the clock and the clusters do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django_q.models import Schedule

from leadgen_project import schedule
from tenants.models import PipelineRun, Tenant, TenantSettings

SINGAPORE = ZoneInfo("Asia/Singapore")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SINGAPORE)


@pytest.fixture
def chosen(db):
    """acme, which existed long before, starts at 01:00; beta never starts."""
    Tenant.objects.update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    TenantSettings.objects.filter(tenant_id="beta").update(nightly_enabled=False)
    TenantSettings.objects.filter(tenant_id="acme").update(nightly_at=time(1, 0))
    return TenantSettings.objects.get(tenant_id="acme")


def nights() -> list[date]:
    return list(PipelineRun.objects.order_by("pk").values_list("night_of", flat=True))


def end_runs() -> None:
    PipelineRun.objects.filter(finished_at=None).update(
        status="FINISHED", finished_at=datetime.now(tz=UTC)
    )


def test_a_fresh_installation_ticks_every_minute_whoever_migrates_again(db):
    call_command("migrate", verbosity=0)

    assert list(Schedule.objects.values_list("func", "schedule_type", "minutes")) == [
        (schedule.TICK, Schedule.MINUTES, 1)
    ]


def test_a_night_starts_at_its_minute_in_singapore(chosen):
    assert schedule.start_due_nights(now=at(20, 0, 59)) == []

    schedule.start_due_nights(now=at(20, 1, 0))

    assert nights() == [date(2026, 11, 20)]


def test_a_second_tick_starts_nothing(chosen):
    schedule.start_due_nights(now=at(20, 1, 0))
    end_runs()

    assert schedule.start_due_nights(now=at(20, 1, 1)) == []
    assert nights() == [date(2026, 11, 20)]


def test_a_missed_night_runs_once_and_late(chosen):
    assert len(schedule.start_due_nights(now=at(20, 15))) == 1
    end_runs()
    assert schedule.start_due_nights(now=at(20, 16)) == []


def test_a_night_missed_for_too_long_is_left_out(chosen):
    assert schedule.start_due_nights(now=at(20, 0, 30) - timedelta(hours=2)) == []


def test_a_clock_that_jumps_ahead_and_back_starts_each_night_once(chosen):
    for now in (at(20, 1), at(21, 3), at(20, 2), at(21, 3), at(21, 4)):
        schedule.start_due_nights(now=now)
        end_runs()

    assert nights() == [date(2026, 11, 20), date(2026, 11, 21)]


def test_an_open_run_is_not_joined_by_a_second(chosen):
    schedule.start_due_nights(now=at(20, 1))

    assert schedule.start_due_nights(now=at(21, 1)) == []
    assert nights() == [date(2026, 11, 20)]


def test_a_tenant_made_today_does_not_get_the_night_before(chosen):
    Tenant.objects.filter(pk="acme").update(created_at=at(20, 9))

    assert schedule.start_due_nights(now=at(20, 10)) == []


def test_the_scheduler_can_be_switched_off(chosen, settings):
    settings.DISABLE_SCHEDULER = True

    schedule.tick(now=at(20, 1))

    assert nights() == []


def test_a_tenant_that_is_switched_off_does_not_start(chosen):
    Tenant.objects.filter(pk="acme").update(is_active=False)

    assert schedule.start_due_nights(now=at(20, 1)) == []


def test_the_next_start_is_told_in_the_nightly_zone(chosen):
    assert schedule.next_start(chosen, now=at(20, 0, 30)) == at(20, 1)
    assert schedule.next_start(chosen, now=at(20, 1)) == at(21, 1)


def test_a_tick_that_a_wrong_clock_put_into_the_future_is_brought_back(db):
    now = at(20, 12)
    Schedule.objects.update(next_run=now + timedelta(hours=26))

    schedule.mend_schedule(now=now)

    assert Schedule.objects.get().next_run == now


def test_a_tick_that_is_due_soon_stays(db):
    soon = at(20, 12) + timedelta(seconds=50)
    Schedule.objects.update(next_run=soon)

    schedule.mend_schedule(now=at(20, 12))

    assert Schedule.objects.get().next_run == soon
