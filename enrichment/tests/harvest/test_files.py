"""Harvests from files: Overture places and open data."""

from __future__ import annotations

import json
import zlib
from hashlib import sha256

from enrichment.harvest_models import HarvestFile
from enrichment.tests.harvest.rig import ask, make_source, outcomes, work


def give(source, text):
    content = text.encode()
    return HarvestFile.objects.create(
        source=source, file_name="places", sha256=sha256(content).hexdigest(),
        content=zlib.compress(content), size_bytes=len(content), entry_count=text.count("\n"),
        uploaded_by="tan",
    )  # fmt: skip


def place(number, **changes):
    facts = {
        "id": f"gers-{number}", "names": {"primary": f"Sandbox {number}"},
        "categories": {"primary": "dentist"}, "confidence": 0.9,
        "phones": [f"+1512474{number:04d}"],
        "emails": None, "websites": ["http://a.example/"], "operating_status": "open",
        "addresses": [{"locality": "Austin", "country": "US", "postcode": "78701"}],
        "sources": [{"dataset": "meta"}], **changes,
    }  # fmt: skip
    geometry = {"type": "Point", "coordinates": [-97.7, 30.2]}
    return json.dumps({"type": "Feature", "geometry": geometry, "properties": facts})


def test_overture_places_of_the_city_and_category_that_are_open_and_sure_become_leads(acme, taken):
    lines = [
        place(1), place(2, operating_status="permanently_closed"), place(3, confidence=0.3),
        place(4, addresses=[{"locality": "Dallas", "country": "US"}]),
        place(5, categories={"primary": "bar"}), "{broken", "", "\x1e" + place(6, confidence=None),
        place(7, addresses=[{"locality": "Austin", "country": "GB"}]),
        place(8, names={"primary": None}),
        place(9, sources=[{"dataset": "Foursquare"}]),
    ]  # fmt: skip
    source = make_source("OVERTURE", licence="CDLA-Permissive-2.0")
    give(source, "\n".join(lines))
    request = ask(source, category="dentist")

    work(request)

    rows = request.listings.order_by("position")
    assert [(row.source_key, row.code) for row in rows] == [
        ("gers-1", ""), ("gers-2", "closed"), ("gers-3", "unsure"), ("gers-6", ""),
        ("gers-8", "no_name"), ("gers-9", ""),
    ]  # fmt: skip
    assert outcomes(request) == {"TAKEN": 3, "REFUSED": 3}
    assert [row.licence for row in rows if not row.code] == [
        "CDLA-Permissive-2.0", "CDLA-Permissive-2.0", "Apache-2.0",
    ]  # fmt: skip
    record = rows[0].record
    assert (record["lat"], record["lon"], record["confidence"]) == (30.2, -97.7, 0.9)
    assert rows[0].raw == lines[0]


def test_a_long_file_is_read_page_by_page_and_whole(acme, taken):
    source = make_source("OVERTURE")
    give(source, "\n".join(place(number) for number in range(1, 651)))
    request = ask(source, category="dentist", wanted=20)

    work(request)

    assert outcomes(request) == {"TAKEN": 20, "FOUND": 480}
    request = ask(source, category="dentist", wanted=510)
    work(request)
    assert outcomes(request) == {"TAKEN": 510, "FOUND": 120}
    assert request.met_again == 20


def test_rows_of_open_data_are_read_by_the_columns_somebody_named(acme, taken):
    options = {
        "format": "csv", "key": "licence", "city": "town", "category": "kind",
        "category_map": {"dentist": ["Dental clinic"]},
        "columns": {"name": "centre", "phones": ["tel", "mobile"], "postcode": "postal"},
    }  # fmt: skip
    source = make_source("OPEN_DATA", options=options)
    give(
        source,
        "licence,centre,tel,mobile,postal,town,kind\r\n"
        'L1,"Smile, Dental",6734 1001,9123 4567,018956,Singapore,Dental clinic\r\n'
        "L2,Other,1,,,Singapore,Bakery\r\nL3,,1,,,SINGAPORE,dental clinic\r\n"
        "L4,Away,1,,,Johor,Dental clinic\r\n",
    )
    request = ask(source, city="singapore", category="dentist")

    work(request)

    rows = request.listings.order_by("position")
    assert [(row.source_key, row.code) for row in rows] == [("L1", ""), ("L3", "no_name")]
    record = rows[0].record
    assert record["name"] == "Smile, Dental"
    assert record["phones"] == ["6734 1001", "9123 4567"]
    assert (record["postcode"], record["country"]) == ("018956", "SG")


def test_rows_of_json_are_found_where_the_options_say(acme, taken):
    options = {"format": "json", "rows": "result.records", "columns": {"name": "n"}, "key": "id"}
    source = make_source("OPEN_DATA", options=options)
    rows = [{"id": 1, "n": "One"}, {"id": 2, "n": "Two"}, "odd"]
    give(source, json.dumps({"result": {"records": rows}}))
    request = ask(source)

    work(request)

    assert outcomes(request) == {"TAKEN": 2}


def test_a_file_without_the_named_column_fails_with_the_columns_it_has(acme, taken):
    source = make_source("OPEN_DATA", options={"columns": {"name": "centre"}})
    give(source, "title,tel\r\nA,1\r\n")
    request = ask(source)

    work(request)

    assert (request.status, request.ending) == (
        "FAILED", "The file has no column centre; it has title, tel.",
    )  # fmt: skip
