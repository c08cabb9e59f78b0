"""F1: whatever the files are, nothing of them runs, and nothing is half taken."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from enrichment.models import Contact
from icp.models import Lead, Move, MovedRow
from leadgen_project.moving_in.source import UnreadableFileError
from leadgen_project.moving_in.sqlite_file import SqliteFile
from leadgen_project.moving_in.tasks import undo_move
from leadgen_project.tests import former_program as former
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from outreach.models import Message
from tenants.context import in_tenant


@pytest.fixture
def contacts(tmp_path) -> Path:
    return former.write_contacts(tmp_path / "master_contacts.db", map(former.contact, range(20)))


def refused(path: Path) -> str:
    with pytest.raises(UnreadableFileError) as told:
        SqliteFile(path).close()
    return str(told.value)


def rows_of(path: Path, table: str = "contacts") -> list:
    file = SqliteFile(path)
    try:
        return list(file.rows(table, after=0))
    finally:
        file.close()


def test_what_is_no_database_is_told(tmp_path, acme):
    path = tmp_path / "x.db"
    for content in (b"", b"hello", b"PK\x03\x04", b"SQLite format 3"):
        path.write_bytes(content)
        with pytest.raises(CommandError, match="no SQLite database"):
            call_command("import_sqlite", "acme", str(path))

    with pytest.raises(CommandError, match="no file"):
        call_command("import_sqlite", "acme", str(tmp_path / "none.db"))


def test_a_damaged_file_is_refused_before_anything_is_taken(contacts):
    whole = contacts.read_bytes()
    contacts.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refused(contacts)

    contacts.write_bytes(whole[:4096] + b"\xff" * 2000 + whole[6096:])
    assert "damaged" in refused(contacts)


def test_views_triggers_virtual_and_computed_columns_are_left_alone(tmp_path):
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as file:
        file.executescript(
            """
            CREATE TABLE contacts (phone TEXT, name TEXT, boom TEXT AS (upper(name)) STORED,
                                   odd BLOB, "a""b" TEXT);
            INSERT INTO contacts (phone, name, odd, "a""b") VALUES ('1', 'x', x'ff00', 'quoted');
            CREATE VIEW templates AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                SELECT i FROM n;
            CREATE VIRTUAL TABLE email_queue USING fts5(lead_data);
            CREATE TRIGGER t AFTER UPDATE ON contacts BEGIN DELETE FROM contacts; END;
            CREATE TABLE other (x);
            """
        )
    file.close()
    before = path.read_bytes()

    found = SqliteFile(path)

    assert set(found.tables()) == {"contacts"}
    assert {"templates", "email_queue", "other"} <= set(found.left_alone)
    [row] = found.rows("contacts", after=0)
    assert row.original == '{"a\\"b":"quoted","name":"x","odd":"\\udcff\\u0000","phone":"1"}'
    found.close()
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("x.db-*"))


def test_a_huge_cell_is_refused_with_its_row_and_the_rest_is_read(tmp_path):
    path = tmp_path / "x.db"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE contacts (phone, name)")
        file.execute("INSERT INTO contacts VALUES ('1', 'a')")
        file.execute("INSERT INTO contacts VALUES ('2', cast(zeroblob(50000000) AS TEXT))")
        file.execute("INSERT INTO contacts VALUES ('3', 'c')")
    file.close()

    found = rows_of(path)

    assert [(row.cells["phone"], bool(row.reasons)) for row in found] == [
        ("1", False), ("2", True), ("3", False)
    ]  # fmt: skip


def test_a_file_in_use_is_told_and_a_log_beside_it_is_read(contacts):
    writer = sqlite3.connect(contacts, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    assert "being written to" in refused(contacts)
    writer.execute("ROLLBACK")
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO contacts (phone) VALUES ('in the log')")

    assert len(rows_of(contacts)) == 21
    writer.close()

    contacts.with_name(f"{contacts.name}-journal").write_bytes(b"x")
    assert "stopped in the middle" in refused(contacts)


def test_the_command_looks_moves_lists_and_takes_back(contacts, acme, tmp_path):
    engine = former.write_engine(tmp_path / "email_engine.db", templates=[former.template(1)],
                                 mails=[former.mail(1), former.mail(2, template_id=9)])  # fmt: skip
    errors = tmp_path / "errors.csv"
    said = StringIO()

    call_command("import_sqlite", "acme", str(contacts), str(engine), "--dry-run",
                 "--errors", str(errors), stdout=said)  # fmt: skip

    assert "contacts: 20 read = 20 created" in said.getvalue()
    assert "email_queue: 2 read = 1 created, 1 refused" in said.getvalue()
    assert "template 9 is not here" in errors.read_text()
    assert not Lead.objects.exists()
    call_command("import_sqlite", "acme", str(contacts), str(engine), stdout=said)
    assert (Lead.objects.count(), Message.objects.count()) == (20, 1)
    call_command("import_sqlite", "acme", "--undo", str(Move.objects.get().pk), stdout=said)
    assert not Lead.objects.exists()
    assert not Contact.objects.exists()
    assert Move.objects.get().status == "UNDONE"


def test_the_command_asks_for_files_or_an_undo_and_knows_its_mailboxes(contacts, acme):
    for arguments in ((), (str(contacts), "--undo", "1")):
        with pytest.raises(CommandError, match="Name the files"):
            call_command("import_sqlite", "acme", *arguments)
    with pytest.raises(CommandError, match="no mailbox"):
        call_command("import_sqlite", "acme", str(contacts), "--mailbox", "a@b.example")
    with pytest.raises(CommandError, match="no move 9"):
        call_command("import_sqlite", "acme", "--undo", "9")


SLOWLY = """
import sys
from leadgen_project.moving_in import source
source.BATCH_ROWS = 20
import django
django.setup()
from django.core.management import call_command
call_command("import_sqlite", "acme", sys.argv[1])
"""


@pytest.mark.slow
def test_a_move_that_is_killed_goes_on_where_it_was(committed, tmp_path):
    path = former.write_contacts(tmp_path / "c.db", map(former.contact, range(600)))
    command = [sys.executable, "-c", SLOWLY, str(path)]
    process = subprocess.Popen(command, env=committed.env, cwd=settings.BASE_DIR,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    with in_tenant("acme"):
        for _ in range(600):
            if process.poll() is not None or MovedRow.objects.count() >= 60:
                break
            time.sleep(0.1)
        process.kill()
        process.wait()
        subprocess.run(command, env=committed.env, cwd=settings.BASE_DIR, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip

        done = Move.objects.order_by("pk").first()
        assert done.status == "DONE"
        assert done.report["tables"]["0 contacts"]["read"] == 600
        assert (Lead.objects.count(), MovedRow.objects.count()) == (600, 600)
        assert Contact.objects.count() == 600


def test_the_page_lists_moves_gives_the_rows_to_mend_and_takes_back(db, tmp_path):
    make_people()
    path = former.write_contacts(
        tmp_path / "c.db", [former.contact(1), former.contact(2, phone="=x")]
    )
    owner, operator = sign_in("owner"), sign_in("operator")
    assert b"Nothing was moved in yet" in owner.get("/admin/moves/").content
    assert operator.get("/admin/moves/").status_code == 403
    with in_tenant("acme"):
        call_command("import_sqlite", "acme", str(path), stdout=StringIO())
        move = Move.objects.get()

    page = owner.get("/admin/moves/").content.decode()
    lines = b"".join(owner.get(f"/admin/moves/{move.pk}/not-taken.csv").streaming_content)

    assert "is no telephone number" in page
    assert "Take back" in page
    assert b"'=x" in lines
    assert owner.get(f"/admin/moves/{move.pk}/undo/").status_code == 405
    assert operator.post(f"/admin/moves/{move.pk}/undo/").status_code == 403
    owner.post(f"/admin/moves/{move.pk}/undo/")
    with in_tenant("acme"):
        assert Move.objects.get().status == "UNDOING"
        undo_move(move_id=move.pk)
        undo_move(move_id=move.pk)
        assert Move.objects.get().undone_by == "owner"
        assert not Lead.objects.exists()
    assert "Taken back" in owner.get("/admin/moves/").content.decode()
