"""Every lead is in exactly one place, and the counts add up."""

from __future__ import annotations

from itertools import product

from enrichment.listings.merge_leads import merge
from enrichment.listings.triage import WORDS, Place, placed, triage
from enrichment.models import Contact
from enrichment.tests.listings.factories import taken
from icp.models import Lead
from icp.tests.factories import NOW, make_lead

CONTACTS = (
    {}, {"email": "a@b.example", "verdict": "DELIVERABLE"}, {"email": "a@b.example"},
    {"email": "a@b.example", "is_mailable": False, "not_mailable_reason": "x"},
    {"phone": "+6561234567"}, {"name": "Mei Tan"},
)  # fmt: skip


def make_every_kind() -> int:
    """Leads in every stage with every kind of contact; how many."""
    for stage, contact, number in product(Lead.Stage.values, CONTACTS, ({}, {"phone": "x"})):
        rejected = {"rejection_code": "operator", "rejection_reason": "x"}
        lead = make_lead(stage=stage, facts=number, **(rejected if stage == "REJECTED" else {}))
        if contact:
            Contact.objects.create(lead=lead, kind="ROLE", **contact)
    return Lead.objects.count()


def test_counts_add_up_and_each_lead_is_in_one_place(acme, django_assert_num_queries):
    number = make_every_kind()

    with django_assert_num_queries(1):
        counts = triage()

    assert sum(counts.values()) == number
    assert set(counts) == set(Place) == set(WORDS)
    places = list(placed(Lead.objects.all()).values_list("place", flat=True))
    assert {place: places.count(place.value) for place in Place} == counts
    assert counts[Place.OUT] == counts[Place.CAPTCHA] == counts[Place.NIGHT] == 12
    assert counts[Place.DIRECT_MAIL] == counts[Place.TO_VERIFY] == 6
    assert counts[Place.TELEPHONE] == 4 * 3 + 3  # a number in the facts, or a contact with one
    assert min(counts.values()) > 0


def test_listings_and_merges_keep_the_sum(acme):
    one = taken(name="One", phones=("6123 4567",)).lead
    two = taken(name="Two", phones=("6222 3333",)).lead
    taken(name="One again", phones=("6123 4567",))
    assert triage()[Place.NIGHT] == 2

    merge(one, two, actor="olga", now=NOW)

    counts = triage()
    assert (counts[Place.NIGHT], counts[Place.OUT], sum(counts.values())) == (1, 1, 2)
