"""The register is looked after by itself, once an interval, where it came from the service."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from acra.download import fetch_register
from acra.keep_up import call_if_due, next_look
from acra.models import RegisterImport
from acra.tasks import look_for_release
from leadgen_project import schedule
from leadgen_project.sandbox.data_gov_sg import DataGovSg
from leadgen_project.sandbox.register import LETTERS, write_split

LOOK = "acra.tasks.look_for_release"
DAY = timedelta(hours=24)


@pytest.fixture
def service(db, tmp_path, settings):
    write_split(tmp_path / "release", count=30)
    with DataGovSg(tmp_path / "release") as running:
        running.settings.polls_before_url = 0
        running.settings.missing_letters = frozenset(LETTERS) - {"A", "Others"}
        settings.DATA_GOV_SG_BASE_URL = running.url
        settings.DATA_DIR = tmp_path
        yield running


def loaded(*, ago: timedelta, dataset: str, status: str = "FINISHED") -> RegisterImport:
    return RegisterImport.objects.create(
        source="data.gov.sg", dataset=dataset, status=status, started_at=timezone.now() - ago
    )


def queued() -> list[str]:
    return [row.task["func"] for row in OrmQ.objects.order_by("pk")]


def test_a_register_from_files_is_not_replaced_unasked(db):
    loaded(ago=DAY * 30, dataset="")

    assert next_look() is None
    assert not call_if_due(now=timezone.now())


@pytest.mark.parametrize("status", ["UNCHANGED", "FAILED"])
def test_a_look_is_due_an_interval_after_the_last_one_whatever_came_of_it(db, settings, status):
    settings.REGISTER_INTERVAL_HOURS = 6
    loaded(ago=DAY, dataset=settings.RESOURCE_ID)
    last = loaded(ago=timedelta(hours=1), dataset=settings.RESOURCE_ID, status=status)

    due = last.started_at + timedelta(hours=6)

    assert next_look() == due
    assert not call_if_due(now=due - timedelta(seconds=1))
    assert call_if_due(now=due)


def test_the_minutes_tick_queues_a_look_unless_the_scheduler_is_off(db, settings):
    loaded(ago=DAY * 2, dataset=settings.RESOURCE_ID)

    settings.DISABLE_SCHEDULER = True
    schedule.tick()
    assert LOOK not in queued()
    settings.DISABLE_SCHEDULER = False
    schedule.tick()

    assert queued().count(LOOK) == 1


def test_a_look_queued_twice_asks_the_service_once(service):
    fetch_register(now=timezone.now() - DAY * 2, actor="tests")
    service.calls.clear()

    look_for_release()
    look_for_release()

    newest = RegisterImport.objects.order_by("-pk").first()
    assert (newest.status, newest.actor) == ("UNCHANGED", "schedule")
    assert [call.endpoint for call in service.calls] == ["collection"]
