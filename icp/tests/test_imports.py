"""Lists of suppressions come in whole or not at all, with every row accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import psutil
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from icp import imports, read_workbook
from icp.imports import confirm_import, preview_import, undo_import
from icp.models import Suppression, SuppressionImport
from icp.read_table import UnreadableFileError, read_table
from icp.suppressions import SuppressionError, add, is_suppressed
from icp.tests.factories import NOW, make_lead
from icp.tests.hostile_files import FILES, slow_workbook
from icp.uploads import UploadError, discard, error_file, rows_of
from tenants.context import in_tenant
from tenants.files.neutralise import for_csv, plain


def preview(content: bytes | str, *, reason="they asked"):
    content = content.encode() if isinstance(content, str) else content
    return preview_import(content, file_name="list.csv", reason=reason, actor="ann", now=NOW)


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_or_read_row_by_row(acme, name):
    content, new, refused = FILES[name]
    began = time.monotonic()

    if new is None:
        with pytest.raises(UnreadableFileError, match=r"\.$"):
            preview(content)
        assert not SuppressionImport.objects.exists()
    else:
        upload = preview(content)
        assert (upload.new, upload.refused) == (new, refused)

    assert not Suppression.objects.exists(), "a preview suppresses nobody"
    assert time.monotonic() - began < 40


@contextmanager
def largest_reader() -> Iterator[Callable[[], int]]:
    """The most memory (bytes) that a child which reads workbooks held while the block ran.

    Looked at from outside and told by its command line: ``ru_maxrss`` of a child starts with that
    of the process it was forked from.
    """
    seen, done = [0], Event()

    def watch() -> None:
        while not done.wait(0.02):
            for child in psutil.Process().children():
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    if read_workbook.__file__ in child.cmdline():
                        seen.append(child.memory_info().rss)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield lambda: max(seen)
    finally:
        done.set()
        thread.join()


@pytest.mark.slow
def test_a_workbook_made_to_take_minutes_is_bounded_in_time_and_memory():
    content = slow_workbook()
    assert len(content) < 1_000_000

    with largest_reader() as largest, pytest.raises(UnreadableFileError):
        read_table(content)  # ended by its limit of processor seconds, 20

    assert 0 < largest() <= read_workbook.MEMORY_BYTES


def test_the_preview_tells_each_row(acme):
    add("EMAIL", "old@acme.sg", reason="before", actor="ann")

    upload = preview("email,uen\nnew@acme.sg,\nold@acme.sg,\nNEW@acme.sg,\nbad,worse\n,\n")

    rows = {row.number: (row.outcome, len(row.reasons)) for row in rows_of(upload)}
    assert rows == {2: ("new", 0), 3: ("present", 0), 4: ("present", 0), 5: ("refused", 2)}
    assert (upload.new, upload.present, upload.refused) == (1, 2, 1)


def test_nothing_of_a_refused_row_is_imported(acme):
    confirm_import(preview("email,uen\njo@acme.sg,no uen\n"), actor="ann")

    assert not Suppression.objects.exists()


def test_a_second_import_adds_nothing(acme):
    content = FILES["plain"][0]
    assert confirm_import(preview(content), actor="ann") == 2

    again = preview(content)

    assert (again.new, again.present) == (0, 2)
    assert confirm_import(again, actor="ann") == 0
    assert Suppression.objects.count() == 2


def test_rows_keep_their_reason_or_take_the_common_one(acme):
    upload = preview("email,reason\na@x.sg,moved\nb@x.sg,\n", reason="spring list")

    confirm_import(upload, actor="ann")

    reasons = dict(Suppression.objects.values_list("value", "reason"))
    assert reasons == {"a@x.sg": "moved", "b@x.sg": "spring list"}


def test_an_import_without_a_reason_is_refused(acme):
    with pytest.raises(SuppressionError, match="Say why"):
        preview("email\na@x.sg\n", reason=" ")


def test_an_upload_is_decided_once(acme):
    upload = preview("email\na@x.sg\n")
    confirm_import(upload, actor="ann")

    with pytest.raises(UploadError, match="decided before: imported"):
        confirm_import(upload, actor="ann")
    with pytest.raises(UploadError, match="decided before"):
        discard(upload, actor="ann")


def test_the_uploaded_addresses_are_forgotten_once_decided(acme):
    upload = preview("email\na@x.sg\nbad\n")
    discard(upload, actor="ann")

    upload.refresh_from_db()
    assert (upload.status, upload.accepted_rows, upload.refused_rows) == ("DISCARDED", None, None)


def test_leads_are_rejected_by_the_import(acme):
    lead = make_lead()

    confirm_import(preview(f"uen\n{lead.uen}\n"), actor="ann")

    lead.refresh_from_db()
    assert lead.stage == "REJECTED"


def test_undo_lifts_what_the_import_added_and_no_more(acme):
    add("EMAIL", "old@acme.sg", reason="before", actor="ann")
    upload = preview("email\nold@acme.sg\nnew@acme.sg\n")
    confirm_import(upload, actor="ann")

    with pytest.raises(SuppressionError, match="Say why"):
        undo_import(upload, reason="", actor="ann")
    lifted = undo_import(upload, reason="wrong file", actor="ann")

    assert lifted == 1
    assert is_suppressed(email="old@acme.sg")
    assert not is_suppressed(email="new@acme.sg")
    assert Suppression.objects.get(value="new@acme.sg").lift_reason == "wrong file"
    with pytest.raises(UploadError, match="nothing to undo"):
        undo_import(upload, reason="again", actor="ann")


def test_the_error_file_has_the_own_columns_and_the_reasons_and_can_be_uploaded_again(acme):
    upload = preview("email,team,reason\njo@acme.sg,a,left\n=bad(),b,left\nworse,c,left\n")

    content = error_file(upload)

    header, *rows = content.strip().splitlines()
    assert header == "email,team,reason,why_refused"
    assert [row.split(",")[:3] for row in rows] == [
        ["'=bad()", "b", "left"],
        ["worse", "c", "left"],
    ]
    mended = content.replace("'=bad()", "good@acme.sg")
    again = preview(mended)
    assert (again.new, again.refused) == (1, 1)


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|x", "-2+3=", "@SUM(1)", "\tx", "\uff1d1", " =1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless_and_comes_back(cell):
    assert for_csv(cell) == f"'{cell}"
    assert plain(for_csv(cell)) == cell


@pytest.mark.parametrize("cell", ["+65 6123 4567", "-12", "jo@acme.sg", "O'Neill", "'quoted'", ""])
def test_an_ordinary_cell_stays_as_it_is(cell):
    assert for_csv(cell) == cell
    assert plain(cell) == cell


def test_twenty_thousand_rows_take_as_many_statements_as_twenty(acme):
    def statements(count: int) -> int:
        upload = preview("\n".join(["email", *(f"p{n}@x{n % 900}.sg" for n in range(count))]))
        with CaptureQueriesContext(connection) as asked:
            confirm_import(upload, actor="ann")
        return len(asked)

    # Rows come in batches, and every app looks at each batch once.
    assert statements(20_000) <= statements(20) + 15


def test_one_row_that_fails_leaves_nothing_behind(acme, monkeypatch):
    upload = preview("email\na@x.sg\nb@x.sg\n")
    monkeypatch.setattr(imports, "take_effect", _fail)

    with pytest.raises(RuntimeError, match="struck"):
        confirm_import(upload, actor="ann")

    assert not Suppression.objects.exists()
    upload.refresh_from_db()
    assert upload.status == "PREVIEWED"


def test_another_tenant_sees_neither_upload_nor_suppression(acme):
    confirm_import(preview("email\na@x.sg\n"), actor="ann")

    with in_tenant("beta"):
        assert not SuppressionImport.objects.exists()
        assert not is_suppressed(email="a@x.sg")


def _fail(*_args, **_kwargs):
    raise RuntimeError("struck by lightning")
