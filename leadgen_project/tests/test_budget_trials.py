"""Eight processes, one budget, a vendor that fails and kills at random: never a unit too much."""

from __future__ import annotations

import pytest

from leadgen_project.tests.spending import BUDGET, KEY, spenders, try_budget
from tenants.permits import Vendor


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
        trials = [try_budget(crew, run_id=number, seed=1000 + number) for number in range(1, 31)]

    assert [trial for trial in trials if not trial.holds] == []


def test_more_calls_than_a_window_takes_wait_across_processes(committed, keyed):
    calls, seconds = 5, 2
    with spenders(committed.env, calls=calls, seconds=seconds) as crew:
        crew.start(run_id=1, processes=4, calls=4, patience=30)
        crew.wait()
        times = sorted(call.at for call in crew.vendor.calls)

    assert len(times) == 16
    gaps = [late - early for early, late in zip(times, times[calls:], strict=False)]
    assert min(gaps) >= seconds
