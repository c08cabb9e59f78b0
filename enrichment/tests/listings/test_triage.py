"""Every lead is in exactly one place, and the counts add up."""

from __future__ import annotations

import re
from itertools import product

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.listings.merge_leads import merge
from enrichment.listings.triage import WORDS, Place, placed, triage
from enrichment.models import Contact
from enrichment.tests.listings.factories import taken
from icp.models import Lead
from icp.tests.factories import NOW, make_lead
from leadgen_project.tests.console_data import make_people
from tenants.context import in_tenant
from tenants.models import User

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


leads = st.tuples(
    st.sampled_from(Lead.Stage.values), st.sampled_from([{}, {"phone": "x"}, {"name": "x"}]),
    st.lists(st.sampled_from(CONTACTS[1:]), max_size=3),
)  # fmt: skip


@settings(deadline=None, max_examples=25,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(drawn=st.lists(leads, max_size=8))
def test_whatever_leads_there_are_each_is_in_one_place(acme, drawn):
    with transaction.atomic():
        for stage, facts, contacts in drawn:
            why = {"rejection_code": "x", "rejection_reason": "x"} if stage == "REJECTED" else {}
            lead = make_lead(stage=stage, facts=facts, **why)
            for number, contact in enumerate(contacts):
                own = {"email": f"{number}@b.example"} if "email" in contact else {}
                own["name"] = f"Person {number}"
                Contact.objects.create(lead=lead, kind="ROLE", **{**contact, **own})
        there = [set(placed(Lead.objects.all()).filter(place=place).values_list("pk", flat=True))
                 for place in Place]  # fmt: skip
        counts = triage()
        everybody = set(Lead.objects.values_list("pk", flat=True))
        transaction.set_rollback(True)

    assert set().union(*there) == everybody
    assert sum(map(len, there)) == len(everybody) == len(drawn)
    assert [len(one) for one in there] == list(counts.values())


# --- the page -----------------------------------------------------------------------------------
@pytest.fixture
def operator(db) -> Client:
    make_people()
    client = Client()
    client.force_login(User.objects.get(username="operator"))
    session = client.session
    session["tenant"] = "acme"
    session.save()
    return client


def test_the_page_counts_all_leads_and_each_place_opens_its_list(operator):
    with in_tenant("acme"):
        number = make_every_kind()
        counts = triage()
    page = operator.get(reverse("admin:enrichment_triage")).content.decode()

    shown = {place: int(count) for place, count in re.findall(
        r'\?place=(\w+)">[^<]+</a></td><td class="lg-num">(\d+)<', page)}  # fmt: skip
    assert shown == {place.value: count for place, count in counts.items()}
    assert sum(shown.values()) == number
    for place, count in shown.items():
        listed = operator.get(reverse("admin:icp_lead_changelist"), {"place": place})
        assert listed.context["cl"].result_count == count


def test_a_place_that_is_none_lists_all_and_an_empty_page_says_what_to_do(operator):
    assert "There are no leads yet" in operator.get(
        reverse("admin:enrichment_triage")).content.decode()  # fmt: skip
    with in_tenant("acme"):
        make_lead()

    listed = operator.get(reverse("admin:icp_lead_changelist"), {"place": "NOWHERE"})

    assert listed.context["cl"].result_count == 1
