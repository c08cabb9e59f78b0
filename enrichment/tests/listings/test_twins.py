"""Pairs that may be one business: found, decided, merged, and taken apart again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from enrichment.extract.titles import person_key
from enrichment.listings.link_twins import TwinError, ask_anew, find_twins, keep_apart
from enrichment.listings.merge_leads import MergeError, merge, plan_merge, survivor_of, undo_merge
from enrichment.listings.take import take
from enrichment.models import Contact, Evidence, Listing
from enrichment.tests.listings.factories import make_listing, taken
from enrichment.twin_models import LeadMerge, LeadTwin
from icp import suppressions
from icp.decide import send_back
from icp.models import Lead, Suppression
from icp.tests.factories import NOW, lift_by_two, make_lead
from outreach.models import Message
from outreach.tests.factories import make_message
from scoring.tests.factories import make_evidence

SAME = {"phones": "+6561234567", "emails": "a@kampai.example.sg",
        "website": "https://www.kampai.example.sg/home"}  # fmt: skip


def everything() -> list[list[dict]]:
    """All rows that a merge may touch, without what an undo rightly leaves behind."""
    leads = list(Lead.objects.order_by("pk").values())
    for lead in leads:
        lead.pop("lease")
    return [leads, *(list(model.objects.order_by("pk").values())
                     for model in (Contact, Listing, Message)),
            list(Evidence.objects.filter(superseded_at=None).order_by("pk").values())]  # fmt: skip


@pytest.fixture
def pair(acme) -> tuple[Lead, Lead]:
    """Two leads of one business that neither a listing nor a number has told so far."""
    kept = taken(name="Kampai Bar", phones=("6123 4567",), emails=("hi@kampai.example.sg",),
                 websites=("kampai.example.sg",)).lead  # fmt: skip
    gone = taken(name="Izakaya", phones=("6222 3333",), emails=("info@izakaya.example.sg",),
                 websites=("kampai.example.sg/bar",), services=["Drinks"]).lead  # fmt: skip
    return kept, gone


@pytest.mark.parametrize("field", SAME)
def test_leads_that_share_something_are_found_once_however_often_it_is_looked(acme, field):
    one, other, third = (make_lead(name=name, uen="") for name in ("One", "Other", "Third"))
    for lead in (one, other):
        make_evidence(lead, field, SAME[field])
    make_evidence(third, field, "+6568887777" if field == "phones" else f"x{SAME[field]}"[-9:])

    assert (find_twins(now=NOW), find_twins(now=NOW)) == (1, 0)

    twin = LeadTwin.objects.get()
    assert (twin.first, twin.second, twin.state) == (one, other, "OPEN")


def test_a_name_counts_with_its_place_and_a_uen_alone(acme):
    make_evidence(make_lead(name="Kampai Bar Pte Ltd", uen=""), "postal_code", "238801")
    make_evidence(make_lead(name="KAMPAI BAR", uen=""), "postal_code", "238 801")
    make_evidence(make_lead(name="Neighbour", uen=""), "postal_code", "238801")
    for _ in range(2):
        make_lead(uen="201912345A")

    assert find_twins(now=NOW) == 2

    kinds = {tuple(reason["kind"] for reason in twin.reasons) for twin in LeadTwin.objects.all()}
    assert kinds == {("place", "name"), ("uen",)}


def test_what_many_share_says_nothing(acme):
    for number in range(4):
        lead = make_lead(name=f"Shop {number}", uen="")
        make_evidence(lead, "phones", "+6561234567")
        make_evidence(lead, "website", "https://facebook.com/shop")

    assert find_twins(now=NOW) == 0


def test_the_cost_does_not_grow_with_the_leads(acme, django_assert_num_queries):
    for number in range(6):
        make_evidence(
            make_lead(name=f"Shop {number}", uen=""), "phones", f"+656123{number // 2}000"
        )

    with django_assert_num_queries(6):
        assert find_twins(now=NOW) == 3


def test_what_is_kept_apart_is_remembered_until_somebody_asks_anew(pair):
    twin = LeadTwin.objects.get()

    keep_apart(twin, reason="Two brothers.", actor="olga", now=NOW)

    assert find_twins(now=NOW) == 0
    twin.refresh_from_db()
    assert (twin.state, twin.decided_by, twin.decided_reason) == ("APART", "olga", "Two brothers.")
    with pytest.raises(TwinError, match="decided before: kept apart"):
        keep_apart(twin, reason="", actor="omar", now=NOW)
    ask_anew(twin, actor="omar")
    twin.refresh_from_db()
    assert twin.state == "OPEN"


def test_the_plan_says_exactly_what_the_merge_does(pair):
    kept, gone = pair
    double = Contact.objects.create(lead=kept, kind="ROLE", email="info@izakaya.example.sg")
    message = make_message(lead=gone, contact=Contact.objects.get(lead=gone))
    plan = plan_merge(kept, gone)
    said = {part.kind: (len(part.moves), len(part.stays)) for part in plan.parts()}
    moving = {each.pk for each in plan.evidence}

    done = merge(kept, gone, actor="olga", now=NOW, reason="Same door.")

    assert said["contacts"] == (0, 1)
    assert (said["listings"], said["mails"]) == ((1, 0), (1, 0))
    assert set(Evidence.objects.filter(pk__in=moving).values_list("lead", flat=True)) == {kept.pk}
    assert set(done.moved["evidence"]) == moving
    message.refresh_from_db()
    assert (message.lead, message.contact) == (kept, double)
    kept.refresh_from_db()
    gone.refresh_from_db()
    assert sorted(kept.facts["phones"]["value"]) == ["+6561234567", "+6562223333"]
    assert kept.facts["services"]["value"] == ["Drinks"]
    assert (gone.stage, gone.rejection_code, gone.rejection_reason) == (
        "REJECTED", "merged", "Merged into Kampai Bar.")  # fmt: skip
    assert LeadTwin.objects.get().state == "MERGED"


def test_an_undone_merge_leaves_everything_as_it_was(pair):
    kept, gone = pair
    Contact.objects.create(lead=kept, kind="ROLE", email="info@izakaya.example.sg")
    make_message(lead=gone, contact=Contact.objects.get(lead=gone))
    Lead.objects.filter(pk=gone.pk).update(stage="SCORED", score=70, bucket="HIGH")
    before = everything()
    done = merge(kept, gone, actor="olga", now=NOW)
    assert everything() != before

    undone = undo_merge(done, actor="omar", now=NOW + timedelta(hours=1))

    assert (undone.conflicts, undone.undone_by) == ([], "omar")
    after = everything()
    for one in (before, after):  # facts name the rows they stand on; the values are what counts
        for lead in one[0]:
            lead["facts"] = {name: fact["value"] for name, fact in lead["facts"].items()}
    assert after == before
    assert LeadTwin.objects.get().state == "OPEN"
    with pytest.raises(MergeError, match="undone before"):
        undo_merge(done, actor="omar", now=NOW)


def test_what_was_changed_since_stays_and_is_told(pair):
    kept, gone = pair
    done = merge(kept, gone, actor="olga", now=NOW)
    third = make_lead()
    Contact.objects.filter(pk__in=done.moved["contacts"]).update(lead=third)
    Lead.objects.filter(pk=gone.pk).update(stage="REJECTED", rejection_code="operator",
                                           rejection_reason="No.")  # fmt: skip

    undone = undo_merge(done, actor="omar", now=NOW)

    assert undone.conflicts == ["1 of 1 contacts went elsewhere since, and stay there.",
                                "Izakaya was worked on since, and stays as it is."]  # fmt: skip
    assert Listing.objects.filter(lead=gone).count() == 1


def test_a_merged_lead_is_out_of_the_game(pair):
    kept, gone = pair
    merge(kept, gone, actor="olga", now=NOW)

    assert send_back(Lead.objects.filter(pk=gone.pk)) == 0
    assert find_twins(now=NOW) == 0
    assert survivor_of(Lead.objects.get(pk=gone.pk)) == kept
    again = taken(name="Izakaya", phones=("6222 3333",))
    assert (again.outcome, again.lead) == ("DUPLICATE", kept)


def test_chains_of_merges_end_at_the_last_and_are_undone_from_there(pair):
    first, second = pair
    third = taken(name="Third", phones=("6555 6666",)).lead
    inner = merge(second, first, actor="olga", now=NOW)
    outer = merge(third, second, actor="olga", now=NOW)

    assert survivor_of(Lead.objects.get(pk=first.pk)) == third
    with pytest.raises(MergeError, match="undo that first"):
        undo_merge(inner, actor="olga", now=NOW)
    undo_merge(outer, actor="olga", now=NOW)
    undo_merge(inner, actor="olga", now=NOW)
    assert not Lead.objects.filter(rejection_code="merged").exists()


@pytest.mark.parametrize(("of_gone", "reason"), [
    ({"rejection_code": "merged", "rejection_reason": "x", "stage": "REJECTED"}, "merged into"),
    ({"rejection_code": "suppressed", "rejection_reason": "x", "stage": "REJECTED"}, "suppressed"),
    ({"uen": "201912345A"}, "two companies of the register"),
])  # fmt: skip
def test_what_must_not_be_merged_is_not(acme, of_gone, reason):
    kept, gone = make_lead(uen="202012345B"), make_lead(**{"uen": "", **of_gone})

    with pytest.raises(MergeError, match=reason):
        merge(kept, gone, actor="olga", now=NOW)
    with pytest.raises(MergeError, match="itself"):
        merge(kept, kept, actor="olga", now=NOW)


def test_a_uen_and_a_site_go_over_where_there_was_none_and_come_back(acme):
    kept, gone = make_lead(uen="", name="Bar"), make_lead(uen="201912345A", website="bar.example")

    done = merge(kept, gone, actor="olga", now=NOW)
    kept.refresh_from_db()
    assert (kept.uen, kept.website) == ("201912345A", "bar.example")

    undo_merge(done, actor="olga", now=NOW)
    kept.refresh_from_db()
    assert (kept.uen, kept.website) == ("", "")


def test_who_was_suppressed_at_one_is_at_the_other_and_stays_so(pair):
    kept, gone = pair
    who = f"{gone.source_ref} {person_key('Mei Tan')}"
    suppressions.add("PERSON", who, reason="asked", actor="olga")

    done = merge(kept, gone, actor="olga", now=NOW)
    undo_merge(done, actor="olga", now=NOW)

    values = set(Suppression.objects.filter(kind="PERSON").values_list("value", flat=True))
    assert values == {f"{lead.source_ref.upper()} mei tan" for lead in (kept, gone)}


def test_a_lead_suppressed_after_the_merge_does_not_come_back(pair):
    kept, gone = pair
    done = merge(kept, gone, actor="olga", now=NOW)
    suppression, _ = suppressions.add("PHONE", "+6562223333", reason="asked", actor="olga")
    lift_by_two(suppression)
    suppressions.add("DOMAIN", "kampai.example.sg", reason="asked", actor="olga")

    undo_merge(done, actor="olga", now=NOW)

    assert Lead.objects.get(pk=gone.pk).rejection_code == "suppressed"


@pytest.mark.parametrize("broken", [
    {"first_id": 2, "second_id": 1}, {"state": "APART"}, {"decided_at": NOW},
])  # fmt: skip
def test_the_database_keeps_pairs_in_order_and_decisions_whole(acme, broken):
    low, high = sorted(make_lead().pk for _ in range(2))
    values = {"first_id": low, "second_id": high, "score": 50, **broken}
    if "first_id" in broken:
        values |= {"first_id": high, "second_id": low}

    with pytest.raises(IntegrityError), transaction.atomic():
        LeadTwin.objects.create(**values)


def test_a_lead_is_merged_away_once(pair):
    kept, gone = pair
    merge(kept, gone, actor="olga", now=NOW)

    with pytest.raises(IntegrityError), transaction.atomic():
        LeadMerge.objects.create(kept=kept, gone=gone, merged_by="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        LeadMerge.objects.create(kept=kept, gone=kept, merged_by="x")


def test_a_listing_of_two_known_leads_asks_about_them(acme):
    one = taken(name="One", phones=("6123 4567",)).lead
    two = taken(name="Two", emails=("hi@two.example.sg",)).lead

    both = make_listing(name="Three", phones=("6123 4567",), emails=("hi@two.example.sg",))
    take(both, now=NOW)

    assert both.lead == two  # an address tells more than a number
    twin = LeadTwin.objects.get()
    assert (twin.first, twin.second) == (one, two)
