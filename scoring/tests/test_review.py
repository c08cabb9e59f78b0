"""Verdicts: once, on the newest list, with their reason and the audit, and taken back whole."""

from __future__ import annotations

import pytest

from icp.models import Lead
from scoring.models import ShortlistEntry
from scoring.review import ReviewError, accept, reject, undo
from scoring.tests.factories import NOW, make_good_lead, make_lead
from scoring.tests.test_diff import night
from tenants.models import AuditEvent


def state():
    rows = ShortlistEntry.objects.order_by("rank").values_list(
        "lead__name", "decision", "lead__stage", "lead__review", "lead__rejection_reason"
    )
    return list(rows)


def entry_of(name):
    return ShortlistEntry.objects.filter(lead__name=name)


def test_an_accepted_lead_keeps_its_stage_and_makes_room_for_another(acme):
    make_good_lead("A", uen="A")
    make_good_lead("B", uen="B")
    night(cap=1)

    assert accept(entry_of("A"), actor="ann", now=NOW) == 1

    assert state() == [("A", "ACCEPTED", "SHORTLISTED", "ACCEPTED", "")]
    following = night(cap=1)
    assert [entry.lead.name for entry in following.entries.all()] == ["B"]


def test_a_rejected_lead_says_why_and_does_not_come_back(acme):
    make_good_lead("A")
    night()

    assert reject(entry_of("A"), reason=" too small ", actor="ann", now=NOW) == 1

    assert state() == [("A", "REJECTED", "REJECTED", "OPEN", "too small")]
    assert night().entries.count() == 0


def test_a_rejection_without_a_reason_is_refused(acme):
    make_good_lead("A")
    night()

    with pytest.raises(ReviewError, match="Say why"):
        reject(entry_of("A"), reason="  ", actor="ann")

    assert state() == [("A", "OPEN", "SHORTLISTED", "OPEN", "")]


@pytest.mark.parametrize("verdict", ["accept", "reject"])
def test_undo_puts_everything_back_as_it_was(acme, verdict):
    make_good_lead("A")
    night()
    before = state()
    if verdict == "accept":
        accept(entry_of("A"), actor="ann")
    else:
        reject(entry_of("A"), reason="no", actor="ann")

    assert undo(entry_of("A"), actor="ann", now=NOW) == 1

    assert state() == before
    entry = entry_of("A").get()
    assert (entry.decided_by, entry.decided_at, entry.decision_reason) == ("", None, "")
    assert undo(entry_of("A"), actor="ann") == 0


def test_a_second_verdict_changes_nothing(acme):
    make_good_lead("A")
    night()
    accept(entry_of("A"), actor="ann")

    assert reject(entry_of("A"), reason="late", actor="bob") == 0

    assert state() == [("A", "ACCEPTED", "SHORTLISTED", "ACCEPTED", "")]


def test_an_older_list_is_a_record(acme):
    make_good_lead("A")
    old = night()
    night()

    assert accept(old.entries.all(), actor="ann") == 0

    assert {decision for _, decision, *_ in state()} == {"OPEN"}


def test_undo_leaves_a_lead_that_ceased_meanwhile_rejected(acme):
    lead = make_good_lead("A")
    night()
    accept(entry_of("A"), actor="ann")
    lead.refresh_from_db()
    lead.reject("CEASED", "Struck off.")

    assert undo(entry_of("A"), actor="ann") == 0
    assert Lead.objects.get().rejection_reason == "Struck off."


def test_many_at_once_are_one_audit_event(acme):
    for _ in range(3):
        make_lead()
    shortlist = night(cap=3)

    assert reject(shortlist.entries.all(), reason="wrong list", actor="ann") == 3

    event = AuditEvent.objects.get(action="scoring.review.rejected")
    assert (event.actor, event.reason) == ("ann", "wrong list")
    assert event.subject == f"3 leads of shortlist of run {shortlist.run_id}"
    assert sorted(event.after["leads"]) == sorted(Lead.objects.values_list("pk", flat=True))


def test_without_a_list_there_is_nothing_to_judge(acme):
    with pytest.raises(ReviewError, match="no shortlist yet"):
        accept(ShortlistEntry.objects.all(), actor="ann")


def test_the_number_of_statements_does_not_grow_with_the_leads(acme, django_assert_num_queries):
    for _ in range(4):
        make_good_lead()
    shortlist = night(cap=4)
    for ranks in ([1], [2, 3, 4]):
        with django_assert_num_queries(9):
            accept(shortlist.entries.filter(rank__in=ranks), actor="ann", now=NOW)
