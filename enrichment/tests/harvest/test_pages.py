"""Harvests from a listing site, over HTTP: 30 entries with all that real ones go wrong in."""

from __future__ import annotations

import time

import pytest

from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest.selectors import SelectorsError, check, list_url, place
from enrichment.harvest_batch import Ending
from enrichment.tests.harvest.rig import ask, make_source, outcomes, work
from leadgen_project.sandbox import listing_site
from leadgen_project.sandbox.loopback import Reply


def source_at(address, **changes):
    options = {**listing_site.options_at(address), **changes}
    return make_source("HTML_LIST", options=options)


def harvest(source, **asked):
    request = ask(source, city="Singapore", category="business", **asked)
    report = work(request)
    return request, report


def seen(request):
    """What was read of each entry, in order, without the moment."""
    return [
        (row.position, row.source_key.rpartition("/")[2], row.code, row.record.get("name", ""),
         tuple(row.record.get("phones", ())), tuple(row.record.get("emails", ())))
        for row in request.listings.order_by("position")
    ]  # fmt: skip


def truth():
    return [
        (one.number, str(one.number), one.refusal, "" if one.refusal else one.name,
         one.phones, one.emails)
        for one in listing_site.expected()
    ]  # fmt: skip


def normal(rows):
    """Phones in E.164, as whoever takes them reads them."""
    return [
        (*head, tuple(dict.fromkeys(_e164(phone) for phone in phones)), emails)
        for *head, phones, emails in rows
    ]  # fmt: skip


def _e164(phone):
    digits = phone.replace(" ", "")
    return digits if digits.startswith("+") else f"+65{digits}"


def test_the_made_up_site_gives_exactly_the_expected_entries_twice(acme, site, taken):
    address = site(listing_site.answer)

    first, _ = harvest(source_at(address))

    assert normal(seen(first)) == truth()
    assert outcomes(first) == {"TAKEN": 26, "WALLED": 1, "REFUSED": 3}
    assert first.status == "COMPLETED"
    assert first.ending == "26 of 50 leads: Page 3 of the list leads back to one that was read."
    second = ask(first.source, city="Singapore", category="business")
    work(second)
    assert (outcomes(second), second.met_again) == ({}, 30)


def test_a_page_behind_a_captcha_waits_for_a_person_with_one_challenge(acme, site, taken):
    request, _ = harvest(source_at(site(listing_site.answer)))

    challenge = CaptchaChallenge.objects.get()

    walled = request.listings.get(outcome="WALLED")
    assert (challenge.listing, challenge.url) == (walled, walled.url)


def test_an_entry_is_read_once_and_only_as_many_as_are_needed(acme, site, taken):
    asked = []

    def answer(request):
        asked.append(request.path_and_query)
        return listing_site.answer(request)

    harvest(source_at(site(answer)), wanted=5)

    assert asked == [
        "/robots.txt", "/list/singapore?page=1",
        *(path for n in range(1, 6) for path in (f"/entry/{n}", f"/image/{n}.png")),
    ]  # fmt: skip


def test_only_the_first_picture_of_an_entry_is_named(acme, site, taken):
    address = site(listing_site.answer)
    request, _ = harvest(source_at(address))

    images = {row.source_key.rpartition("/")[2]: row.record["images"]
              for row in request.listings.exclude(record={})}  # fmt: skip

    assert images["14"] == images["22"] == [f"http://{address}/image/14.png"]
    assert images["15"] == [f"http://{address}/image/15.png"]


def test_robots_txt_is_obeyed_and_said(acme, site, taken):
    def answer(request):
        if request.path == "/robots.txt":
            return Reply(200, b"User-agent: *\nDisallow: /list/\n", "text/plain")
        return listing_site.answer(request)

    request, _ = harvest(source_at(site(answer)))

    assert request.status == "FAILED"
    assert "robots.txt forbids" in request.error


def test_a_list_page_behind_a_wall_is_shown_to_a_person_and_ends_the_harvest(acme, site, taken):
    wall = listing_site.answer

    def answer(request):
        if request.path.startswith("/list/"):
            request.target = f"/entry/{listing_site.CAPTCHA}"
        return wall(request)

    request, _ = harvest(source_at(site(answer)))

    assert request.status == "FAILED"
    assert "asks for a person" in request.error
    assert CaptchaChallenge.objects.get().source == request.source


def test_a_server_in_trouble_is_asked_again_and_an_entry_in_trouble_is_given_up(acme, site, taken):
    def answer(request):
        if request.path == "/entry/2":
            return Reply(503, b"busy")
        return listing_site.answer(request)

    request, report = harvest(source_at(site(answer)))

    for _ in range(2):
        assert (report.ending, request.status) == (Ending.LATER, "PROCESSING")
        type(request).objects.update(not_before=None)
        report = work(request)
    assert request.status == "COMPLETED"
    assert request.listings.get(position=2).code == "not_readable"
    assert outcomes(request)["TAKEN"] == 25


def test_pages_that_are_counted_end_with_one_that_repeats(acme, site, taken):
    def answer(request):
        if request.path.startswith("/list/"):
            request.target = f"/list/singapore?page={min(int(request.query['page']), 3)}"
        return listing_site.answer(request)

    address = site(answer)
    source = source_at(
        address, list_url=f"http://{address}/list/{{city}}?page={{page}}", next="page"
    )

    request, _ = harvest(source)

    assert len(seen(request)) == 30
    assert "Page 4 of the list repeats the one before it." in request.ending


def test_no_more_pages_are_read_than_the_source_says(acme, site, taken):
    request, _ = harvest(source_at(site(listing_site.answer), max_pages=2))

    assert len(seen(request)) == 20
    assert "2 pages of the list were read, the most that are to be." in request.ending


def test_the_gap_between_requests_is_that_of_the_source(acme, site, taken):
    source = source_at(site(listing_site.answer))
    type(source).objects.update(min_interval_s=0.2)
    source.refresh_from_db()
    request = ask(source, city="Singapore", category="business", wanted=3)

    began = time.monotonic()
    work(request)

    assert time.monotonic() - began >= 4 * 0.2


# --- selectors ----------------------------------------------------------------------------------
def test_values_of_an_address_are_quoted_and_mapped():
    options = {"list_url": "http://x.example/{city}/{category}?p={page}",
               "city_map": {"New York": "n y/c&?"}}  # fmt: skip

    url = list_url(options, city="new york", category="a b", page=2)

    assert url == "http://x.example/n%20y%2Fc%26%3F/a%20b?p=2"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"list_url": "ftp://x"}, "list_url"),
        ({"list_url": "http://{city}.example/"}, "list_url"),
        ({"list_url": "http://x.example/{town}"}, "list_url"),
        ({"item": "li[["}, "item"),
        ({"item": None}, "item"),
        ({"next": "page"}, "next"),
        ({"max_pages": 0}, "max_pages"),
        ({"max_pages": True}, "max_pages"),
        ({"detail": {"body": "p"}}, "detail.title"),
        ({"detail": {"title": "h1", "fax": "p"}}, "detail.fax"),
        ({"detail": {"title": 7}}, "detail"),
        ({"city_map": ["a"]}, "city_map"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(changes, field):
    with pytest.raises(SelectorsError) as refusal:
        check({**listing_site.OPTIONS, **changes})

    assert refusal.value.field == field


def test_the_options_of_the_made_up_site_are_good():
    check(listing_site.OPTIONS)


def test_a_place_is_css_an_attribute_and_whether_all_count():
    one = place("a[href*='x'].tel@data-n all")

    assert (one.css, one.attribute, one.is_all) == ("a[href*='x'].tel", "data-n", True)
