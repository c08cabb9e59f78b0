"""The scoring stage: immutable per run, exactly once, with a fixed number of statements."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from icp.models import Lead
from scoring import default_card
from scoring.models import LeadScore, ScoreCard, ScoreLine
from scoring.publish import StaleCardError, current_card, save_card
from scoring.score import score_batch, scoring_waiting
from scoring.tests.factories import NOW, make_good_lead, make_lead, make_run
from tenants.models import AuditEvent


def other_card(points=25):
    payload = deepcopy(default_card.PAYLOAD)
    payload["rules"][0]["points"] = points
    return payload


def test_a_lead_leaves_an_invoice_whose_lines_point_to_evidence(acme):
    lead = make_good_lead()
    run = make_run()

    report = score_batch(run, now=NOW)

    lead.refresh_from_db()
    score = lead.scores.get()
    lines = list(score.lines.order_by("position"))
    assert (report.taken, report.done, report.adds_up()) == (1, 1, True)
    assert (lead.stage, lead.score, lead.bucket, lead.run_id) == ("SCORED", 95, "HIGH", run.pk)
    assert sum(line.points for line in lines) == score.total == 95
    without = {line.key for line in lines if line.evidence_id is None}
    assert without == {"fit_meets"}
    assert all(line.evidence.lead_id == lead.pk for line in lines if line.evidence_id)
    assert score.features["age_years"] == 14
    assert len(score.rationale) <= 300


def test_a_second_run_of_the_same_batch_writes_nothing_twice(acme):
    lead = make_good_lead()
    run = make_run()
    score_batch(run, now=NOW)
    before = (LeadScore.objects.count(), ScoreLine.objects.count())
    Lead.objects.filter(pk=lead.pk).update(stage="ENRICHED")  # as if the move had been lost

    score_batch(run, now=NOW)

    lead.refresh_from_db()
    assert (LeadScore.objects.count(), ScoreLine.objects.count()) == before
    assert (lead.stage, lead.score) == ("SCORED", 95)
    assert score_batch(run, now=NOW).taken == 0


def test_a_worker_that_slept_past_its_lease_writes_nothing(acme, monkeypatch):
    lead = make_good_lead()
    run = make_run()
    from scoring import score

    read = score.inputs_of

    def slow(leads, **also):
        later = NOW + timedelta(hours=1)
        assert Lead.objects.in_stage("ENRICHED").claim(9, lease=timedelta(minutes=1), now=later)
        return read(leads, **also)

    monkeypatch.setattr(score, "inputs_of", slow)

    report = score_batch(run, now=NOW)

    lead.refresh_from_db()
    assert (report.taken, lead.stage, LeadScore.objects.count()) == (0, "ENRICHED", 0)


def test_the_number_of_statements_does_not_grow_with_the_leads(acme, django_assert_num_queries):
    run = make_run(card_id=current_card().pk)
    make_good_lead()
    with django_assert_num_queries(STATEMENTS):
        score_batch(run, count=1, now=NOW)
    for _ in range(3):
        make_good_lead()

    with django_assert_num_queries(STATEMENTS):
        score_batch(run, count=3, now=NOW)


STATEMENTS = 15  # savepoints of the three transactions included


def test_open_leads_are_scored_anew_when_the_card_has_changed(acme):
    lead, accepted = make_good_lead(), make_good_lead(review="ACCEPTED")
    first = make_run()
    score_batch(first, now=NOW)
    Lead.objects.filter(pk=accepted.pk).update(stage="SHORTLISTED")
    assert scoring_waiting(first) == 0
    save_card(other_card(), actor="ann", reason="less for the fit", based_on=1, now=NOW)
    second = make_run()

    assert scoring_waiting(second) == 1
    assert score_batch(second, now=NOW).done == 1

    lead.refresh_from_db()
    accepted.refresh_from_db()
    assert (lead.stage, lead.score, accepted.score) == ("SCORED", 90, 95)
    assert list(lead.scores.order_by("run_id").values_list("total", "card__version")) == [
        (95, 1), (90, 2),
    ]  # fmt: skip
    assert scoring_waiting(second) == 0


def test_a_run_keeps_the_card_its_plan_names(acme):
    make_good_lead()
    run = make_run(card_id=current_card().pk)
    save_card(other_card(), actor="ann", reason="", based_on=1)

    score_batch(run, now=NOW)

    assert LeadScore.objects.get().card.version == 1


def test_the_batch_takes_no_more_than_asked(acme):
    for _ in range(3):
        make_lead()
    run = make_run()

    assert [score_batch(run, count=2, now=NOW).taken for _ in range(3)] == [2, 1, 0]


def test_the_default_card_is_written_once_and_never_over(acme):
    assert current_card().pk == current_card().pk
    save_card(other_card(), actor="ann", reason="", based_on=1)

    assert current_card().version == 2
    assert current_card().payload == other_card()
    assert ScoreCard.objects.count() == 2


def test_a_card_saved_meanwhile_by_somebody_else_is_not_overwritten(acme):
    current_card()
    save_card(other_card(20), actor="ann", reason="", based_on=1)

    with pytest.raises(StaleCardError, match="Version 2 was saved meanwhile by ann"):
        save_card(other_card(10), actor="bob", reason="", based_on=1)


def test_saving_a_card_is_audited_and_the_same_card_again_is_no_new_version(acme):
    current_card()
    save_card(other_card(), actor="ann", reason="tuned", based_on=1)
    again = save_card(other_card(), actor="ann", reason="tuned", based_on=2)

    event = AuditEvent.objects.get(action="scoring.card.save")
    assert again.version == 2
    assert (event.actor, event.reason, event.subject) == ("ann", "tuned", "default v2")
    assert event.before["rules"][0]["points"] == 30


def test_the_database_refuses_a_score_outside_0_to_100_and_a_second_one_per_run(acme):
    lead, card = make_lead(), current_card()
    given = {"lead": lead, "card": card, "bucket": "LOW", "rationale": "", "features": {}}
    for total, name in ((101, "score_between_0_and_100"), (-1, "score_between_0_and_100")):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            LeadScore.objects.create(run_id=1, total=total, **given)
    LeadScore.objects.create(run_id=1, total=1, **given)
    with pytest.raises(IntegrityError, match="score_once_per_lead_and_run"), transaction.atomic():
        LeadScore.objects.create(run_id=1, total=1, **given)
