"""Harvest requests: what is checked, how they move, and that nothing is lost or doubled."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from enrichment.harvest.ask_for import MOST_WANTED, HarvestError, ask_for
from enrichment.harvest.call import call_due
from enrichment.harvest.claim import Status, claim, end, hold_longer
from enrichment.harvest.counts import progress_of
from enrichment.harvest.decide import DecisionError, cancel, pause, resume
from enrichment.harvest.pace import Pace
from enrichment.harvest.reading import NotNowError
from enrichment.harvest_batch import MAX_DEATHS, Ending, work_on
from enrichment.harvest_models import HarvestFile, HarvestRequest, HarvestSource, Listing
from enrichment.tests.harvest.rig import (
    ask,
    make_source,
    outcomes,
    take_plainly,
    taking,
    work,
)
from tenants.clock import database_now
from tenants.models import AuditEvent


def wish(**changes):
    values = {"city": "austin", "wanted": 50, "actor": "tan", "now": database_now(), **changes}
    return ask_for(**values)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"city": "atlantis"}, "city"), ({"city": " "}, "city"), ({"wanted": 0}, "numLeads"),
        ({"wanted": MOST_WANTED + 1}, "numLeads"), ({"category": "moon"}, "category"),
        ({"template_id": 9, "template_fault": lambda _: "There is none."}, "templateId"),
    ],
)  # fmt: skip
def test_what_cannot_be_harvested_is_refused_by_the_name_of_the_field(acme, changes, field):
    make_source()

    with pytest.raises(HarvestError) as refusal:
        wish(**changes)

    assert refusal.value.field == field
    assert not HarvestRequest.objects.exists()


def test_a_source_is_asked_only_when_it_is_on_not_paused_and_has_the_city(acme):
    with pytest.raises(HarvestError, match="There is none yet"):
        wish()
    off = make_source(name="off", is_enabled=False)
    with pytest.raises(HarvestError, match="off is off: record its terms"):
        wish()
    paused = make_source(name="rests", paused_at=database_now(), pause_reason="Too many walls.")
    with pytest.raises(HarvestError, match="rests is paused: Too many walls"):
        wish(source=paused)
    make_source("HTML_LIST", name="other city", options={"city_map": {"Dallas": "d"}})
    make_source("OVERTURE", name="no file")
    with pytest.raises(HarvestError):
        wish()
    good = make_source(name="good")

    assert wish().source == good
    assert off.requests.count() == 0


def test_without_a_category_any_business_counts(acme):
    make_source()

    assert wish().category == "business"
    assert wish(category="Car repair").category == "car_repair"


def test_each_transition_is_in_the_audit_with_who_and_why(acme, overpass, taken):
    request = ask(make_source())
    pause(request, actor="tan", reason="lunch", now=database_now())
    resume(request, actor="lim")
    work(request)

    events = AuditEvent.objects.filter(subject=f"harvest {request.pk}").order_by("pk")

    assert [(event.action.partition(".")[2], event.actor) for event in events] == [
        ("ask_for_harvest", "tan"), ("pause_harvest", "tan"), ("resume_harvest", "lim"),
        ("begin_harvest", "harvest"), ("end_harvest", "harvest"),
    ]  # fmt: skip
    assert events[1].reason == "lunch"


def test_a_paused_harvest_asks_nobody_until_it_is_resumed(acme, overpass, taken):
    request = ask(make_source())
    pause(request, actor="tan", reason="", now=database_now())

    assert work(request).ending is Ending.DONE
    assert overpass.queries == []
    resume(request, actor="tan")
    work(request)
    assert request.status == "COMPLETED"


def test_a_harvest_paused_or_cancelled_meanwhile_ends_after_the_entry_in_hand(
    acme, overpass, monkeypatch
):
    for decide in (pause, cancel):
        request = ask(make_source(name=decide.__name__))
        taken = []

        def take(listing, decide=decide, request=request, taken=taken):
            take_plainly(listing)
            taken.append(listing.pk)
            if len(taken) == 2:
                decide(HarvestRequest.objects.get(pk=request.pk), actor="tan", reason="",
                       now=database_now())  # fmt: skip

        taking(monkeypatch, take)
        work(request)

        assert outcomes(request) == {"TAKEN": 2, "FOUND": 10}
        assert request.held_until is None


def test_what_is_over_is_neither_paused_nor_resumed_nor_cancelled(acme):
    request = ask(make_source())
    with pytest.raises(DecisionError, match="not paused"):
        resume(request, actor="tan")
    cancel(request, actor="tan", reason="", now=database_now())

    for decide in (pause, cancel):
        with pytest.raises(DecisionError, match="the harvest is cancelled"):
            decide(request, actor="tan", reason="", now=database_now())


def test_a_held_harvest_is_nobody_elses_and_a_dead_workers_is_taken_over(acme):
    request = ask(make_source())
    first = claim(request.pk)

    assert claim(request.pk) is None
    HarvestRequest.objects.update(held_until=database_now())
    second = claim(request.pk)

    assert (first.lease, second.lease) == (1, 2)


def test_a_worker_that_slept_past_its_lease_writes_nothing(acme, overpass, taken):
    request = ask(make_source())
    slow = claim(request.pk)
    HarvestRequest.objects.update(held_until=database_now())
    work(request)
    assert not hold_longer(slow)
    assert not end(slow, Status.FAILED, sentence="late")
    request.refresh_from_db()
    assert request.status == "COMPLETED"


def test_an_entry_over_which_workers_die_is_put_aside_and_the_rest_is_taken(
    acme, overpass, monkeypatch
):
    request = ask(make_source())

    def take(listing):
        if listing.position == 3:
            raise MemoryError
        take_plainly(listing)

    taking(monkeypatch, take)
    for _ in range(MAX_DEATHS + 2):
        try:
            work(request)
        except MemoryError:
            HarvestRequest.objects.update(held_until=None)

    assert request.status == "COMPLETED"
    assert outcomes(request) == {"TAKEN": 11, "REFUSED": 1}
    assert request.listings.get(outcome="REFUSED").code == "broke_off"


def test_a_source_whose_reading_kills_workers_fails_with_a_sentence(acme, overpass):
    class Deadly:
        def read(self, wish, *, cursor):
            raise MemoryError

    request = ask(make_source())
    for _ in range(MAX_DEATHS):
        with pytest.raises(MemoryError):
            work_on(request.pk, reader=Deadly())
        HarvestRequest.objects.update(held_until=None)

    work(request, reader=Deadly())

    assert request.status == "FAILED"
    assert "workers died" in request.ending


def test_a_batch_ends_when_the_worker_is_to_stop_and_the_next_goes_on(acme, overpass, taken):
    request = ask(make_source())

    endings = [work_on(request.pk, stopping=lambda: True).ending for _ in range(4)]

    assert endings == [Ending.AGAIN] * 4
    assert outcomes(request) == {"TAKEN": 2, "FOUND": 10}
    work(request)
    assert outcomes(request) == {"TAKEN": 12}


def test_numbers_of_a_harvest_add_up_and_all_are_read_at_once(
    acme, overpass, monkeypatch, django_assert_num_queries
):
    ends = {1: "DUPLICATE", 2: "SUPPRESSED", 3: "REFUSED", 4: "WALLED"}

    def take(listing):
        outcome = ends.get(listing.position, "TAKEN")
        Listing.objects.filter(pk=listing.pk).update(outcome=outcome, code=outcome.lower())

    taking(monkeypatch, take)
    first, second = ask(make_source()), ask(make_source(name="two"), category="plumber")
    work(first)

    with django_assert_num_queries(1):
        found = progress_of([first, second])

    one = found[first.pk]
    parts = (one.taken, one.duplicate, one.walled, one.suppressed, one.refused, one.waiting)
    assert parts == (8, 1, 1, 1, 1, 0)
    assert sum(parts) == one.met
    assert one.percent == 16
    assert one.reasons == {"duplicate": 1, "refused": 1, "suppressed": 1, "walled": 1}
    assert found[second.pk].met == 0


def test_only_harvests_that_wait_are_called(acme, overpass):
    source = make_source()
    waiting, paused, ended = (ask(source) for _ in range(3))
    pause(paused, actor="tan", reason="", now=database_now())
    cancel(ended, actor="tan", reason="", now=database_now())

    assert call_due(now=database_now()) == 1
    claim(waiting.pk)
    assert call_due(now=database_now()) == 0


def test_the_daily_cap_begins_anew_each_day(acme):
    source = make_source(daily_cap=2)
    today = database_now()
    pace = Pace(source)
    pace.spend(now=today)
    pace.spend(now=today)

    with pytest.raises(NotNowError) as refusal:
        pace.spend(now=today)

    assert 0 < refusal.value.retry_after <= 86_400
    pace.spend(now=today.replace(year=today.year + 1))


@pytest.mark.parametrize("missing", ["terms_url", "allowed_use", "terms_read_by", "licence"])
def test_the_database_enables_no_source_without_its_terms(acme, missing):
    with (
        pytest.raises(IntegrityError, match="source_enabled_only_with_terms"),
        transaction.atomic(),
    ):
        make_source(**{missing: ""})


def test_the_database_keeps_a_file_once(acme):
    source = make_source("OVERTURE")
    values = {"source": source, "file_name": "a", "sha256": "0" * 64, "content": b"",
              "size_bytes": 0, "entry_count": 0, "uploaded_by": "tan"}  # fmt: skip
    HarvestFile.objects.create(**values)

    with pytest.raises(IntegrityError, match="harvest_file_once"), transaction.atomic():
        HarvestFile.objects.create(**values)


def test_the_database_knows_an_entry_of_a_source_once(acme):
    request = ask(make_source())
    values = {"source": request.source, "source_key": "node/1", "request": request, "position": 1}
    Listing.objects.create(**values)

    with pytest.raises(IntegrityError, match="listing_once_per_source"), transaction.atomic():
        Listing.objects.create(**values)
    assert HarvestSource.objects.count() == 1
