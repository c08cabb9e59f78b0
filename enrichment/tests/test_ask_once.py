"""Nobody of a tenant pays twice for one question."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from enrichment import ask_once as module
from enrichment.ask_once import (
    KEPT_FOR,
    AnswerLostError,
    AnswerUnderWayError,
    ask_once,
    hash_of,
    known_answers,
)
from enrichment.models import VendorAnswer
from enrichment.purge import purge_pages
from leadgen_project.sandbox.vendors import tavily
from leadgen_project.sandbox.vendors.stand_in import Fault
from leadgen_project.sandbox.vendors.tavily import TavilyStandIn
from tenants.context import in_public, in_tenant
from tenants.permits import BudgetExhaustedError, Purpose, Vendor, VendorError
from tenants.vendor_models import VendorBudget, VendorUsage

QUESTION = {"query": "KOLINA WIDGETS Singapore"}
FOR = Purpose("search", run_id=1, lead_id=5)


@pytest.fixture
def keyed(acme, settings):
    settings.VENDOR_KEYS = {vendor: f"key-of-{vendor}" for vendor in Vendor}
    return acme


class Vendors:
    """Answers, and counts how often it was asked."""

    def __init__(self, answer=None, *, error: Exception | None = None) -> None:
        self.answer, self.error, self.asked = answer or {"hits": []}, error, 0

    def __call__(self, permit):
        permit.use(Vendor.TAVILY)
        self.asked += 1
        if self.error:
            raise self.error
        permit.settle(1)
        return self.answer


def ask(vendor, *, question=QUESTION, purpose=FOR, **options):
    return ask_once(Vendor.TAVILY, question, ask=vendor, units=1, purpose=purpose, **options)


def test_the_second_time_the_answer_is_there_already(keyed):
    vendor = Vendors({"hits": ["a"]})

    first, second = ask(vendor), ask(vendor, purpose=Purpose("search", run_id=2, lead_id=6))

    assert vendor.asked == 1
    assert (first.answer, first.is_new) == ({"hits": ["a"]}, True)
    assert (second.answer, second.is_new, second.call_id) == ({"hits": ["a"]}, False, first.call_id)
    assert VendorUsage.objects.get().pk == first.call_id


def test_after_thirty_days_it_is_asked_again(keyed):
    vendor = Vendors()
    ask(vendor, now=lambda: timezone.now() - KEPT_FOR - timedelta(minutes=1))

    assert ask(vendor).is_new
    assert vendor.asked == 2
    assert VendorAnswer.objects.count() == 1


def test_an_error_leaves_nothing_behind(keyed):
    with pytest.raises(VendorError):
        ask(Vendors(error=VendorError("no")))

    assert not VendorAnswer.objects.exists()
    assert ask(Vendors()).is_new


def test_no_budget_leaves_nothing_behind(keyed):
    VendorBudget.objects.create(tenant_id="acme", vendor=Vendor.TAVILY, daily_units=0)

    with pytest.raises(BudgetExhaustedError):
        ask(Vendors())

    assert not VendorAnswer.objects.exists()


def test_what_another_worker_is_asking_is_waited_for_and_then_left(keyed, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.3)
    hold()

    with pytest.raises(AnswerUnderWayError):
        ask(vendor := Vendors())

    assert vendor.asked == 0


def test_a_worker_that_died_before_it_called_left_nothing_to_fear(keyed):
    hold(until=timedelta(seconds=-1))

    assert ask(Vendors()).is_new


@pytest.mark.parametrize("outcome", ["RESERVED", "UNKNOWN", "SETTLED"])
def test_an_answer_lost_with_its_worker_is_not_paid_for_twice(keyed, outcome):
    call = ledger_entry(outcome)
    hold(until=timedelta(seconds=-1), call_id=call.pk)

    with pytest.raises(AnswerLostError, match=f"call {call.pk}"):
        ask(vendor := Vendors())

    assert vendor.asked == 0


def test_whoever_took_over_the_lead_need_not_wait_for_the_dead(keyed):
    hold(call_id=ledger_entry("REFUNDED").pk, lead_id=FOR.lead_id)

    assert ask(Vendors()).is_new


def test_the_next_night_asks_again_for_what_was_lost(keyed):
    call = ledger_entry("RESERVED", at=timezone.now() - timedelta(hours=21))
    hold(until=timedelta(hours=-20), call_id=call.pk)

    assert ask(Vendors()).is_new


def test_the_cache_says_what_it_knows(keyed):
    ask(Vendors({"hits": ["a"]}))

    hashes = {hash_of(QUESTION), "else"}
    known = known_answers(Vendor.TAVILY, hashes, now=timezone.now())
    assert [told.answer for told in known.values()] == [{"hits": ["a"]}]
    assert known_answers(Vendor.LUSHA, hashes, now=timezone.now()) == {}


def test_an_answer_that_ends_tonight_is_not_counted_on(keyed):
    ask(Vendors(), now=lambda: timezone.now() - KEPT_FOR + timedelta(hours=3))

    assert known_answers(Vendor.TAVILY, {hash_of(QUESTION)}, now=timezone.now()) == {}


def test_old_answers_are_let_go(keyed):
    ask(Vendors(), now=lambda: timezone.now() - timedelta(days=31))
    ask(Vendors(), question={"query": "other"})

    report = purge_pages(keep_days=180, now=timezone.now())

    assert report.answers == 1
    assert VendorAnswer.objects.get().question == {"query": "other"}


def test_an_answer_without_its_time_is_refused(keyed):
    with pytest.raises(IntegrityError, match="vendor_answered_iff_asked_at"):
        VendorAnswer.objects.create(vendor="TAVILY", question_hash="x", question={}, answer={})


def test_one_question_has_one_row(keyed):
    VendorAnswer.objects.create(vendor="TAVILY", question_hash="x", question={})

    with pytest.raises(IntegrityError, match="vendor_asked_once_per_question"):
        VendorAnswer.objects.create(vendor="TAVILY", question_hash="x", question={})


def hold(*, until: timedelta = timedelta(minutes=5), **fields) -> None:
    """A row as another process left it."""
    VendorAnswer.objects.create(
        vendor=Vendor.TAVILY, question_hash=hash_of(QUESTION), question=QUESTION,
        held_until=timezone.now() + until, held_by="elsewhere:1", **fields,
    )  # fmt: skip


def ledger_entry(outcome: str, **fields) -> VendorUsage:
    values = {
        "tenant_id": "acme", "vendor": Vendor.TAVILY, "purpose": "search", "own_key": False,
        "day": timezone.now().date(), "reserved_units": 1, "reserved_micros": 8000, "units": 1,
        "micros": 8000, "outcome": outcome, **fields,
    }  # fmt: skip
    with in_public():
        return VendorUsage.objects.create(**values)


def search(url: str):
    """The paid call as the step makes it."""
    from enrichment.clients.tavily import TavilyClient

    return lambda permit: {
        "hits": [hit.url for hit in TavilyClient(url, seconds=20).search(permit, "KOLINA").hits]
    }


def test_workers_with_one_question_ask_once(committed, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, tavily.KEY)
    found = []
    with TavilyStandIn(slow_seconds=1.0) as server:
        server.fail_next(Fault.SLOW)

        def work() -> None:
            with in_tenant("acme"):
                found.append(ask(search(server.url), purpose=Purpose("search")))
            connection.close()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)

    assert (len(found), server.charged) == (4, 1)
    assert sorted(told.is_new for told in found) == [False, False, False, True]


ASK_AND_DIE = """
import django
django.setup()
from enrichment.tests.test_ask_once import ask, search
from tenants.context import in_tenant
with in_tenant("acme"):
    ask(search("{url}"))
"""


def test_a_worker_killed_while_it_waits_for_a_paid_answer_costs_no_second_call(committed, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, tavily.KEY)
    with TavilyStandIn(slow_seconds=15.0) as server:
        server.fail_next(Fault.SLOW)
        env = {**committed.env, "TAVILY_API_KEY": tavily.KEY, "TAVILY_BASE_URL": server.url,
               "DJANGO_SETTINGS_MODULE": "leadgen_project.settings"}  # fmt: skip
        child = subprocess.Popen([sys.executable, "-c", ASK_AND_DIE.format(url=server.url)],
                                 env=env, cwd=settings.BASE_DIR)  # fmt: skip
        wait_for(lambda: server.charged == 1, child)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

        with in_tenant("acme"), pytest.raises(AnswerLostError):
            ask(search(server.url))
        charged = server.charged
    with in_public():
        entry = VendorUsage.objects.get()

    assert charged == 1
    assert (entry.outcome, entry.units) == ("RESERVED", 1)


def wait_for(condition, child) -> None:
    for _ in range(2400):
        if condition():
            return
        assert child.poll() is None, "the worker ended by itself"
        threading.Event().wait(0.05)
    raise AssertionError("it never came to that")
