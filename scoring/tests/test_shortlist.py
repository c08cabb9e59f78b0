"""The shortlist: capped, ranked by rule, conserved, and the same when it is opened again."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from icp.models import Lead, Suppression
from icp.suppressions import hash_of
from scoring.models import LeadScore, ShortlistEntry
from scoring.publish import current_card
from scoring.shortlist import entries_of, make_shortlist
from scoring.tests.factories import NOW, make_contact, make_evidence, make_lead, make_run


def make_scored(run, total, *, uen="", fit="MEETS", **also) -> Lead:
    lead = make_lead(uen=uen, fit=fit, stage="SCORED", score=total, bucket="LOW", **also)
    LeadScore.objects.create(
        lead=lead, run_id=run.pk, card=current_card(), total=total, bucket="LOW", rationale="r",
        features={"fit": fit},
    )  # fmt: skip
    return lead


def suppress(kind, value, **also):
    return Suppression.objects.create(
        kind=kind,
        value=value,
        value_hash=hash_of(kind, value),
        reason="asked",
        created_by="ann",
        **also,
    )


def listed(shortlist):
    return [(entry.rank, entry.lead.uen) for entry in entries_of(shortlist)]


def test_the_best_leads_are_listed_and_ties_are_broken_by_fit_then_uen(acme):
    run = make_run()
    for uen, total, fit in [
        ("D", 50, "MEETS"), ("C", 50, "UNKNOWN"), ("B", 50, "MEETS"), ("A", 50, "UNKNOWN"),
        ("E", 90, "UNKNOWN"), ("F", 10, "MEETS"),
    ]:  # fmt: skip
        make_scored(run, total, uen=uen, fit=fit)

    shortlist = make_shortlist(run, cap=4, now=NOW)

    assert listed(shortlist) == [(1, "E"), (2, "B"), (3, "D"), (4, "A")]
    assert (shortlist.considered, shortlist.cap) == (6, 4)
    stages = dict(Lead.objects.values_list("uen", "stage"))
    assert {uen for uen, stage in stages.items() if stage == "SHORTLISTED"} == set("EBDA")


def test_leads_that_fall_off_go_back_and_the_previous_rank_is_kept(acme):
    first = make_run()
    old = make_scored(first, 60, uen="OLD")
    stays = make_scored(first, 50, uen="STAYS")
    make_shortlist(first, cap=2, now=NOW)
    second = make_run()
    make_scored(second, 70, uen="NEW")
    Lead.objects.filter(pk=old.pk).update(score=40)

    shortlist = make_shortlist(second, cap=2, now=NOW + timedelta(days=1))

    entries = {entry.lead.uen: entry.previous_rank for entry in entries_of(shortlist)}
    assert entries == {"NEW": None, "STAYS": 2}
    old.refresh_from_db()
    stays.refresh_from_db()
    assert (old.stage, old.stage_since) == ("SCORED", NOW + timedelta(days=1))
    assert (stays.stage, stays.stage_since) == ("SHORTLISTED", NOW)


def test_asked_again_the_list_of_a_run_comes_back_unchanged(acme):
    run = make_run()
    make_scored(run, 50, uen="A")
    shortlist = make_shortlist(run, cap=5, now=NOW)
    make_scored(run, 99, uen="B")

    again = make_shortlist(run, cap=9, now=NOW)

    assert (again.pk, again.cap, listed(again)) == (shortlist.pk, 5, [(1, "A")])


def test_a_past_list_is_unchanged_when_the_leads_move_on(acme):
    first = make_run()
    lead = make_scored(first, 50, uen="A")
    past = make_shortlist(first, cap=5, now=NOW)
    second = make_run()
    LeadScore.objects.create(lead=lead, run_id=second.pk, card=current_card(), total=9,
                             bucket="LOW", rationale="", features={})  # fmt: skip
    Lead.objects.filter(pk=lead.pk).update(score=9)
    make_shortlist(second, cap=5, now=NOW)

    assert [(e.rank, e.score.total) for e in entries_of(past)] == [(1, 50)]


def test_accepted_leads_keep_their_stage_and_take_no_place(acme):
    run = make_run()
    make_scored(run, 90, uen="A", review="ACCEPTED")
    Lead.objects.filter(uen="A").update(stage="SHORTLISTED")
    make_scored(run, 50, uen="B")

    assert listed(make_shortlist(run, cap=1, now=NOW)) == [(1, "B")]
    assert Lead.objects.get(uen="A").stage == "SHORTLISTED"


@pytest.mark.parametrize("kind", ["UEN", "DOMAIN", "EMAIL", "PHONE"])
def test_a_suppressed_lead_takes_no_place_and_is_remembered(acme, kind):
    run = make_run()
    lead = make_scored(run, 90, uen="201912345K", site="https://www.shop.quiet.sg/", match=80)
    make_contact(lead, email="info@quiet.sg", phone="+6561234567")
    make_scored(run, 50, uen="B")
    make_scored(run, 40, uen="C")
    values = {
        "UEN": "201912345K",
        "DOMAIN": "quiet.sg",
        "EMAIL": "info@quiet.sg",
        "PHONE": "+6561234567",
    }
    suppress(kind, values[kind])

    shortlist = make_shortlist(run, cap=1, now=NOW)

    assert listed(shortlist) == [(1, "B")]
    assert (shortlist.withheld, shortlist.considered) == ([lead.pk], 2)


def test_a_lifted_suppression_withholds_nobody(acme):
    run = make_run()
    make_scored(run, 90, uen="201912345K")
    suppress("UEN", "201912345K", lifted_at=NOW, lifted_by="ann", lift_reason="asked back")

    assert listed(make_shortlist(run, cap=1, now=NOW)) == [(1, "201912345K")]


def test_a_number_seen_on_a_page_withholds_too(acme):
    run = make_run()
    lead = make_scored(run, 90, uen="A")
    make_evidence(lead, "phones", "+6569999999", source="PAGE")
    suppress("PHONE", "+6569999999")

    assert listed(make_shortlist(run, cap=1, now=NOW)) == []


@pytest.mark.parametrize("seed", range(3))
def test_every_lead_is_listed_or_below_the_cap(acme, seed):
    chance = random.Random(seed)
    run = make_run()
    for number in range(40):
        make_scored(run, chance.randint(0, 100), uen=f"U{number:03}",
                    fit=chance.choice(["MEETS", "UNKNOWN"]),
                    review=chance.choice(["OPEN", "OPEN", "ACCEPTED"]))  # fmt: skip
    cap = chance.randint(1, 50)

    shortlist = make_shortlist(run, cap=cap, now=NOW)

    entries = list(entries_of(shortlist))
    keys = [(-e.score.total, e.lead.fit != "MEETS", e.lead.uen) for e in entries]
    assert keys == sorted(keys)
    assert [e.rank for e in entries] == list(range(1, len(entries) + 1))
    assert len(entries) == min(cap, shortlist.considered)
    waiting = Lead.objects.filter(stage="SCORED", review="OPEN").count()
    assert shortlist.considered == len(entries) + waiting


def test_the_number_of_statements_does_not_grow_with_the_leads(acme, django_assert_num_queries):
    current_card()
    for leads in (1, 3):
        run = make_run(card_id=current_card().pk)
        for _ in range(leads):
            make_scored(run, 50)
        with django_assert_num_queries(9):
            make_shortlist(run, cap=9, now=NOW)


def test_the_database_refuses_a_rank_or_a_lead_twice(acme):
    run = make_run()
    lead, other = make_scored(run, 50), make_scored(run, 40)
    shortlist = make_shortlist(run, cap=1, now=NOW)
    for chosen, rank, name in ((other, 1, "shortlist_rank_once"), (lead, 2, "shortlist_lead_once")):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            ShortlistEntry.objects.create(
                shortlist=shortlist, lead=chosen, rank=rank, score=chosen.scores.get()
            )
    with pytest.raises(IntegrityError, match="decided_iff_decided_at"), transaction.atomic():
        ShortlistEntry.objects.filter(lead=lead).update(decision="ACCEPTED")
