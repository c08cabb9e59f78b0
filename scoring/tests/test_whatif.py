"""The preview of a card: what it shows is what applying it gives."""

from __future__ import annotations

import random
from copy import deepcopy

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from icp.models import Lead
from scoring import default_card
from scoring.cards import CardError
from scoring.models import LeadScore
from scoring.publish import current_card, save_card
from scoring.shortlist import entries_of
from scoring.tests.factories import make_contact, make_evidence, make_lead, make_run
from scoring.tests.test_diff import night
from scoring.tests.test_shortlist import suppress
from scoring.whatif import preview


def make_random_lead(chance):
    lead = make_lead(
        fit=chance.choice(["MEETS", "UNKNOWN"]),
        site=chance.choice(["", "https://a.sg/", "http://b.wixsite.com/"]),
        match=chance.randint(30, 100),
        facts={"registered_on": f"{chance.randint(1970, 2026)}-01-01",
               "officers_count": str(chance.randint(0, 20)),
               "annual_return_on": f"{chance.randint(2021, 2026)}-02-01"},
    )  # fmt: skip
    if chance.random() < 0.5:
        make_contact(lead, email=f"info{lead.pk}@a.sg", phone="+6561234567")
    if chance.random() < 0.3:
        make_contact(lead, "PERSON", name="Ann Tan", title=chance.choice(["CEO", "Clerk"]))
    if chance.random() < 0.3:
        make_evidence(lead, "technologies", "WordPress", source="PAGE")
    return lead


def changed_card(chance):
    payload = deepcopy(default_card.PAYLOAD)
    for rule in chance.sample(payload["rules"], 6):
        rule["points"] = chance.choice([-20, -5, 3, 15, 40])
    payload["buckets"] = [
        {"name": "A", "at_least": 40}, {"name": "B", "at_least": 20}, {"name": "C", "at_least": 0},
    ]  # fmt: skip
    return payload


@pytest.mark.parametrize("seed", range(3))
def test_applying_a_card_gives_exactly_the_previewed_set(acme, seed):
    chance = random.Random(seed)
    leads = [make_random_lead(chance) for _ in range(30)]
    night(cap=8)
    suppress("UEN", leads[0].uen)
    payload = changed_card(chance)

    shown = preview(payload, cap=8)
    stood = dict(Lead.objects.values_list("pk", "score"))
    save_card(payload, actor="ann", reason="", based_on=1)
    applied = night(cap=8)

    assert shown.shortlist == [entry.lead_id for entry in entries_of(applied)]
    buckets = list(Lead.objects.values_list("bucket", flat=True))
    assert shown.after == {name: buckets.count(name) for name in ("A", "B", "C")}
    now = dict(Lead.objects.values_list("pk", "score"))
    assert shown.rescored == sum(stood[pk] != now[pk] for pk in now)
    assert sum(shown.histogram_after) == shown.leads == 30


def test_the_present_card_changes_nothing(acme):
    chance = random.Random(1)
    for _ in range(10):
        make_random_lead(chance)
    night(cap=4)

    shown = preview(current_card().payload, cap=4)

    assert (shown.rescored, shown.rebucketed, shown.enter, shown.leave) == (0, 0, [], [])
    assert shown.before == {name: shown.after[name] for name in shown.before}


def test_a_wrong_card_is_refused_with_all_its_problems(acme):
    with pytest.raises(CardError) as caught:
        preview({"rules": [], "buckets": []}, cap=4)
    assert len(caught.value.problems) == 3


def test_an_empty_tenant_has_an_empty_preview(acme):
    shown = preview(default_card.PAYLOAD, cap=4)

    assert (shown.leads, shown.shortlist, shown.is_partial) == (0, [], False)


def test_a_preview_asks_the_same_number_of_questions_for_few_leads_and_many(acme):
    run, card = make_run(), current_card()

    def questions(count: int) -> int:
        leads = Lead.objects.bulk_create(
            Lead(name=f"L{n}", uen=f"{count}{n:06}K", source_ref=f"{count}-{n}", stage="SCORED",
                 score=50, bucket="MEDIUM")
            for n in range(count)
        )  # fmt: skip
        LeadScore.objects.bulk_create(
            LeadScore(lead=lead, run_id=run.pk, card=card, total=50, bucket="MEDIUM",
                      rationale="", features={"fit": "MEETS", "site_match": 80})
            for lead in leads
        )  # fmt: skip
        with CaptureQueriesContext(connection) as asked:
            preview(changed_card(random.Random(0)), cap=50)
        return len(asked)

    questions(1)
    assert questions(5) == questions(500)
