import csv
import gzip
import io
import json
import signal
import subprocess
import sys
import time
import zipfile
from datetime import UTC, date, datetime

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import IntegrityError

from acra.columns import PUBLISHED
from acra.load import LOCK, LoadInProgressError, LoadRefusedError, load_register
from acra.models import RegisterChange, RegisteredCompany, RegisterImport
from acra.normalise import published_row
from acra.status import status_class
from acra.tests.make import generated, row, text, uen, write
from tenants.tests.shared_data import shared_data

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


def load(*paths, **options):
    return load_register(paths, now=NOW, actor="tests", **options)


def company(number: int) -> RegisteredCompany:
    return RegisteredCompany.objects.get(pk=uen(number))


def rows_of(kinds: dict) -> dict[str, int]:
    return {kind: found["rows"] for kind, found in kinds.items()}


@pytest.fixture
def file(tmp_path):
    def file(content, name="register.csv"):
        return write(tmp_path / name, content)

    return file


# --- what a load keeps and means ----------------------------------------------------------------


def test_real_rows_are_kept_as_published_beside_what_they_mean(db):
    source = shared_data() / "acra_real_rows_dev.csv"

    account = load(source)

    dbs = RegisteredCompany.objects.get(pk="196800306E")
    assert (account.read, account.new, account.rejected) == (4, 4, 0)
    assert dbs.former_names == ["THE DEVELOPMENT BANK OF SINGAPORE"]
    assert (dbs.name_key, dbs.status_class, dbs.district) == ("DBS BANK", "LIVE", 1)
    assert (dbs.primary_ssic, dbs.secondary_ssic, dbs.officers_count) == ("64120", "", 102)
    assert dbs.annual_return_on == date(2026, 6, 3)
    with source.open(encoding="utf-8", newline="") as lines:
        for published in csv.DictReader(lines):
            kept = RegisteredCompany.objects.get(pk=published["uen"])
            assert published_row(kept.published) == published


def test_every_generated_row_is_kept_verbatim(db, tmp_path):
    source = generated(tmp_path / "r.csv", "--rows", "1500", "--dirty", "0")

    load(source)

    kept = dict(RegisteredCompany.objects.values_list("uen", "published"))
    with source.open(encoding="utf-8", newline="") as lines:
        published = list(csv.DictReader(lines))
    assert len(kept) == len(published) == 1500
    assert [published_row(kept[one["uen"]]) for one in published] == published


def test_the_account_of_the_generated_register_equals_its_truth(db):
    truth = json.loads((shared_data() / "register_dev_2026.truth.json").read_text())

    account = load(shared_data() / "register_dev_2026.csv.gz")

    wrong_letters = account.warnings["check letter does not fit"]["rows"]
    duplicates = truth["defects"]["dup_exact"] + truth["defects"]["dup_conflict"]
    assert account.read == truth["data_rows_written"]
    assert rows_of(account.rejections) == {
        "UEN has none of the shapes": truth["entities_with_unusable_uen"] - wrong_letters,
        "duplicate": duplicates,
    }
    assert account.new == account.read - account.rejected == RegisteredCompany.objects.count()
    unsure = len(truth["conflicting_duplicate_uens"]) + truth["entities_with_unusable_uen"]
    for name, expected in truth["by_status"].items():
        found = RegisteredCompany.objects.filter(status=name).count()
        assert abs(found - expected) <= unsure, name
    for district, expected in truth["live_by_postal_district"].items():
        found = RegisteredCompany.objects.filter(
            district=district, status_class__in=["LIVE", "AT_RISK"]
        ).count()
        assert abs(found - expected) <= unsure + truth["defects"]["postal_letters"], district


def test_the_hostile_register_loses_only_what_is_no_row(db):
    truth = json.loads((shared_data() / "register_dev_hostile.truth.json").read_text())
    defects = truth["defects"]

    account = load(shared_data() / "register_dev_hostile.csv.gz")

    assert account.read == truth["data_rows_written"]
    assert rows_of(account.rejections) == {
        "duplicate": defects["dup_exact"] + defects["dup_conflict"],
        "too many values": defects["long_row"],
        "too few values": defects["short_row"],
        "UEN has none of the shapes": 6,
    }
    warnings = rows_of(account.warnings)
    assert warnings["quote where none belongs"] == defects["raw_quote"]
    assert warnings["bytes that are no UTF-8, read as Windows-1252"] == defects["invalid_utf8"]
    assert warnings["name cut"] == defects["huge_name"]
    names = RegisteredCompany.objects.values_list("name", flat=True)
    assert not any(set(name) & set("\t\n\r\u200b\u202e") or "  " in name for name in names)
    assert max(map(len, names)) <= 500


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"entity_status_description": "Live"}, {"status_class": "LIVE"}),
        ({"entity_status_description": "Asleep"}, {"status_class": "UNKNOWN", "status": "Asleep"}),
        ({"entity_status_description": "na"}, {"status_class": "UNKNOWN", "status": ""}),
        ({"postal_code": "18982"}, {"postal_code": "018982", "district": 1}),
        ({"postal_code": "106"}, {"postal_code": "0106", "district": None}),
        ({"postal_code": "S(018982)"}, {"postal_code": "S(018982)", "district": None}),
        ({"primary_ssic_code": "01111"}, {"primary_ssic": "01111"}),
        ({"primary_ssic_code": "62029"}, {"primary_ssic": "62029"}),
        ({"primary_ssic_code": "6201"}, {"primary_ssic": ""}),
        ({"registration_incorporation_date": "2026-02-30"}, {"registered_on": None}),
        ({"registration_incorporation_date": "2099-01-01"}, {"registered_on": date(2099, 1, 1)}),
        ({"registration_incorporation_date": "1891-03-17"}, {"registered_on": date(1891, 3, 17)}),
        ({"entity_name": "NA"}, {"name": "NA", "name_key": "NA"}),
        ({"entity_name": "na"}, {"name": "", "name_key": ""}),
        ({"entity_name": " CAFÉ\t\u200b ROSE  LLP "},
         {"name": "CAFÉ ROSE LLP", "name_key": "CAFE ROSE"}),
        ({"entity_name": '=HYPERLINK("x"),\\N'}, {"name": '=HYPERLINK("x"),\\N'}),
        ({"building_name": "N/A", "street_name": " "}, {"building": "", "street": ""}),
        ({"unit_no": "-3", "level_no": "00"}, {"unit": "-3", "level": "00"}),
        ({"no_of_officers": "many"}, {"officers_count": None}),
        ({"entity_type_description": "LLP"}, {"entity_type": "Limited Liability Partnership"}),
        ({"former_entity_name1": "OLD\\", "former_entity_name2": 'A "B"'},
         {"former_names": ["OLD\\", 'A "B"'], "former_keys": "OLD A B"}),
        ({"primary_ssic_description": "OWN WORDS"}, {"primary_activity": "OWN WORDS"}),
        ({"primary_user_described_activity": "MINE"}, {"primary_activity": "MINE"}),
    ],
)  # fmt: skip
def test_what_a_value_means(db, file, values, expected):
    load(file([row(1, **values)]))

    found = company(1)
    assert {name: getattr(found, name) for name in expected} == expected
    published = published_row(found.published)
    assert {name: published[name] for name in values} == values


@pytest.mark.parametrize("written", ["{}", " {}\u00a0", "{:l}"])
def test_a_uen_in_another_spelling_is_the_same_company(db, file, written):
    spelt = uen(1).lower() if ":l" in written else written.format(uen(1))

    load(file([row(1, uen=spelt)]))
    again = load(file([row(1, uen=spelt)]))

    assert company(1).name == "MADE UP 1 PTE. LTD."
    assert (again.unchanged, again.changed, again.new) == (1, 0, 0)


def test_a_failed_check_letter_is_a_warning(db, file):
    wrong = uen(1)[:-1] + ("A" if uen(1)[-1] != "A" else "B")

    account = load(file([row(1, uen=wrong)]))

    assert account.new == 1
    assert rows_of(account.warnings) == {"check letter does not fit": 1}


def test_unknown_statuses_are_counted(db, file):
    account = load(file([row(n, entity_status_description="Asleep") for n in (1, 2)]))

    assert account.warnings["status not known"] == {
        "rows": 2, "examples": [f"{uen(1)} Asleep", f"{uen(2)} Asleep"],
    }  # fmt: skip


def test_the_classes_of_the_model_are_those_of_the_labels():
    assert set(RegisteredCompany.StatusClass.values) == set(type(status_class("")))


# --- files in bad form --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        lambda t: "\ufeff" + t,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.rstrip("\n"),
        lambda t: t.replace("\n", "\n\n"),
        lambda t: t.replace("entity_name", ' "Entity Name"', 1),
        lambda t: t.replace("uen,issuance", "UEN,issuance", 1),
        lambda t: t + t.partition("\n")[0] + "\n",
    ],
)
def test_the_form_of_a_file_does_not_matter(db, file, form):
    account = load(file(form(text([row(1), row(2)]))))

    assert (account.read, account.new) == (2, 2)
    assert published_row(company(2).published) == row(2)


def test_columns_are_found_by_name_in_any_order_with_others_between(db, file):
    columns = [*reversed(PUBLISHED), "no_of_charges", "paid_up_capital1_currency"]
    load(file([row(1)]))

    again = load(file(text([{**row(1), "no_of_charges": "0"}], columns)))

    assert (again.unchanged, again.changed) == (1, 0)
    assert rows_of(again.warnings) == {"columns that are not used": 1}


def test_the_release_of_94_columns_says_the_same(db, tmp_path):
    options = ("--rows", "400", "--dirty", "0")
    load(generated(tmp_path / "new.csv", *options))

    again = load(generated(tmp_path / "old.csv", *options, "--release", "2023"))

    assert again.read == again.changed + again.unchanged == 400
    fields = {name for change in RegisterChange.objects.all() for name in change.fields}
    assert "postal_code" not in fields  # lost zeros are no move
    assert "entity_type_description" not in fields  # LLP is Limited Liability Partnership
    assert "company_type_description" not in fields  # capitals


@pytest.mark.parametrize("column", ["uen", "entity_status_description", "primary_ssic_code"])
def test_a_needed_column_that_is_missing_is_named_with_its_file(db, file, column):
    load(file([row(1)]))
    columns = [name for name in PUBLISHED if name != column]

    with pytest.raises(Exception, match=rf"worse\.csv: the column '{column}' is missing"):
        load(file(text([row(2)], columns), "worse.csv"))

    assert RegisteredCompany.objects.count() == 1
    failed = RegisterImport.objects.order_by("-pk").first()
    assert failed.status == "FAILED"
    assert column in failed.error


def test_another_missing_column_keeps_what_is_known(db, file):
    load(file([row(1, building_name="TOWER", former_entity_name1="OLD")]))
    columns = [name for name in PUBLISHED if name not in ("building_name", "former_entity_name1")]

    account = load(file(text([row(1, block="99"), row(2)], columns)))

    assert (company(1).building, company(1).block, company(1).former_names) == (
        "TOWER", "99", ["OLD"],
    )  # fmt: skip
    assert company(2).building == ""
    assert (account.new, account.changed) == (1, 1)
    assert "column missing: building_name; known values stay" in account.warnings


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"{uen(2)},ACRA,SHORT\n", "too few values"),
        (",".join(row(2).values()) + ",surplus\n", "too many values"),
        (",".join(row(2, uen="nonsense").values()) + "\n", "UEN has none of the shapes"),
        (",".join(row(2, entity_name="X" * 70_000).values()) + "\n", "row too long"),
        (f'{uen(2)},ACRA,"NEVER CLOSED,Local Company\n', "quote never closed"),
        ("\0" * 5000 + "x\n", "too few values"),
    ],
)
def test_a_line_that_is_no_row_does_not_take_its_neighbours_along(db, file, line, reason):
    whole = text([row(n) for n in range(3, 60)])
    header, _, rest = whole.partition("\n")

    account = load(file(f"{header}\n" + text([row(1)]).partition("\n")[2] + line + rest))

    assert rows_of(account.rejections) == {reason: 1}
    assert account.new == 58
    assert account.read == 59


def test_line_breaks_inside_quotes_belong_to_the_row(db, file):
    account = load(file([row(1, entity_name="TWO\nLINES"), row(2)]))

    assert (account.new, account.rejected) == (2, 0)
    assert company(1).name == "TWO LINES"
    assert published_row(company(1).published)["entity_name"] == "TWO\nLINES"


def test_a_file_cut_in_the_middle_loses_one_row_and_ceases_nobody(db, file):
    whole = text([row(n) for n in range(1, 51)])
    load(file(whole))

    account = load(file(whole[: int(len(whole) * 0.7)]))

    assert rows_of(account.rejections) == {"file ends in the middle of a row": 1}
    assert (account.changed, account.ceased) == (0, 0)
    assert RegisteredCompany.objects.filter(status_class="LIVE").count() == 50


def test_text_in_another_encoding_is_repaired_and_counted(db, file):
    account = load(file(text([row(1, entity_name="CAFÉ"), row(2)]).encode("latin-1")))

    assert company(1).name == "CAFÉ"
    assert rows_of(account.warnings) == {"bytes that are no UTF-8, read as Windows-1252": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        ("uen,entity_name\n".encode("utf-16"), "UTF-16"),
        (b"<!doctype html><title>x</title>", "web page"),
        (b"PK\x03\x04" + b"\0" * 100, "binary"),
        (b"x" * 200_000, "no line ends"),
        (b"a;b;c\n1;2;3\n", "'uen'"),
        (b"uen,uen\n", "twice"),
    ],
)
def test_what_is_no_register_is_refused_with_the_reason(db, file, content, message):
    with pytest.raises(Exception, match=message):
        load(file(content))

    assert RegisterImport.objects.get().status == "FAILED"


# --- packed files -------------------------------------------------------------------------------


def test_packed_files_and_folders_are_read_as_they_are(db, tmp_path):
    with gzip.open(tmp_path / "a.csv.gz", "wb") as packed:
        packed.write(text([row(1)]).encode())
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("../../outside.csv", text([row(2)]))
        archive.writestr("inner/more.csv", text([row(3)]))
        archive.writestr("readme.txt", "no register")
    write(tmp_path / "c.csv", [row(4)])

    account = load(tmp_path)

    assert account.new == 4
    assert not (tmp_path.parent.parent / "outside.csv").exists()


def test_packed_files_that_are_broken_change_nothing(db, tmp_path):
    whole = gzip.compress(text([row(n) for n in range(200)]).encode())
    cut = write(tmp_path / "cut.csv.gz", whole[: len(whole) // 2])
    no_zip = write(tmp_path / "no.zip", b"PK nothing")

    for path, message in ((cut, "ends too early"), (no_zip, "no readable zip")):
        with pytest.raises(Exception, match=message):
            load(path)

    assert not RegisteredCompany.objects.exists()


def test_a_bomb_is_refused(db, tmp_path, monkeypatch):
    monkeypatch.setattr("acra.scan.MOST_BYTES", 3_000_000)
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as packed:
        packed.write(text([row(1)]).encode() + b"\0" * 40_000_000)

    with pytest.raises(Exception, match="larger than"):
        load(tmp_path / "bomb.csv.gz")

    assert not RegisteredCompany.objects.exists()


def test_a_file_a_hundred_times_too_large_is_refused_unread(db, tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(65 * 1024**3)

    with pytest.raises(Exception, match=r"65\.0 GiB to load"):
        load(path)


# --- several loads ------------------------------------------------------------------------------


def test_the_same_again_writes_nothing(db, file):
    path = file([row(n) for n in range(1, 30)])
    load(path)
    before = _versions()

    account = load(path)

    assert (account.new, account.changed, account.unchanged) == (0, 0, 29)
    assert _versions() == before


def test_what_changed_is_logged_with_its_columns(db, file):
    load(file([row(1), row(2), row(3), row(4)]))

    account = load(
        file([
            row(1),
            row(2, street_name="OTHER ROAD", unit_no="77"),
            row(3, entity_status_description="Struck Off"),
            row(5),
        ])
    )  # fmt: skip

    log = {change.uen: (change.kind, change.fields) for change in RegisterChange.objects.all()}
    assert log == {
        uen(2): ("CHANGED", ["street_name", "unit_no"]),
        uen(3): ("CEASED", ["entity_status_description"]),
        uen(5): ("NEW", []),
    }
    assert (account.new, account.changed, account.ceased, account.unchanged) == (1, 2, 1, 1)
    assert company(4).status_class == "LIVE"  # absent is not ceased


@pytest.mark.parametrize(
    "values",
    [
        {"postal_code": "18982"},
        {"company_type_description": "EXEMPT PRIVATE COMPANY LIMITED BY SHARES"},
        {"building_name": ""},
        {"building_name": "NA"},
        {"street_name": "MADE  UP ROAD "},
    ],
)
def test_another_spelling_is_no_news_but_the_published_row_is_the_newest(db, file, values):
    load(file([row(1)]))
    RegisteredCompany.objects.update(changed_at=datetime(2020, 1, 1, tzinfo=UTC))

    account = load(file([row(1, **values)]))

    assert (account.changed, account.unchanged) == (0, 1)
    assert account.warnings["only spelt in another way"]["rows"] == 1
    assert company(1).changed_at.year == 2020
    assert published_row(company(1).published) == row(1, **values)
    assert not RegisterChange.objects.exists()


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_rows_for_one_company_the_best_stays_whatever_their_order(db, file, order):
    renamed = row(1, entity_name="NEW NAME", former_entity_name1="MADE UP 1")
    dead = row(2, entity_status_description="Struck Off")

    account = load(file([row(1), renamed, row(2), dead, row(3), row(3)][::order]))

    assert rows_of(account.rejections) == {"duplicate": 3}
    assert company(1).name == "NEW NAME"
    assert company(2).status_class == "CEASED"
    assert account.new == 3


def test_a_month_later_the_difference_equals_the_truth(db, tmp_path):
    options = ("--rows", "4000", "--seed", "3", "--dirty", "0")
    truth_path = tmp_path / "truth.json"
    load(generated(tmp_path / "r0", *options))

    account = load(generated(tmp_path / "r1", *options, "--month", "1", "--truth", str(truth_path)))

    truth = json.loads(truth_path.read_text())["changes_in_last_month"]
    fields = [change.fields for change in RegisterChange.objects.exclude(kind="NEW")]
    moved = {"block", "street_name", "level_no", "unit_no", "building_name", "postal_code"}
    assert account.new == truth["new"]
    assert account.ceased == truth["left_live"]
    assert sum("entity_status_description" in names for names in fields) == truth["status_changed"]
    assert sum(bool(moved & set(names)) for names in fields) == truth["address_changed"]
    assert sum("entity_name" in names for names in fields) == truth.get("renamed", 0)


def test_a_complete_release_whose_file_shrank_is_refused(db, tmp_path):
    for name in "AB":
        write(tmp_path / f"{name}.csv", [row(n + ord(name) * 100) for n in range(40)])
    load(tmp_path, complete=True)
    write(tmp_path / "B.csv", [row(n + ord("B") * 100, block="9") for n in range(30)])

    with pytest.raises(LoadRefusedError, match=r"B\.csv: 30 rows, 40 before"):
        load(tmp_path, complete=True)

    assert not RegisteredCompany.objects.filter(block="9").exists()
    assert load(tmp_path).changed == 30  # without the check it may


def test_a_dry_run_tells_and_keeps_nothing(db, file):
    account = load(file([row(1)]), dry_run=True)

    assert account.new == 1
    assert not RegisteredCompany.objects.exists()
    assert not RegisterImport.objects.exists()


def test_an_account_that_does_not_add_up_cannot_be_stored(db):
    with pytest.raises(IntegrityError, match="register_load_adds_up"):
        RegisterImport.objects.create(status="FINISHED", read=2, new=1)


# --- with other processes -----------------------------------------------------------------------


def test_a_large_first_load_goes_the_quick_way_and_ends_the_same(committed, tmp_path, monkeypatch):
    path = generated(tmp_path / "r.csv", "--rows", "6000", "--dirty", "0.2")
    monkeypatch.setattr("acra.load.PARALLEL_FROM", 1)
    monkeypatch.setattr("acra.scan_parallel.PARALLEL_FROM", 1)
    monkeypatch.setattr("acra.scan_parallel.PART_BYTES", 300_000)

    quick = load(path)
    quickly = list(RegisteredCompany.objects.order_by("pk").values())
    indexes = _indexes()
    RegisteredCompany.objects.all().delete()
    monkeypatch.undo()
    usual = load(path)

    assert (quick.read, quick.new) == (usual.read, usual.new)
    assert rows_of(quick.rejections) == rows_of(usual.rejections)
    assert quick.warnings.keys() == usual.warnings.keys()  # counts include duplicates
    assert quickly == list(RegisteredCompany.objects.order_by("pk").values())
    assert indexes == _indexes()


def test_a_second_load_at_the_same_time_learns_who_holds_it(committed, file):
    RegisterImport.objects.create(actor="alice", process="vm 7", stage="compare", started_at=NOW)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        with pytest.raises(
            LoadInProgressError, match=r"by alice since 17:00 UTC \(vm 7\).*compare"
        ):
            load(file([row(1)]))
    finally:
        other.close()


@pytest.mark.parametrize("moment", ["stage", "write"])
def test_a_killed_load_leaves_the_register_as_it_was(committed, tmp_path, moment):
    load(write(tmp_path / "old.csv", [row(n) for n in range(1, 4000)]))
    before = list(RegisteredCompany.objects.order_by("pk").values())
    newer = write(tmp_path / "new.csv", [row(n, block="9") for n in range(1, 5000)])

    _load_and_kill(newer, committed, moment)

    assert list(RegisteredCompany.objects.order_by("pk").values()) == before
    assert RegisterImport.objects.filter(status="RUNNING").count() == 1
    account = load(newer)
    assert (account.changed, account.new) == (3999, 1000)
    assert RegisterImport.objects.get(status="FAILED").error.startswith("Ended in the middle")


def _load_and_kill(path, committed, moment: str) -> None:
    code = f"""
import os, signal, django
django.setup()
from datetime import datetime, UTC
from acra import load
def report(step, done, total):
    if step == {moment!r}:
        os.kill(os.getpid(), signal.SIGKILL)
now = datetime(2026, 11, 22, tzinfo=UTC)
load.load_register([{str(path)!r}], now=now, actor="victim", report=report)
"""
    env = {**committed.env, "DJANGO_SETTINGS_MODULE": "leadgen_project.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=settings.BASE_DIR, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    for _ in range(100):  # PostgreSQL needs a moment to notice
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            if not cursor.fetchone()[0]:
                return
        time.sleep(0.05)


def test_the_command_ends_with_an_account_or_the_reason(db, file, tmp_path):
    out = io.StringIO()

    call_command("load_register", str(file([row(1)])), stdout=out)

    assert "1 rows read = 1 new + 0 changed + 0 unchanged + 0 rejected" in out.getvalue()
    with pytest.raises(CommandError, match="there is no such file"):
        call_command("load_register", str(tmp_path / "missing.csv"), stdout=out)


def _versions() -> list[tuple[str, str]]:
    """Row versions: PostgreSQL gives a row a new one when anything writes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text, xmin::text FROM acra_registeredcompany ORDER BY uen")
        return cursor.fetchall()


def _indexes() -> list[tuple[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'acra_registeredcompany'"
                       " ORDER BY 1")  # fmt: skip
        return cursor.fetchall()
