"""Pages of a list that have not changed are not sent again; hosts that ask for rest have it."""

from __future__ import annotations

import pytest

from enrichment.harvest.list_shelf import KEPT
from enrichment.harvest_batch import Ending
from enrichment.harvest_models import HarvestRequest, ListPage
from enrichment.tests.harvest.rig import ask, make_source, outcomes, work
from leadgen_project.sandbox import listing_site
from leadgen_project.sandbox.loopback import Reply

BY_TAG = ("ETag", "If-None-Match")
BY_DATE = ("Last-Modified", "If-Modified-Since")
SAID = {"ETag": '"v1"', "Last-Modified": "Sun, 22 Nov 2026 08:00:00 GMT"}


class Site:
    """The made-up site with versions of its list; what was answered to who asked for it."""

    def __init__(self, said, asked_by):
        self.said, self.asked_by = said, asked_by
        self.version = SAID[said]
        self.seen = []

    def __call__(self, request):
        reply = listing_site.answer(request)
        if not request.path.startswith("/list/"):
            return reply
        is_known = request.headers.get(self.asked_by.lower()) == self.version
        self.seen.append(304 if is_known else 200)
        version = ((self.said, self.version),)
        if is_known:
            return Reply(304, b"", "", version)
        return Reply(reply.status, reply.body, headers=version)


@pytest.fixture
def versioned(acme, site, taken, request):
    made = Site(*request.param)
    made.source = make_source("HTML_LIST", options=listing_site.options_at(site(made)))
    return made


def harvest(source):
    request = ask(source, city="Singapore", category="business")
    work(request)
    return request


@pytest.mark.parametrize("versioned", [BY_TAG, BY_DATE], indirect=True)
def test_a_list_that_has_not_changed_is_not_sent_again_and_says_the_same(versioned):
    first, second = harvest(versioned.source), harvest(versioned.source)

    assert versioned.seen == [200, 200, 200, 304, 304, 304]
    assert outcomes(first)["TAKEN"] == 26
    assert (outcomes(second), second.met_again, second.pages_read) == ({}, 30, 3)
    assert second.ending.endswith("Page 3 of the list leads back to one that was read.")


@pytest.mark.parametrize("versioned", [BY_TAG], indirect=True)
def test_a_list_that_changed_is_read_anew(versioned):
    harvest(versioned.source)
    versioned.version = '"v2"'

    harvest(versioned.source)
    harvest(versioned.source)

    assert versioned.seen == [200] * 6 + [304] * 3
    assert set(ListPage.objects.values_list("etag", flat=True)) == {'"v2"'}


@pytest.mark.parametrize("versioned", [BY_TAG], indirect=True)
def test_other_selectors_and_long_times_ask_for_the_whole_page(versioned):
    harvest(versioned.source)
    versioned.source.options = {**versioned.source.options, "max_pages": 9}
    versioned.source.save()
    harvest(versioned.source)
    row = ListPage.objects.order_by("url").first()
    ListPage.objects.update(read_at=row.read_at - KEPT)

    harvest(versioned.source)

    assert versioned.seen == [200] * 9
    assert ListPage.objects.count() == 3


@pytest.mark.parametrize("versioned", [("ETag", "x-nothing")], indirect=True)
@pytest.mark.parametrize("version", ["\xe9", "x" * 301, ""])
def test_a_version_that_cannot_be_sent_back_is_none(versioned, version):
    versioned.version = version

    request = harvest(versioned.source)

    assert request.status == "COMPLETED"
    assert not ListPage.objects.exists()


def test_not_modified_where_nobody_asked_is_no_page(acme, site, taken):
    def answer(request):
        if request.path.startswith("/list/"):
            return Reply(304, b"", "")
        return listing_site.answer(request)

    request = harvest(make_source("HTML_LIST", options=listing_site.options_at(site(answer))))

    assert request.status == "FAILED"
    assert "answered 304" in request.error


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_says_when_to_come_back_is_left_alone_by_every_source(
    acme, site, taken, status
):
    asked = []

    def answer(request):
        asked.append(request.path)
        if request.path.startswith("/list/"):
            return Reply(status, b"<p>Busy", headers=(("Retry-After", "900"),))
        return listing_site.answer(request)

    site(answer)
    options = listing_site.options_at(f"tired-{status}.sg.test")
    one, other = (ask(make_source("HTML_LIST", name=name, options=options), city="Singapore",
                      category="business") for name in ("one", "other"))  # fmt: skip

    first = work(one)
    before = list(asked)
    second = work(other)

    assert (first.ending, first.seconds) == (Ending.LATER, 900.0)
    assert second.ending is Ending.LATER
    assert asked == before
    assert HarvestRequest.objects.get(pk=other.pk).troubles == 0
