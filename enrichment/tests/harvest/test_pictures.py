"""Entries are known again by their pictures, which are asked for as politely as pages are."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from enrichment.harvest.see_image import KNOWN, NONE, SEEN
from enrichment.harvest.web import LARGEST_PICTURE
from enrichment.harvest_batch import Ending
from enrichment.harvest_models import HarvestRequest
from enrichment.listings.image_hash import bits_apart, image_hash
from enrichment.models import Evidence
from enrichment.tests.harvest.rig import ask, make_source, work
from enrichment.tests.test_image_hash import bomb
from enrichment.twin_models import LeadTwin
from icp.models import Lead
from leadgen_project.sandbox import listing_site
from leadgen_project.sandbox.loopback import Reply

FIRST, AGAIN = listing_site.SAME_IMAGE


def harvest(address, *, wanted=50, **changes):
    options = {**listing_site.options_at(address), **changes}
    request = ask(make_source("HTML_LIST", options=options), city="Singapore", category="business",
                  wanted=wanted)  # fmt: skip
    return request, work(request)


def pictured(request):
    return {int(row.source_key.rpartition("/")[2]): row
            for row in request.listings.exclude(record={}).order_by("position")}  # fmt: skip


def with_pictures(pictures, *, asked=None):
    """The made-up site, with some addresses answered otherwise."""

    def answer(request):
        if asked is not None:
            asked.append(request.path)
        return pictures.get(request.path) or listing_site.answer(request)

    return answer


def smaller(number):
    """The made-up picture, scaled and saved anew."""
    file = BytesIO()
    with Image.open(BytesIO(listing_site.picture(number))) as picture:
        picture.resize((96, 96), Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def test_entries_with_one_picture_are_two_leads_and_a_question_for_a_person(acme, site):
    request, _ = harvest(site(listing_site.answer))

    rows = pictured(request)
    assert rows[FIRST].image_hash == rows[AGAIN].image_hash == image_hash(
        listing_site.picture(FIRST)
    )  # fmt: skip
    assert len({row.image_hash for row in rows.values()}) == len(rows) - 1
    twin = LeadTwin.objects.get()
    assert {twin.first.name, twin.second.name} == {
        listing_site.name_of(FIRST), listing_site.name_of(AGAIN)
    }  # fmt: skip
    assert [reason["kind"] for reason in twin.reasons] == ["image"]
    assert Lead.objects.count() == 26
    said = Evidence.objects.get(lead=rows[FIRST].lead, field="image_hash")
    assert (said.value, said.quote) == (rows[FIRST].image_hash, rows[FIRST].record["images"][0])


def test_the_same_picture_saved_anew_at_another_address_is_known(acme, site):
    pages = {"/image/5.png": Reply(200, smaller(3), "image/png")}

    request, _ = harvest(site(with_pictures(pages)), wanted=6)

    rows = pictured(request)
    assert bits_apart(rows[3].image_hash, rows[5].image_hash) <= 5
    twin = LeadTwin.objects.get()
    assert (twin.first.name, twin.second.name) == (
        listing_site.name_of(3), listing_site.name_of(5)
    )  # fmt: skip


def test_one_address_is_asked_for_once_however_many_entries_show_it(acme, site):
    asked = []
    harvest(site(with_pictures({}, asked=asked)))

    pictures = [path for path in asked if path.startswith("/image/")]

    assert f"/image/{FIRST}.png" in pictures
    assert len(pictures) == len(set(pictures)) == 25  # 26 entries are read, two share one


@pytest.mark.parametrize("reply", [
    Reply(404, b"gone"), Reply(403, b"no"), Reply(200, b"<p>A page.</p>"),
    Reply(200, bomb(60_000), "image/png"),
    Reply(200, b"\x89PNG" + b"x" * LARGEST_PICTURE, "image/png"),
    Reply(200, listing_site.picture(1), "image/png", (("X-Robots-Tag", "noindex"),)),
    Reply(302, b"", "", (("Location", "http://elsewhere.sg.test/1.png"),)),
    Reply(200, b'<title>One more step</title><form><div class="g-recaptcha"></div></form>'),
], ids=["dead", "refused", "page", "bomb", "large", "noindex", "other host", "wall"])  # fmt: skip
def test_an_entry_whose_picture_is_not_to_be_had_is_taken_without(acme, site, reply):
    request, _ = harvest(site(with_pictures({"/image/1.png": reply})), wanted=1)

    row = request.listings.get(outcome="TAKEN")
    assert (row.image_hash, row.record[SEEN] == KNOWN) == ("", False)
    assert row.record[SEEN]
    assert request.status == "COMPLETED"


def test_robots_txt_speaks_of_pictures_too(acme, site):
    rules = Reply(200, b"User-agent: *\nDisallow: /image/\n", "text/plain")
    asked = []

    request, _ = harvest(site(with_pictures({"/robots.txt": rules}, asked=asked)), wanted=3)

    assert not [path for path in asked if path.startswith("/image/")]
    assert "robots.txt forbids" in request.listings.get(position=1).record[SEEN]
    assert request.listings.filter(outcome="TAKEN").count() == 3


def test_pictures_count_for_the_daily_cap(acme, site):
    source = make_source("HTML_LIST", daily_cap=5,
                         options=listing_site.options_at(site(listing_site.answer)))  # fmt: skip
    request = ask(source, city="Singapore", category="business")

    report = work(request)

    assert report.ending is Ending.LATER
    source.refresh_from_db()
    assert source.asked_count == 5  # robots.txt, the list, an entry, its picture, an entry
    assert request.listings.filter(outcome="TAKEN").count() == 1


def test_a_server_in_trouble_is_asked_for_a_picture_again_and_then_passed_by(acme, site):
    busy = with_pictures({"/image/2.png": Reply(503, b"busy")})
    request, report = harvest(site(busy), wanted=3)

    for _ in range(2):
        assert (report.ending, request.listings.get(position=2).outcome) == (Ending.LATER, "FOUND")
        HarvestRequest.objects.update(not_before=None)
        report = work(request)

    assert request.listings.filter(outcome="TAKEN").count() == 3
    assert "answered 503" in request.listings.get(position=2).record[SEEN]


def test_an_entry_is_told_what_its_picture_came_to(acme, site):
    plain = BytesIO()
    Image.new("RGB", (40, 40), "navy").save(plain, "PNG")
    pages = {"/image/2.png": Reply(200, plain.getvalue(), "image/png")}

    request, _ = harvest(site(with_pictures(pages)), wanted=2)

    assert [row.record[SEEN] for row in pictured(request).values()] == [KNOWN, NONE]
