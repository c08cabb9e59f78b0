"""Lists of Do Not Call results come in with every row accounted for, and can be withdrawn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from icp import suppressions
from icp.read_table import UnreadableFileError
from icp.tests.factories import NOW
from icp.tests.hostile_files import FILES, shaped
from icp.uploads import UploadError, discard, error_file, rows_of
from leadgen_project.persons import packed
from leadgen_project.persons.identify import Asked, identify
from outreach.phone_models import DncImport, DncResult
from outreach.phones.dnc import VALID_FOR, Standing, standings
from outreach.phones.import_dnc import preview_results, take_in, withdraw
from tenants.context import in_tenant
from tenants.models import AuditEvent

NUMBER, OTHER = "+6561234567", "+6561234568"
FILE = """number,register,result,checked_on,reasoning
6123 4567,voice,clear,,
61234568,,business,,Switchboard on the company's own site
nobody,fax line,maybe,,
61234569,,business,2999-01-01,
61234570,,clear,last week,
"""
SHAPES = shaped("number,result,checked_on", "61234567,clear,2026-11-20", "61234568,listed,")


def preview(content: str | bytes, *, now=NOW) -> DncImport:
    content = content.encode() if isinstance(content, str) else content
    return preview_results(content, file_name="answer.csv", actor="olga", now=now)


def taken(content: str, *, now=NOW) -> DncImport:
    upload = preview(content, now=now)
    take_in(upload, actor="olga", now=now)
    upload.refresh_from_db()
    return upload


def undo(upload: DncImport) -> int:
    return withdraw(upload, reason="Wrong list.", actor="ben", now=NOW)


def standing(number: str = NUMBER) -> Standing:
    return standings([number], now=NOW)[number]


def test_a_preview_stores_nothing_and_tells_all_mistakes_of_each_row(acme):
    upload = preview(FILE)

    assert not DncResult.objects.exists()
    assert (upload.new, upload.present, upload.refused) == (2, 0, 3)
    assert {row.number: row.reasons for row in rows_of(upload) if row.reasons} == {
        4: ["This is no telephone number.", "The register is VOICE, TEXT or FAX.",
            "The result is clear, listed or business."],
        5: ["Say in the column reasoning why it is a business's own line.",
            "checked_on lies in the future."],
        6: ["Write checked_on as 2026-11-22."],
    }  # fmt: skip


def test_what_is_taken_in_keeps_the_file_as_evidence_and_is_decided_once(acme):
    upload = preview(FILE)

    assert take_in(upload, actor="olga", now=NOW) == 2

    row = DncResult.objects.get(number=NUMBER)
    assert (row.evidence_name, row.evidence_sha256) == ("answer.csv", upload.sha256)
    assert (row.upload_id, row.created_by, row.expires_at) == (upload.pk, "olga", NOW + VALID_FOR)
    assert DncResult.objects.get(number=OTHER).expires_at is None
    assert (standing(), standing(OTHER)) == (Standing.CLEAR, Standing.BUSINESS)
    assert AuditEvent.objects.get(action="outreach.dnc.import").after["new"] == 2
    with pytest.raises(UploadError, match="decided before: imported"):
        take_in(upload, actor="olga", now=NOW)


def test_the_same_file_again_adds_nothing_and_makes_no_look_younger(acme):
    taken(FILE)
    later = NOW + timedelta(days=5)

    again = preview(FILE, now=later)

    assert (again.new, again.present, again.refused) == (0, 2, 3)
    assert take_in(again, actor="olga", now=later) == 0
    assert DncResult.objects.get(number=NUMBER).checked_at == NOW


def test_results_of_one_number_and_day_that_differ_are_refused_the_same_again_is_told(acme):
    upload = preview(
        "number,result,checked_on\n61234567,clear,2026-11-20\n61234567,listed,2026-11-20\n"
        "61234568,clear,2026-11-20\n61234568,no,2026-11-20\n61234568,yes,2026-11-19\n"
    )

    assert {row.number: row.outcome for row in rows_of(upload)} == {
        2: "refused", 3: "refused", 4: "new", 5: "present", 6: "new",
    }  # fmt: skip


def test_a_suppressed_number_is_refused_whatever_the_register_said_also_when_suppressed_since(acme):
    suppressions.add("PHONE", OTHER, reason="Asked us.", actor="olga")
    upload = preview(FILE)
    assert "The number is suppressed." in error_file(upload)
    suppressions.add("PHONE", NUMBER, reason="Asked us.", actor="olga")

    assert take_in(upload, actor="olga", now=NOW) == 0

    upload.refresh_from_db()
    assert (upload.new, upload.refused) == (0, 5)
    assert not DncResult.objects.exists()


def test_the_refused_rows_come_back_as_a_file_that_can_be_mended(acme):
    content = error_file(taken(FILE))
    assert content.splitlines()[0] == "number,register,result,checked_on,reasoning,why_refused"

    mended = content.replace("last week", "2026-11-20")

    assert (preview(mended).new, preview(mended).refused) == (1, 2)


def test_a_number_whose_only_result_is_withdrawn_is_called_no_more(acme):
    upload = taken(FILE)

    assert undo(upload) == 2

    assert {standing(), standing(OTHER)} == {Standing.WITHDRAWN}
    assert DncResult.objects.filter(withdrawn_at=NOW).count() == 2, "the rows stay"
    event = AuditEvent.objects.get(action="outreach.dnc.undo")
    assert (event.reason, event.after["withdrawn"]) == ("Wrong list.", 2)
    with pytest.raises(UploadError, match="nothing to undo"):
        undo(upload)
    assert taken(FILE).new == 2, "and can be imported again"
    assert standing() == Standing.CLEAR


def test_undo_leaves_what_another_list_said_before_or_as_well(acme):
    taken("number,result,checked_on\n61234567,clear,2026-11-10\n")
    first = taken("number,result,checked_on\n61234567,clear,2026-11-20\n61234568,no,2026-11-20\n")
    second = taken("number,result,checked_on,reasoning\n61234568,no,2026-11-20,again\n")
    assert (second.new, second.present) == (0, 1)

    assert undo(first) == 1

    assert (standing(), standing(OTHER)) == (Standing.CLEAR, Standing.CLEAR)
    still = DncResult.objects.get(number=OTHER, withdrawn_at=None)
    assert (still.upload_id, still.evidence_sha256) == (second.pk, second.sha256)
    undo(second)
    assert standing(OTHER) == Standing.WITHDRAWN


def test_undoing_a_list_that_said_do_not_call_opens_no_number(acme):
    taken("number,result,checked_on\n61234567,clear,2026-11-10\n")
    wrong = taken("number,result,checked_on\n61234567,listed,2026-11-19\n")

    undo(wrong)

    assert standing() == Standing.WITHDRAWN
    taken("number,result,checked_on\n61234567,clear,2026-11-20\n")
    assert standing() == Standing.CLEAR


def test_undo_wants_a_reason_and_a_discarded_list_is_never_taken_in(acme):
    upload = taken(FILE)
    with pytest.raises(UploadError, match="Say why"):
        withdraw(upload, reason=" ", actor="ben", now=NOW)
    other = preview("number,result\n61234599,clear\n")
    discard(other, actor="olga", now=NOW)
    with pytest.raises(UploadError, match="decided before: discarded"):
        take_in(other, actor="olga", now=NOW)


def test_of_somebody_erased_while_the_list_waits_nothing_is_taken_in(acme):
    upload = preview(FILE)
    packed.clean_uploads(identify(Asked(phone=NUMBER)))

    assert take_in(upload, actor="olga", now=NOW) == 1

    assert list(DncResult.objects.values_list("number", flat=True)) == [OTHER]


@pytest.mark.parametrize("name", SHAPES)
def test_a_list_of_any_shape_comes_in_by_the_row_or_not_at_all(acme, name):
    content, accepted = SHAPES[name]
    if accepted is None:
        with pytest.raises(UnreadableFileError, match=r"\.$"):
            preview(content)
        assert not DncImport.objects.exists()
        return

    upload = preview(content)

    assert upload.new + upload.present == accepted
    assert take_in(upload, actor="olga", now=NOW) == upload.new == DncResult.objects.count()
    assert preview(content).new == 0, "a second import adds nothing"


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_of_another_kind_is_refused_as_a_whole(acme, name):
    with pytest.raises(UnreadableFileError, match=r"\.$"):
        preview(FILES[name][0])

    assert not DncImport.objects.exists()


def test_ten_thousand_results_come_in_and_go_out_together(acme, django_assert_max_num_queries):
    rows = "".join(f"6{n:07d},clear\n" for n in range(1_000_000, 1_010_000))
    upload = preview("number,result\n" + rows)

    with django_assert_max_num_queries(20):
        assert take_in(upload, actor="olga", now=NOW) == 10_000
    upload.refresh_from_db()
    with django_assert_max_num_queries(20):
        assert undo(upload) == 10_000


def test_another_tenant_sees_neither_list_nor_result(acme):
    taken(FILE)

    with in_tenant("beta"):
        assert not DncImport.objects.exists()
        assert standing() == Standing.UNCHECKED
