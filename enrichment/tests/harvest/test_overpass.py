"""Harvests from OpenStreetMap, over HTTP, against a strict stand-in."""

from __future__ import annotations

import json

import pytest

from enrichment.clients.overpass import OverpassClient, OverpassError
from enrichment.harvest import read_overpass
from enrichment.harvest.pace import TURN_SECONDS
from enrichment.harvest.read_overpass import _area, _finer, city_question, question
from enrichment.harvest.record import Record
from enrichment.harvest.save_source import set_area
from enrichment.harvest_batch import Ending
from enrichment.harvest_models import HarvestSource
from enrichment.tests.harvest.rig import ask, make_source, outcomes, work
from leadgen_project.sandbox.loopback import LoopbackServer, Reply
from leadgen_project.sandbox.vendors.overpass import Trouble
from tenants.tests.shared_data import shared_data


def test_a_city_is_looked_up_once_and_its_places_become_leads(acme, overpass, taken):
    request = ask(make_source())

    work(request)

    assert request.status == "COMPLETED"
    assert outcomes(request) == {"TAKEN": 12}
    assert request.ending == "12 of 50 leads: OpenStreetMap lists no more of them in this city."
    kept = HarvestSource.objects.get().options["areas"]["austin"]
    assert kept["area"] == 3_600_113_314
    asked = [call.question for call in overpass.queries]
    assert [("admin" in text, "hairdresser" in text) for text in asked] == [
        (True, False), (False, True),
    ]  # fmt: skip


def test_a_second_harvest_asks_no_second_time_where_the_city_is_and_meets_nothing_new(
    acme, overpass, taken
):
    source = make_source()
    work(ask(source))

    again = ask(source)
    work(again)

    assert (outcomes(again), again.met_again) == ({}, 12)
    assert len(overpass.queries) == 3


def test_what_was_found_and_not_needed_is_there_for_the_next_harvest(acme, overpass, taken):
    source = make_source()
    first = ask(source, wanted=5)
    work(first)

    second = ask(source, wanted=50)
    work(second)

    assert outcomes(first) == {"TAKEN": 5}
    assert outcomes(second) == {"TAKEN": 7}
    assert second.met_again == 5


def test_a_record_keeps_what_the_place_says_with_licence_and_attribution(acme, overpass, taken):
    request = ask(make_source())
    work(request)

    rows = list(request.listings.order_by("position"))
    record = Record.from_json(rows[1].record, raw=rows[1].raw)

    assert record.source_id == rows[1].source_key
    assert len(record.phones) == 2
    assert record.websites == ("hairdresser-austin-2.com.test",)
    assert (record.country, record.city, record.category) == ("US", "Austin", "hairdresser")
    assert (rows[1].licence, rows[1].attribution) == ("ODbL-1.0", "© the makers")
    assert json.loads(record.raw)["tags"]["name"] == record.name


@pytest.mark.parametrize("trouble", [Trouble.SLOTS, Trouble.BUSY, Trouble.REMARK, Trouble.CUT])
def test_trouble_that_may_pass_makes_the_harvest_wait_and_lose_nothing(
    acme, overpass, taken, trouble
):
    request = ask(make_source(options={"areas": {"austin": {"area": 3_600_113_314}}}))
    overpass.trouble_next(trouble)

    report = work(request)

    assert (report.ending, request.status, request.troubles) == (Ending.LATER, "PROCESSING", 1)
    assert report.seconds >= 30
    assert "Overpass" in request.error
    assert request.not_before is not None
    type(request).objects.update(not_before=None)
    work(request)
    assert (request.status, outcomes(request)) == ("COMPLETED", {"TAKEN": 12})


def test_a_refused_query_fails_at_once_with_what_the_server_said(acme, overpass, taken):
    request = ask(make_source(options={"areas": {"austin": {"area": 3_600_113_314}}}))
    overpass.trouble_next(Trouble.FAULT)

    work(request)

    assert request.status == "FAILED"
    assert "Unexpected end of input" in request.error


def test_trouble_without_an_end_fails_after_ten_tries(acme, overpass, taken):
    request = ask(make_source(options={"areas": {"austin": {"area": 3_600_113_314}}}))

    for _ in range(10):
        overpass.trouble_next(Trouble.BUSY)
        work(request)
        type(request).objects.update(not_before=None)

    assert (request.status, request.ending) == (
        "FAILED", "Overpass answered 504: it is too busy.",
    )  # fmt: skip


def test_no_query_is_asked_while_there_is_no_slot(acme, overpass, taken):
    request = ask(make_source())
    overpass.wait_seconds = 7

    report = work(request)

    assert overpass.queries == []
    assert (report.ending, report.seconds) == (Ending.LATER, 7.0)


def test_a_slow_answer_is_waited_for(acme, overpass, taken):
    request = ask(make_source())
    overpass.trouble_next(Trouble.SLOW)

    work(request)

    assert request.status == "COMPLETED"


def test_a_city_of_which_there_are_two_is_for_a_person_to_tell(acme, overpass, taken):
    request = ask(make_source(), city="portland")

    work(request)

    assert request.status == "FAILED"
    assert "2 areas are called portland" in request.error
    assert [one["area"] for one in request.source.options["unclear"]["portland"]] == [
        3_600_132_502, 3_600_186_579,
    ]  # fmt: skip


def test_who_said_which_city_is_meant_is_asked_no_more(acme, overpass, taken):
    request = ask(make_source(), city="portland")
    work(request)

    set_area(request.source, city="Portland", relation=132_502, actor="olga")
    again = ask(HarvestSource.objects.get(pk=request.source_id), city="portland")
    work(again)

    assert again.status == "COMPLETED"
    options = again.source.options
    assert (options["areas"]["portland"]["area"], options["unclear"]) == (3_600_132_502, {})
    assert len(options["areas"]["portland"]["box"]) == 4


def test_a_state_tells_two_cities_of_one_name_apart(acme, overpass, taken):
    request = ask(make_source(), city="Portland, Maine")

    work(request)

    assert request.status == "COMPLETED"
    assert request.source.options["areas"]["portland, maine"]["area"] == 3_600_132_502


def test_a_city_is_shown_by_the_name_that_tells_it_apart():
    bounds = dict.fromkeys(("minlat", "minlon", "maxlat", "maxlon"), 1.0)
    tags = {"name": "Austin", "admin_level": "8", "wikipedia": "en:Austin, Texas"}

    found = _area({"type": "relation", "id": 113314, "bounds": bounds, "tags": tags})

    assert found["label"] == "Austin, Texas (relation 113314, level 8)"


def test_the_daily_cap_holds_and_is_no_fault_of_the_source(acme, overpass, taken):
    source = make_source(daily_cap=1)
    request = ask(source)

    report = work(request)

    assert len(overpass.queries) == 1
    assert (report.ending, request.troubles) == (Ending.LATER, 0)
    assert "the most allowed" in request.error
    source.refresh_from_db()
    assert source.asked_count == 1


def test_as_many_as_the_limit_are_asked_again_by_tag_and_by_quarter():
    assert _finer([0, 1], None) == [[[0], None], [[1], None]]
    assert _finer([0], None) == []
    assert [box for _, box in _finer([0], [0.0, 0.0, 1.0, 1.0])] == [
        [0.0, 0.0, 0.5, 0.5], [0.0, 0.5, 0.5, 1.0], [0.5, 0.0, 1.0, 0.5], [0.5, 0.5, 1.0, 1.0],
    ]  # fmt: skip
    assert _finer([0], [0.0, 0.0, 0.001, 0.001]) == []


def test_a_city_of_more_than_the_limit_is_read_whole_by_quarters(
    acme, overpass, taken, monkeypatch
):
    monkeypatch.setattr(read_overpass, "LIMIT", 20)
    spot = {"type": "node", "tags": {"shop": "hairdresser"}}
    overpass.places["austin"] = [
        {**spot, "id": number, "lat": 30.1 + number * 0.003, "lon": -97.9 + number * 0.002,
         "tags": {**spot["tags"], "name": f"Sandbox {number}"}}
        for number in range(1, 71)
    ]  # fmt: skip
    request = ask(make_source(), wanted=1000)

    work(request)

    assert outcomes(request) == {"TAKEN": 70}
    assert request.met_again == 0


@pytest.mark.parametrize("city", ['Aus"tin', "Au\\stin", "a.*", '"];out;', "St. John's\n[x]"])
def test_no_name_breaks_out_of_the_query(overpass, city):
    client = OverpassClient(overpass.url, user_agent="leadgen/0.1 (+http://x.example)")

    assert client.query(city_question(city, within="US"))["elements"] == []


def test_the_stand_in_refuses_what_the_real_one_would(overpass):
    client = OverpassClient(overpass.url, user_agent="leadgen/0.1 (+http://x.example)")
    whole = question(3_600_113_314, [("shop", "hairdresser")])

    assert len(client.query(whole)["elements"]) == 12
    for broken in (whole.replace("[out:json]", ""), whole.replace("area(", "areas("),
                   whole.replace(" 500;", ";"), "node;out;"):  # fmt: skip
        with pytest.raises(OverpassError, match="refused the query"):
            client.query(broken)


def test_helsinki_as_it_really_is_gives_the_same_leads_twice(acme, overpass, taken):
    path = shared_data() / "harvest_overpass_helsinki_dev.json"
    if not path.exists():
        pytest.skip(f"the real places are not here ({path})")
    elements = json.loads(path.read_text())["elements"]
    overpass.places["helsinki"] = elements
    ours = [f"{one['type']}/{one['id']}" for one in elements
            if one["tags"].get("amenity") in ("restaurant", "fast_food")]  # fmt: skip

    def harvest(name):
        request = ask(make_source(name=name), city="Helsinki", category="restaurant", wanted=500)
        work(request)
        rows = request.listings.order_by("position")
        return [(row.source_key, row.outcome, row.code,
                 {**row.record, "retrieved_at": ""}) for row in rows]  # fmt: skip

    first, second = harvest("one"), harvest("two")

    assert [key for key, *_ in first] == ours
    assert len(ours) == 132
    assert first == second


def test_a_city_that_was_noted_by_hand_is_given_its_bounds_and_can_be_divided(
    acme, overpass, taken, monkeypatch
):
    monkeypatch.setattr(read_overpass, "LIMIT", 5)
    source = make_source()
    set_area(source, city="Austin", relation=113314, actor="tan")
    source.refresh_from_db()

    request = ask(source)
    work(request)

    assert outcomes(request) == {"TAKEN": 12}
    kept = HarvestSource.objects.get().options["areas"]["austin"]
    assert kept["box"] == [30.1, -97.9, 30.5, -97.6]
    assert kept["label"] == "Austin (relation 113314, level 8)"
    asked = [call.question for call in overpass.queries]
    assert asked[0].endswith("rel(113314);\nout tags bb 1;")
    assert sum("out tags bb" in text for text in asked) == 1


def test_a_relation_that_is_none_ends_the_harvest_with_what_to_do(acme, overpass, taken):
    source = make_source()
    set_area(source, city="Austin", relation=7, actor="tan")
    source.refresh_from_db()

    request = ask(source)
    work(request)

    assert request.status == "FAILED"
    assert "has no relation 7 with an area" in request.error
    assert "note it under Harvest sources" in request.error


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_server_that_says_when_to_come_back_is_left_alone_by_everybody(acme, settings, status):
    def answer(request):
        return Reply(status, b"busy", "text/plain", (("Retry-After", "700"),))

    with LoopbackServer(answer) as server:
        settings.OVERPASS_URL = server.url
        one, other = ask(make_source()), ask(make_source(name="other"))

        report = work(one)
        assert (report.ending, report.seconds) == (Ending.LATER, 700.0)
        second = work(other)

    assert (second.ending, second.seconds) == (Ending.LATER, TURN_SECONDS)
    assert other.troubles == 0  # nobody was asked: our own manners forbade it
    assert "may be asked again" in other.error
