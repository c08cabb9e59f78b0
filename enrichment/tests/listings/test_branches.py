"""Branches of a chain share a site, an address, a number; they are not one business by that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.listings.keys import CERTAIN, QUESTION, SHARED_BY, Hit, Kind, Party, likeness
from enrichment.listings.link_twins import find_twins
from enrichment.listings.take import take
from enrichment.tests.listings.factories import make_listing
from enrichment.twin_models import LeadTwin
from icp.models import Lead
from tenants.clock import database_now

SHARED = {"websites": ("kampai.example",), "emails": ("hello@kampai.example",),
          "phones": ("+65 6737 1234",)}  # fmt: skip


def branch(number, **changes):
    """A listing of a chain's branch, with a postal code of its own."""
    record = {"name": "Kampai", "city": "Singapore", "country": "SG",
              "postcode": f"{238800 + number}", **SHARED, **changes}  # fmt: skip
    listing = make_listing(**record)
    take(listing)
    return listing


def test_branches_are_leads_of_their_own_and_counted(acme):
    branches = [branch(number) for number in range(12)]

    assert {each.outcome for each in branches} == {"TAKEN"}
    assert Lead.objects.count() == 12
    assert branches[SHARED_BY].sentence == ""
    told = branches[-1].sentence
    assert "11 leads have the same web site, kampai.example: nobody is known by it." in told


def test_a_night_drops_the_questions_a_whole_chain_has_settled(acme):
    for number in range(SHARED_BY + 2):
        branch(number)
    assert LeadTwin.objects.exists()

    assert find_twins(now=database_now()) == 0

    assert not LeadTwin.objects.exists()
    assert find_twins(now=database_now()) == 0


def test_two_branches_are_a_question_for_a_person(acme):
    one, two = branch(1), branch(2)

    assert (one.outcome, two.outcome) == ("TAKEN", "TAKEN")
    twin = LeadTwin.objects.get()
    assert twin.score == QUESTION
    assert twin.reasons[-1]["kind"] == "elsewhere"


@pytest.mark.parametrize("changes", [{"postcode": "238801"}, {"postcode": ""}])
def test_the_same_at_the_same_place_or_at_none_is_one_business(acme, changes):
    branch(1)

    assert branch(2, **changes).outcome == "DUPLICATE"


def test_points_on_the_map_tell_branches_apart_and_nearby_ones_do_not(acme):
    branch(1, postcode="", lat=1.3000, lon=103.8000)

    assert branch(2, postcode="", lat=1.3500, lon=103.8000).outcome == "TAKEN"
    assert branch(3, postcode="", lat=1.3001, lon=103.8001).outcome == "DUPLICATE"


def test_one_business_in_many_posts_is_one_lead(acme):
    branch(1)

    for _ in range(SHARED_BY + 3):
        assert branch(1).outcome == "DUPLICATE"
    assert Lead.objects.count() == 1


kinds = st.lists(st.sampled_from([kind for kind in Kind if kind not in (Kind.UEN, Kind.URL)]),
                 min_size=1, unique=True)  # fmt: skip


@given(kinds=kinds, name=st.sampled_from(["Kampai", "Kampai Bar", "Other"]))
def test_nothing_but_a_uen_or_a_page_makes_one_of_two_places(kinds, name):
    one = Party("Kampai", postcodes=frozenset({"1"}))
    other = Party(name, postcodes=frozenset({"2"}))

    found = likeness(one, other, 1, [Hit(1, kind, "x") for kind in kinds])

    assert found.score < CERTAIN
