import csv
import zipfile
from datetime import date
from pathlib import Path

from leadgen_project.sandbox.names import folded, guess_hosts
from leadgen_project.sandbox.register import (
    COLUMNS,
    LETTERS,
    file_name,
    letter_of,
    release_truth,
    write_one,
    write_split,
    write_zip,
)
from leadgen_project.sandbox.registered import registered, release_date
from leadgen_project.sandbox.uen import UenBook, check_letter, is_made_up


def read(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["uen"]: row for row in csv.DictReader(file)}


def test_the_check_letter_of_known_numbers_is_right():
    assert check_letter("196800306") == "E"
    assert check_letter("201532108") == "K"
    assert check_letter("53000001") == "J"


def test_every_number_is_valid_unique_and_in_the_made_up_range():
    uens = [entity.uen for entity in registered(count=5000)]

    assert len(set(uens)) == 5000
    assert all(uen[-1] == check_letter(uen[:-1]) for uen in uens)
    assert all(is_made_up(uen) for uen in uens)
    assert not is_made_up("196800306E")


def test_a_year_that_is_full_hands_on_to_the_year_before():
    book = UenBook()

    given = [book.next("LL", 2020) for _ in range(1001)]

    assert given[999][1] == 2020
    assert given[1000][1] == 2019
    assert len({uen for uen, _ in given}) == 1001


def test_names_are_unique_and_look_invented():
    names = [folded(entity.name) for entity in registered(count=5000)]

    assert len(set(names)) == 5000


def test_about_sixty_percent_are_live_with_both_words():
    entities = list(registered(count=2000))

    live = [entity.status for entity in entities if entity.is_live]
    assert 0.55 < len(live) / 2000 < 0.70
    assert {"Live Company", "Live"} < set(live)


def test_the_file_has_the_published_columns_and_every_row_says_sandbox(tmp_path):
    path = tmp_path / "register.csv"

    count = write_one(path, count=400)

    header = path.read_text(encoding="utf-8").splitlines()[0]
    rows = read(path)
    assert header.split(",") == list(COLUMNS)
    assert len(COLUMNS) == 53
    assert len(rows) == count == 400
    assert all("SANDBOX" in row["building_name"] for row in rows.values())
    assert any(len(row["postal_code"]) == 5 for row in rows.values())
    assert any(len(row["postal_code"]) == 4 for row in rows.values())
    assert any(row["former_entity_name1"] != "na" for row in rows.values())
    assert any(row["secondary_ssic_code"] != "na" for row in rows.values())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c")]
    for path, seed in zip(paths, (7, 7, 8), strict=True):
        write_one(path, seed=seed, count=200)

    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes() != paths[2].read_bytes()


def test_27_files_and_the_zip_hold_what_the_one_file_holds(tmp_path):
    write_one(tmp_path / "one.csv", count=300)
    rows = write_split(tmp_path / "split", count=300)
    write_zip(tmp_path / "all.zip", count=300)

    together = {}
    for letter in LETTERS:
        part = read(tmp_path / "split" / file_name(letter))
        assert len(part) == rows[letter]
        assert all(letter_of(row["entity_name"]) == letter for row in part.values())
        together |= part
    assert together == read(tmp_path / "one.csv")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        packed = archive.read(file_name("K"))
    assert packed == (tmp_path / "split" / file_name("K")).read_bytes()


def test_the_truth_of_a_later_release_equals_the_difference_of_the_files(tmp_path):
    write_one(tmp_path / "0.csv", count=400)
    write_one(tmp_path / "1.csv", count=400, month=1)
    before, after = read(tmp_path / "0.csv"), read(tmp_path / "1.csv")

    truth = release_truth(count=400, month=1)

    changed = {uen for uen in before if before[uen] != after[uen]}
    assert set(truth.new) == set(after) - set(before)
    assert set(truth.changed) == changed
    assert truth.entities == len(after)
    assert truth.unchanged == len(before) - len(changed)
    assert all(
        columns == tuple(c for c in COLUMNS if before[uen][c] != after[uen][c])
        for uen, columns in truth.changed.items()
    )
    assert truth.new
    assert truth.left_live
    assert truth.renamed
    assert truth.moved_file


def test_releases_are_a_month_apart():
    assert [release_date(month) for month in (0, 1, 4)] == [
        date(2026, 9, 14),
        date(2026, 10, 14),
        date(2027, 1, 14),
    ]


def test_a_host_is_the_folded_name_without_its_legal_suffix():
    hosts = ("orchidlogistics.com.sg.test", "orchidlogistics.sg.test", "orchidlogistics.com.test")

    assert guess_hosts("ORCHID LOGISTICS (S) PTE. LTD.") == hosts
    assert guess_hosts("Orchid Logistics Private Limited") == hosts
    assert folded("CAFÉ & CO. (PTE.) LTD.") == "cafe"
