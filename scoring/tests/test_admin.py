"""The pages as an operator meets them: what they show, what they refuse, what they keep."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest

from icp import suppressions
from scoring import default_card
from scoring.models import ScoreCard, ShortlistEntry
from scoring.publish import current_card
from scoring.tests.factories import make_contact, make_good_lead, make_lead
from scoring.tests.test_diff import night
from tenants.context import in_tenant

REVIEW = "/admin/scoring/shortlistentry/"
LISTS = "/admin/scoring/shortlist/"
COMPARE = "/admin/scoring/shortlist/compare/"
CARD = "/admin/scoring/scorecard/"
HOSTILE = '<script>alert("x")</script> & "Co"'


@pytest.mark.parametrize("path", [REVIEW, LISTS, COMPARE, CARD])
def test_every_page_opens_without_data_and_with(sign_in, path):
    client = sign_in("AUDITOR")
    assert client.get(path).status_code == 200
    for _ in range(2):
        make_good_lead()
        night()

    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [REVIEW, f"{REVIEW}?decision=", LISTS, COMPARE])
def test_hostile_names_are_shown_as_text(sign_in, path):
    make_good_lead(HOSTILE)
    night()
    make_good_lead(HOSTILE)
    night()

    page = sign_in().get(path).content.decode()

    assert "<script>alert" not in page


def test_a_lead_is_shown_with_its_reasons_contact_and_where_they_come_from(sign_in):
    make_good_lead("GOOD PTE. LTD.")
    night()

    page = sign_in().get(REVIEW).content.decode()

    for text in ("GOOD PTE. LTD.", "95", "HIGH", "Meets the ICP", "sales@good.example",
                 "of 100 points: the sum of the lines", "Not on the list before",
                 "Highest score first"):  # fmt: skip
        assert text in page


def test_a_place_whose_contact_was_suppressed_since_says_so(sign_in):
    make_good_lead("GOOD PTE. LTD.")
    quiet = make_good_lead("QUIET PTE. LTD.")
    make_contact(quiet, "PERSON", name="Lim Ah Kow", email="hello@quiet.example")
    night()
    suppressions.add("EMAIL", "hello@quiet.example", reason="Asked by telephone.", actor="ann")

    entries = sign_in().get(REVIEW).content.decode().split('<li class="sc-entry"')[1:]

    marked = {entry.partition("PTE. LTD.")[0].rpartition(">")[2].strip()
              for entry in entries if ">Suppressed</span>" in entry}  # fmt: skip
    assert len(entries) == 2
    assert marked == {"QUIET"}


def test_filters_narrow_the_list_and_stay_after_a_verdict(sign_in):
    make_good_lead("TAN DENTAL")
    make_good_lead("LIM FOODS")
    make_lead("TAN TRADING")
    shortlist = night(cap=9)
    client = sign_in()
    url = f"{REVIEW}?decision=OPEN&bucket=HIGH&q=tan"
    shown = client.get(url).context["shown"]
    assert [one.entry.lead.name for one in shown] == ["TAN DENTAL"]
    entry = shown[0].entry

    answer = client.post(
        f"{REVIEW}{entry.pk}/verdict/",
        {"verdict": "accept", "decision": "OPEN", "bucket": "HIGH", "q": "tan", "page": "1",
         "next": "77"},
    )  # fmt: skip

    assert answer.headers["Location"] == f"{REVIEW}?decision=OPEN&bucket=HIGH&q=tan&page=1#entry-77"
    assert shortlist.entries.get(lead__name="TAN DENTAL").decision == "ACCEPTED"


def test_verdicts_are_posts_with_a_right_and_a_token(sign_in):
    make_good_lead()
    night()
    entry = ShortlistEntry.objects.get()
    url = f"{REVIEW}{entry.pk}/verdict/"

    assert sign_in("OPERATOR").get(url).status_code == 405
    assert sign_in("AUDITOR").post(url, {"verdict": "accept"}).status_code == 403
    client = sign_in("REVIEWER")
    client.handler.enforce_csrf_checks = True
    assert client.post(url, {"verdict": "accept"}).status_code == 403
    client.handler.enforce_csrf_checks = False
    assert client.post(url, {"verdict": "sell"}).status_code == 404

    entry.refresh_from_db()
    assert entry.decision == "OPEN"


def test_bulk_asks_how_many_and_asks_again_when_the_list_has_moved(sign_in):
    for number in range(4):
        make_good_lead(f"L{number}")
    night(cap=9)
    client = sign_in()
    asked = client.get(f"{REVIEW}bulk/?verdict=reject&decision=OPEN&bucket=HIGH")
    assert "Reject 4 leads of Acme?" in asked.content.decode()
    ShortlistEntry.objects.filter(lead__name="L0").update(
        decision="ACCEPTED", decided_at="2026-11-21T00:00Z"
    )
    given = {"verdict": "reject", "decision": "OPEN", "bucket": "HIGH", "_reason": "all wrong"}

    again = client.post(f"{REVIEW}bulk/", {**given, "confirmed": "4"})
    assert "4 matched when you were asked, 3 do now" in again.content.decode()
    client.post(f"{REVIEW}bulk/", {**given, "confirmed": "3"})

    decisions = dict(ShortlistEntry.objects.values_list("lead__name", "decision"))
    assert decisions == {"L0": "ACCEPTED", "L1": "REJECTED", "L2": "REJECTED", "L3": "REJECTED"}


def test_a_past_list_is_shown_unchanged_and_cannot_be_judged(sign_in):
    make_good_lead("A")
    first = night()
    night()
    client = sign_in()

    page = client.get(f"{REVIEW}?run={first.run_id}&decision=")

    assert "This is a record" in page.content.decode()
    assert not page.context["may_review"]
    assert client.get(f"{REVIEW}?run=999999").status_code == 404


def test_another_tenants_entry_is_not_there(sign_in):
    with in_tenant("beta"):
        make_good_lead("BETA")
        from scoring.score import score_batch
        from scoring.shortlist import make_shortlist
        from scoring.tests.factories import NOW, make_run

        run = make_run("beta")
        score_batch(run, now=NOW)
        make_shortlist(run, cap=5, now=NOW)
        entry = ShortlistEntry.objects.get()
        run_id = run.pk

    client = sign_in()

    assert client.post(f"{REVIEW}{entry.pk}/verdict/", {"verdict": "accept"}).status_code == 404
    assert client.get(f"{REVIEW}?run={run_id}").status_code == 404
    assert b"BETA" not in client.get(REVIEW).content


def test_the_comparison_shows_causes(sign_in):
    make_good_lead("OLD")
    night(cap=1)
    make_good_lead("A NEW ONE", uen="1")
    night(cap=1)

    page = sign_in().get(COMPARE)

    assert [move.name for move in page.context["compared"].entered] == ["A NEW ONE"]
    assert "Scored for the first time: 95 points." in page.content.decode()


def changed(points=20):
    payload = deepcopy(default_card.PAYLOAD)
    payload["rules"][0]["points"] = points
    return payload


def test_the_card_is_previewed_by_anybody_and_saved_by_those_who_may(sign_in):
    make_good_lead("GOOD")
    night()
    body = {"payload": json.dumps(changed()), "based_on": "1", "_reason": "less fit"}

    shown = sign_in("REVIEWER").post(f"{CARD}preview/", body).json()
    refused = sign_in("AUDITOR").post(f"{CARD}save/", body)
    saved = sign_in("OPERATOR").post(f"{CARD}save/", body)

    assert shown["problems"] == []
    assert "1</strong> of 1 open leads get another score" in shown["html"]
    assert refused.status_code == 403
    assert saved.status_code == 302
    assert (current_card().version, current_card().reason) == (2, "less fit")


def test_a_wrong_card_comes_back_with_its_problems_and_what_was_typed(sign_in):
    payload = changed(500)
    current_card()
    client = sign_in()
    body = {"payload": json.dumps(payload), "based_on": "1"}

    shown = client.post(f"{CARD}preview/", body).json()
    page = client.post(f"{CARD}save/", body)

    assert shown == {"problems": [["rules[0].points", "must be a whole number from -100 to 100."]]}
    assert "rules[0].points: must be a whole number" in page.content.decode()
    assert page.context["payload"] == payload
    assert ScoreCard.objects.count() == 1


def test_what_is_no_json_is_refused(sign_in):
    shown = sign_in().post(f"{CARD}preview/", {"payload": "{"}).json()

    assert shown["problems"]


def test_a_stale_save_keeps_what_was_typed(sign_in):
    current_card()
    client = sign_in()
    client.post(f"{CARD}save/", {"payload": json.dumps(changed(10)), "based_on": "1"})

    page = client.post(f"{CARD}save/", {"payload": json.dumps(changed(11)), "based_on": "1"})

    assert "saved meanwhile by operator-acme" in page.content.decode()
    assert page.context["payload"] == changed(11)
    assert current_card().version == 2


def test_the_page_of_a_lead_shows_its_invoice_and_what_is_missing(sign_in):
    lead = make_good_lead("GOOD PTE. LTD.")
    plain = make_lead("PLAIN PTE. LTD.", stage="CANDIDATE")
    night()
    client = sign_in()

    page = client.get(f"/admin/icp/lead/{lead.pk}/change/").content.decode()

    for text in ("Where from", "registered 14 full years ago", "Not earned yet", "10 to 500 people",
                 "of 100 points: the sum of the lines"):  # fmt: skip
        assert text in page
    other = client.get(f"/admin/icp/lead/{plain.pk}/change/").content.decode()
    assert "of 100 points" not in other


def test_the_review_page_costs_the_same_at_one_row_and_at_three(sign_in, django_assert_num_queries):
    client = sign_in()
    make_good_lead()
    night()
    client.get(REVIEW)
    with django_assert_num_queries(REVIEW_STATEMENTS):
        client.get(REVIEW)
    for _ in range(2):
        make_good_lead()
    night(cap=3)

    with django_assert_num_queries(REVIEW_STATEMENTS):
        assert len(client.get(REVIEW).context["shown"]) == 3


REVIEW_STATEMENTS = 25
