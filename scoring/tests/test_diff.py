"""Two runs compared: each move has a cause, and the cause is the right one."""

from __future__ import annotations

import random
from copy import deepcopy

import pytest

from icp.models import IcpRule, Lead
from scoring import default_card
from scoring.diff import compare
from scoring.models import ShortlistEntry
from scoring.publish import current_card, save_card
from scoring.score import score_batch
from scoring.shortlist import make_shortlist
from scoring.tests.factories import (
    NOW,
    make_contact,
    make_good_lead,
    make_lead,
    make_run,
)
from scoring.tests.test_shortlist import suppress


def night(*, cap=2):
    run = make_run()
    while score_batch(run, now=NOW).taken:
        pass
    return make_shortlist(run, cap=cap, now=NOW)


def back_to_work(lead, stage="ENRICHED"):
    Lead.objects.filter(pk=lead.pk).update(stage=stage)


def codes(moves):
    return {move.name: [cause.code for cause in move.causes] for move in moves}


def test_two_equal_nights_differ_in_nothing(acme):
    make_good_lead("A")
    compared = compare(night(), night())

    assert (compared.entered, compared.left, compared.moved, compared.same) == ([], [], [], 1)
    assert compared.rescored == []


def test_a_new_contact_lifts_a_lead_and_the_line_says_from_what_to_what(acme):
    make_good_lead("TOP")
    lead = make_lead("LOW", site="https://low.sg/", match=70)
    make_lead("MID", site="https://mid.sg/", match=85)
    before = night()
    make_contact(lead, email="info@low.sg")
    back_to_work(lead)

    compared = compare(before, night())

    [move] = compared.entered
    assert (move.name, move.rank_before, move.rank_after) == ("LOW", None, 2)
    assert move.score_after - move.score_before == 10
    role, domain = [cause.sentence for cause in move.causes]
    assert role == "Role mailbox: 0 before, +8 now (no role mailbox → has a role mailbox)"
    assert domain == (
        "E-mail at its own domain: 0 before, +2 now (not known → e-mail at the site's own domain)"
    )
    assert codes(compared.left) == {"MID": ["OVERTAKEN"]}
    assert compared.left[0].causes[0].sentence == (
        "The last place went to 52 points (it has 46; ties go by rule)."
    )


def test_a_score_that_changed_off_the_list_is_reported_with_its_card(acme):
    make_good_lead("TOP")
    make_lead("OFF")
    before = night(cap=1)
    payload = deepcopy(default_card.PAYLOAD)
    payload["rules"][0]["points"] = 20
    save_card(payload, actor="ann", reason="", based_on=1)

    compared = compare(before, night(cap=1))

    assert codes(compared.rescored) == {"OFF": ["CARD", "POINTS"]}
    assert [cause.sentence for cause in compared.rescored[0].causes] == [
        "The score card changed from default v1 to default v2.",
        "Meets the ICP: +30 before, +20 now (the input is the same: meets every part of the ICP)",
    ]


def test_a_first_score_a_decision_a_suppression_and_a_rejection_are_causes(acme):
    leads = {name: make_good_lead(name) for name in ("ACCEPTED", "REVIEWED", "GONE", "QUIET")}
    before = night(cap=9)
    decided = {"decided_by": "ann", "decided_at": NOW}
    ShortlistEntry.objects.filter(lead=leads["ACCEPTED"]).update(decision="ACCEPTED", **decided)
    Lead.objects.filter(name="ACCEPTED").update(review="ACCEPTED")
    ShortlistEntry.objects.filter(lead=leads["REVIEWED"]).update(
        decision="REJECTED", decision_reason="too small", **decided
    )
    leads["REVIEWED"].refresh_from_db()
    leads["REVIEWED"].reject("REVIEW", "too small")
    leads["GONE"].refresh_from_db()
    leads["GONE"].reject("CEASED", "Struck off.")
    suppress("UEN", leads["QUIET"].uen)
    make_good_lead("FRESH")

    compared = compare(before, night(cap=9))

    assert codes(compared.entered) == {"FRESH": ["NEW"]}
    assert {move.name: move.causes[0].sentence for move in compared.left} == {
        "ACCEPTED": "It was accepted by ann.",
        "REVIEWED": "It was rejected by ann: too small.",
        "GONE": "It was rejected: Struck off.",
        "QUIET": "It was suppressed when the list was made.",
    }


def test_a_smaller_cap_is_a_cause(acme):
    make_good_lead("A", uen="A")
    make_good_lead("B", uen="B")
    before = night(cap=2)

    compared = compare(before, night(cap=1))

    [move] = compared.left
    assert [cause.sentence for cause in move.causes] == [
        "The cap changed from 2 to 1 places.",
        "The last place went to 95 points (it has 95; ties go by rule).",
    ]


def test_a_lead_that_was_being_worked_on_did_not_compete(acme):
    busy = make_good_lead("A", uen="A")
    make_good_lead("B", uen="B")
    before = night(cap=1)
    back_to_work(busy, "CANDIDATE")

    compared = compare(before, night(cap=1))

    assert codes(compared.left) == {"A": ["NOT_COMPETING"]}
    assert codes(compared.entered) == {"B": ["PLACE_FREED"]}


def test_another_icp_rule_is_a_cause(acme):
    old = IcpRule.objects.create(name="it", version=1, payload={}, is_current=False, created_by="a")
    new = IcpRule.objects.create(name="it", version=2, payload={}, created_by="a")
    lead = make_good_lead("A", rule=old)
    make_good_lead("B", fit="UNKNOWN")
    before = night()
    Lead.objects.filter(pk=lead.pk).update(rule=new, fit="UNKNOWN", uen="Z")
    back_to_work(lead)

    compared = compare(before, night())

    assert codes(compared.moved) == {
        "A": ["ICP_RULE", "INPUT", "INPUT", "INPUT", "OVERTAKEN"], "B": ["OTHERS_LEFT"],
    }  # fmt: skip
    assert [move.causes[0].sentence for move in compared.moved if move.name == "A"] == [
        "The ICP rule changed from it v1 to it v2."
    ]


@pytest.mark.parametrize("seed", range(4))
def test_no_move_is_without_a_cause_after_two_random_nights(acme, seed):
    chance = random.Random(seed)
    leads = [make_good_lead(f"L{n}") if n % 3 else make_lead(f"L{n}") for n in range(14)]
    before = night(cap=chance.randint(1, 9))
    for lead in leads:
        lead.refresh_from_db()
        what = chance.choice(["contact", "reject", "suppress", "busy", "accept", "", ""])
        if what == "contact":
            make_contact(lead, email=f"x{lead.pk}@x.sg")
            back_to_work(lead)
        elif what == "reject":
            lead.reject("CEASED", "Struck off.")
        elif what == "suppress":
            suppress("UEN", lead.uen)
        elif what == "busy":
            back_to_work(lead, "CANDIDATE")
        elif what == "accept" and before.entries.filter(lead=lead).exists():
            before.entries.filter(lead=lead).update(
                decision="ACCEPTED", decided_at=NOW, decided_by="ann"
            )
            Lead.objects.filter(pk=lead.pk).update(review="ACCEPTED")
    for number in range(chance.randint(0, 3)):
        make_good_lead(f"N{number}")
    if chance.random() < 0.5:
        payload = deepcopy(default_card.PAYLOAD)
        payload["rules"][0]["points"] = 21
        save_card(payload, actor="ann", reason="", based_on=current_card().version)

    compared = compare(before, night(cap=chance.randint(1, 9)))

    after = set(compared.after.entries.values_list("lead_id", flat=True))
    first = set(before.entries.values_list("lead_id", flat=True))
    assert {move.lead_id for move in compared.entered} == after - first
    assert {move.lead_id for move in compared.left} == first - after
    assert len(compared.moved) + compared.same == len(first & after)
    assert [move.name for move in compared.moves() if not move.causes] == []


def test_the_number_of_statements_does_not_grow_with_the_moves(acme, django_assert_max_num_queries):
    make_good_lead()
    make_lead()
    for leads in (1, 3):
        before = night(cap=99)
        for _ in range(leads):
            make_good_lead()
        after = night(cap=99)
        with django_assert_max_num_queries(8):
            compare(before, after)
