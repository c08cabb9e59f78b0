"""Rows typed by column, and lines taken by block, are those of the slower ways, to the byte."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from acra.columns import FORMER_NAMES, PUBLISHED
from acra.normalise import Normaliser, pack
from acra.scan import _Reader, scan
from acra.scan_parallel import type_all
from acra.sources import RegisterFileError, find_sources, opened, read_header
from acra.tally import Tally, Task
from acra.tests.make import row, uen
from acra.type_rows import RowTyper, SeenUens
from acra.uen import clean_uen, is_uen
from tenants.tests.shared_data import shared_data

TODAY = date(2026, 11, 21)
VALUES = [
    "na", "NA", "Na", "n/a", "N/A", "-", "", " ", "A  B", " A", "A ", "a b", "A\tB", "A\\B", "A\nB",
    'THE "A" B', "'A'", "A & B CO.", "LIMITED", "LTD", "A (S) PTE. LTD.", "A (SINGAPORE) PTE LTD",
    "A AND CO PTE. LTD.", "***", "&&", "A\u200bB", "Caf\u00e9", "\u65b0\u52a0\u5761", "A\x1eB",
    "A\x1dB", "A\x7fB", "A|B", "A" * 100, "A" * 101, "&" * 300, "A " * 250 + "B", "AB" * 251,
    "2026-11-21", "2026-11-22", "2029-11-01", "2029-11-02", "2026-02-29", "2024-02-29",
    "0000-01-01", "0001-01-01", "9999-12-31", "2026-W01-1", "20260101", "2026-1-011", "2026- 1-01",
    "+026-01-01", "018982", "18982", "189", "0189", "740000", "000000", "S(368165)", "1234567",
    "62011", "00000", "99999", "1234", "62021", "0", "007", "999999", "+5", "-5", "1.5", "\u0663",
    "Live Company", "LIVE", "Struck Off - x", "LLP", "LP",
]  # fmt: skip


def odd_rows() -> Iterator[str]:
    """Each value in each column of a row without oddities."""
    usual = row(1, entity_name="A CO (S) PTE. LTD.", former_entity_name1="OLD PTE LTD")
    for column in PUBLISHED:
        for value in VALUES:
            if column != "uen":
                yield pack(list({**usual, column: value}.values()))
    former = dict.fromkeys(FORMER_NAMES, "F & CO")
    yield pack(list({**usual, **former, "name_of_audit_firm2": "X"}.values()))


def published_rows(name: str) -> Iterator[str]:
    (source,) = find_sources([shared_data() / name])
    with opened(source) as file:
        lines = (line.decode(errors="replace").replace("\0", "") for line in file)
        for values in csv.reader(lines):
            if len(values) == len(PUBLISHED) and is_uen(clean_uen(values[0])):
                yield pack(values)


def usual_uens() -> Iterator[str]:
    rows = [row(number) for number in range(500)]
    codes = ["53123456X", "53123456A", "T08LL0001A", "S99FC5678K", "000000001K", "20200001A"]
    yield from (pack(list(one.values())) for one in rows)
    yield from (pack(list(row(1, uen=code).values())) for code in codes)


@pytest.mark.parametrize(
    "lines",
    [
        odd_rows,
        usual_uens,
        lambda: published_rows("acra_real_rows_dev.csv"),
        lambda: list(published_rows("register_dev_2026.csv.gz"))[:6000],
        lambda: list(published_rows("register_dev_hostile.csv.gz"))[:6000],
    ],
    ids=["each odd value in each column", "numbers", "real", "made up", "hostile"],
)
def test_rows_typed_by_column_are_those_typed_one_by_one(lines):
    lines = list(lines())
    quick, slow = RowTyper(today=TODAY), Normaliser(today=TODAY)

    typed, uens = quick.typed(pl.Series(lines))

    expected = slow.rows(lines)
    assert Counter(typed.decode().split("\n")[:-1]) == Counter(expected)
    assert quick.take_warnings()[0] == slow.warnings
    assert Counter(uens) == Counter(one.partition("\t")[0] for one in expected)


@pytest.mark.parametrize("few", [0, 10_000], ids=["in another process", "here"])
def test_many_lines_are_typed_in_another_process_and_a_few_here(few, monkeypatch):
    monkeypatch.setattr("acra.scan_parallel.FEW_LINES", few)
    lines, tally, slow = list(odd_rows()), Tally(), Normaliser(today=TODAY)

    blocks = type_all([lines[:900], lines[900:]], tally, count=len(lines), today=TODAY)

    rows = b"".join(blocks).decode().split("\n")[:-1]
    assert Counter(rows) == Counter(slow.rows(lines))
    assert tally.warnings == slow.warnings


def test_a_process_that_dies_is_an_error_and_no_short_file(monkeypatch):
    monkeypatch.setattr("acra.scan_parallel.FEW_LINES", 0)

    with pytest.raises(RegisterFileError, match=r"ended early \(exit code 1\)"):
        list(type_all([[None]], Tally(), count=1, today=TODAY))


def test_most_rows_of_a_register_are_typed_by_column():
    lines = pl.Series(list(published_rows("register_dev_2026.csv.gz"))[:6000])

    _, others = RowTyper(today=TODAY)._plain.part(lines)

    assert len(others) < len(lines) / 20


@pytest.mark.parametrize("today", ["", TODAY.isoformat()])
@pytest.mark.parametrize(
    "name", ["acra_real_rows_dev.csv", "register_dev_2026.csv.gz", "register_dev_hostile.csv.gz"]
)
def test_a_block_taken_at_once_gives_the_rows_that_its_lines_give(name, today, monkeypatch):
    (source,) = find_sources([shared_data() / name])
    task = Task(source, read_header(source), end=4_000_000, today=today)
    at_once, by_line = Tally(), Tally()

    blocks = b"".join(scan(task, at_once))
    monkeypatch.setattr(_Reader, "_take_block", lambda self, block: None)
    lines = b"".join(scan(task, by_line))

    assert Counter(blocks.split(b"\n")) == Counter(lines.split(b"\n"))
    assert at_once.rejected == by_line.rejected
    assert at_once.warnings == by_line.warnings
    assert at_once.repeated == by_line.repeated
    assert at_once.accepted > 0


def test_repeated_numbers_are_found_among_all_that_were_read():
    seen = SeenUens()

    seen.add(pl.Series([uen(1), uen(2), "053123456K"]))
    seen.add(pl.Series([uen(2), "53123456K", uen(3), uen(3), uen(3)]))

    assert seen.repeated() == [uen(2), uen(3)]
    assert SeenUens().repeated() == []


def test_a_part_of_a_file_is_read_from_its_first_byte_to_its_last():
    (source,) = find_sources([shared_data() / "acra_real_rows_dev.csv"])
    task = Task(source, read_header(source))
    whole, first, second = Tally(), Tally(), Tally()
    with (shared_data() / "acra_real_rows_dev.csv").open("rb") as file:
        file.readline()
        file.readline()
        cut = file.tell()

    blocks = b"".join(scan(task, whole))
    parts = b"".join(scan(replace(task, end=cut), first))
    parts += b"".join(scan(replace(task, start=cut), second))

    assert Counter(parts.split(b"\n")) == Counter(blocks.split(b"\n"))
    assert whole.rows == first.rows + second.rows
