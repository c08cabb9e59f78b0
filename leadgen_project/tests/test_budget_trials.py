"""Eight processes, one budget, a vendor that fails and kills at random: never a unit too much."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from leadgen_project.tests.spending import BUDGET, KEY, none_came_early, spenders, try_budget
from tenants.context import in_public, in_tenant
from tenants.paid import balances, governor
from tenants.paid.governor import Purpose
from tenants.permits import Vendor
from tenants.vendor_models import VendorUsage


@pytest.fixture
def keyed(settings):
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.TAVILY: KEY}


def test_a_budget_holds_under_eight_processes_faults_and_kills(committed, keyed):
    with spenders(committed.env) as crew:
        trials = [try_budget(crew, run_id=number, seed=number) for number in range(1, 4)]

    assert [trial for trial in trials if not trial.holds] == []
    assert max(trial.booked for trial in trials) == BUDGET


@pytest.mark.slow
def test_a_budget_holds_in_many_trials(committed, keyed):
    with spenders(committed.env) as crew:
        trials = [try_budget(crew, run_id=number, seed=1000 + number) for number in range(1, 9)]

    assert [trial for trial in trials if not trial.holds] == []


def test_more_calls_than_a_window_takes_wait_across_processes(committed, keyed):
    calls, seconds = 5, 2
    with spenders(committed.env, calls=calls, seconds=seconds) as crew:
        crew.start(run_id=1, processes=4, calls=4, patience=120)
        crew.wait()

    with in_public():  # turns by the clock that gives them
        due = sorted(VendorUsage.objects.filter(run_id=1).values_list("due_at", flat=True))
    assert len(due) == 16
    gaps = [late - early for early, late in zip(due, due[calls:], strict=False)]
    assert min(gaps) >= timedelta(seconds=seconds)
    assert none_came_early(crew.vendor.calls, due)


def test_a_call_is_settled_though_the_database_was_lost_while_the_vendor_answered(
    committed, keyed, django_db_blocker
):
    with (
        django_db_blocker.unblock(),
        in_tenant("acme"),
        governor.permit(Vendor.TAVILY, units=2, purpose=Purpose("a test", run_id=1)) as granted,
    ):
        granted.use(Vendor.TAVILY)
        backend = connection.connection.info.backend_pid
        with connection._nodb_cursor() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [backend])
        granted.settle(1)

    with django_db_blocker.unblock(), in_public():
        entry = VendorUsage.objects.get()
        assert (entry.outcome, entry.units) == ("SETTLED", 1)
        assert balances.drift() == []
