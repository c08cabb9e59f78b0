"""N11: no number leaves in a call list without a valid look at the Do Not Call register."""

from __future__ import annotations

from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from icp import suppressions
from icp.models import FileRecall
from icp.tests.test_pages import inside, page, sign_in
from outreach.phone_models import DncResult
from outreach.phones.call_list import as_csv, call_list
from outreach.phones.dnc import VALID_FOR, Standing, standings
from scoring.models import LeadScore, ScoreCard, Shortlist, ShortlistEntry
from scoring.tests.factories import make_contact, make_lead
from tenants.models import AuditEvent

NUMBER, OTHER = "+6561234567", "+6561234568"
FILE = b"""number,register,result,checked_on,reasoning
6123 4567,voice,clear,,
61234568,,business,,Switchboard on the company's own site
nobody,,clear,,
61234569,,maybe,,
61234570,,business,,
61234571,,listed,2999-01-01,
"""


def checked(number: str, result: str = "CLEAR", **age: int) -> DncResult:
    at = timezone.now() - timedelta(**age)
    return DncResult.objects.create(
        number=number, result=result, checked_at=at, evidence_name="answer.csv",
        expires_at=None if result == "BUSINESS" else at + VALID_FOR, created_by="olga",
        evidence_sha256="0" * 64, reasoning="Their switchboard." if result == "BUSINESS" else "",
    )  # fmt: skip


def listed(*numbers: str) -> None:
    card = ScoreCard.objects.create(name="default", version=1, payload={}, created_by="o")
    shortlist = Shortlist.objects.create(run_id=7, cap=9, card=card, considered=len(numbers))
    for rank, number in enumerate(numbers, start=1):
        lead = make_lead(f"KAYA {rank}")
        make_contact(lead, "PERSON", name="Mei", phone=number)
        score = LeadScore.objects.create(lead=lead, run_id=7, card=card, total=5, bucket="LOW",
                                         features={}, rationale="x")  # fmt: skip
        ShortlistEntry.objects.create(shortlist=shortlist, lead=lead, rank=rank, score=score)


def test_only_numbers_with_a_valid_result_are_on_the_list_and_the_file_counts_the_others(acme):
    numbers = [f"+656123456{digit}" for digit in range(6)]
    listed(*numbers)
    clear, business, old, forbidden, unknown, silent = numbers
    checked(clear)
    checked(business, "BUSINESS", days=400)
    checked(old, days=21)
    checked(forbidden, "LISTED")
    checked(silent)
    suppressions.add("PHONE", silent, reason="Asked us.", actor="olga")

    found = call_list(now=timezone.now())

    assert [call.number for call in found.calls] == [clear, business]
    assert found.withheld == {Standing.EXPIRED: 1, Standing.LISTED: 1, Standing.UNCHECKED: 1,
                              "suppressed": 1}  # fmt: skip
    assert found.to_look_up == [old, unknown]
    file = as_csv(found)
    assert "Withheld: 4 numbers" in file
    assert not any(number in file for number in (old, forbidden, silent))
    assert file.count("Singapore Open Data Licence") == 2


def test_a_result_ends_to_the_second_and_the_newest_counts(acme):
    result = checked(NUMBER)
    end = result.expires_at

    assert standings([NUMBER], now=end - timedelta(seconds=1)) == {NUMBER: Standing.CLEAR}
    assert standings([NUMBER], now=end) == {NUMBER: Standing.EXPIRED}
    checked(OTHER, "LISTED", days=2)
    checked(OTHER, "CLEAR", days=1)
    assert standings([OTHER], now=timezone.now()) == {OTHER: Standing.CLEAR}


def test_an_operator_imports_results_and_takes_the_list_out(db):
    operator = sign_in("OPERATOR")
    inside(lambda: listed(NUMBER, OTHER))
    assert "Nobody to call" in page(operator, "outreach_call_list")

    file = SimpleUploadedFile("answer.csv", FILE)
    shown = operator.post("/admin/outreach/dncresult/import/", {"file": file}, follow=True)
    assert b"Take in 2 results" in shown.content
    assert "maybe" in page(operator, "outreach_dnc_errors", shown.context_data["upload"].pk)
    decide = reverse("admin:outreach_dnc_decide", args=[shown.context_data["upload"].pk])
    assert b"2 new results" in operator.post(decide, follow=True).content
    assert "Withheld: 0 numbers" in page(operator, "outreach_call_list")
    answer = operator.post("/admin/outreach/dncresult/calls/file/")
    assert NUMBER in answer.content.decode()
    assert inside(AuditEvent.objects.filter(action="outreach.calls.export").exists)

    undone = operator.post(decide, {"verdict": "undo", "_reason": "Wrong list."}, follow=True)

    assert b"Withdrawn: 2 results" in undone.content
    assert "2 the result was taken back" in page(operator, "outreach_call_list")
    assert NUMBER not in operator.post("/admin/outreach/dncresult/calls/file/").content.decode()


def test_the_numbers_to_look_up_come_as_a_file_that_can_be_imported_once_filled_in(db):
    operator = sign_in("OPERATOR")
    inside(lambda: listed(NUMBER, OTHER))
    assert "2 numbers to look up" in page(operator, "outreach_call_list")

    taken = operator.post("/admin/outreach/dncresult/calls/look-up/").content
    filled = SimpleUploadedFile("answer.csv", taken.replace(b"VOICE,,,", b"VOICE,clear,,"))
    shown = operator.post("/admin/outreach/dncresult/import/", {"file": filled}, follow=True)
    decide = reverse("admin:outreach_dnc_decide", args=[shown.context_data["upload"].pk])
    operator.post(decide)

    assert [call.number for call in inside(lambda: call_list(now=timezone.now()).calls)] == [
        NUMBER, OTHER
    ]  # fmt: skip
    assert "to look up" not in page(operator, "outreach_call_list")
    assert inside(AuditEvent.objects.filter(action="outreach.calls.look_up").exists)


def test_who_opts_out_after_the_list_was_taken_puts_it_on_the_recall_list(db):
    operator = sign_in("OPERATOR")
    inside(lambda: listed(NUMBER, OTHER))
    inside(lambda: checked(NUMBER))
    operator.post("/admin/outreach/dncresult/calls/file/")
    operator.post("/admin/outreach/dncresult/calls/look-up/")

    inside(lambda: suppressions.add("PHONE", NUMBER, reason="Called back.", actor="olga"))
    inside(lambda: suppressions.add("PHONE", OTHER, reason="Wrote to us.", actor="olga"))

    found = inside(lambda: list(FileRecall.objects.select_related("taken_out").order_by("pk")))
    assert [line.taken_out.title for line in found] == ["Call list", "Numbers to look up"]
    assert all(len(line.taken_out.sha256) == 64 for line in found)


def test_an_auditor_reads_the_list_and_takes_nothing_out(db):
    auditor = sign_in("AUDITOR")

    assert "Nobody to call" in page(auditor, "outreach_call_list")
    for name in ("file", "look-up"):
        assert auditor.post(f"/admin/outreach/dncresult/calls/{name}/").status_code == 403
    assert auditor.get("/admin/outreach/dncresult/import/").status_code == 403
