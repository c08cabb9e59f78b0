"""A preview tells what the selection will do: counts, split, who enters and who leaves."""

from __future__ import annotations

from datetime import date

import pytest

from icp import suppressions
from icp.current_rule import read_version
from icp.preview import preview_rule
from icp.rules import read_rule
from icp.select import select_candidates
from icp.taxonomy import SsicTitles
from icp.tests.factories import NOW, TODAY, make_company, make_rule


def rule(payload):
    return read_rule(payload, taxonomy=SsicTitles(), as_of=TODAY)


@pytest.fixture
def companies(acme):
    return {
        "new": make_company(registered_on=date(2024, 1, 1), district=1),
        "old": make_company(registered_on=date(2001, 1, 1), district=2),
        "undated": make_company(registered_on=None, district=None),
        "shop": make_company(primary_ssic="47111", registered_on=date(2024, 5, 1), district=1),
        "dead": make_company(status_class="CEASED"),
    }


def names(found) -> list[str]:
    return [company.uen for company in found]


def test_counts_are_split_into_sure_and_not_known_yet(companies):
    preview = preview_rule(rule({"incorporation_year": {"min": 2010}}))

    assert (preview.total, preview.meets, preview.unknown) == (3, 2, 1)
    assert names(preview.sample) == [
        companies[name].uen for name in ("shop", "new", "undated")
    ]  # fmt: skip
    assert [company.meets for company in preview.sample] == [True, True, False]


def test_distributions_add_up_to_the_total(companies):
    preview = preview_rule(rule({}))

    assert preview.by_district == [("1", 2), ("", 1), ("2", 1)]
    assert preview.by_year == [("2024", 2), ("2001", 1), ("", 1)]
    assert [(label[0], count) for label, count in preview.by_section] == [("K", 3), ("G", 1)]


def test_who_enters_and_leaves_against_the_saved_version(companies):
    saved = rule({"ssic": ["62"], "incorporation_year": {"max": 2010}})

    preview = preview_rule(rule({"incorporation_year": {"min": 2010}}), saved=saved)

    assert (preview.enters, preview.leaves) == (2, 1)
    assert names(preview.entering) == [companies["shop"].uen, companies["new"].uen]
    assert names(preview.leaving) == [companies["old"].uen]


def test_the_same_rule_moves_nobody(companies):
    preview = preview_rule(rule({"ssic": ["62"]}), saved=rule({"ssic": ["62"]}))

    assert (preview.enters, preview.leaves, preview.entering, preview.leaving) == (0, 0, [], [])


def test_without_a_saved_version_there_is_nothing_to_compare(companies):
    assert preview_rule(rule({})).enters is None


def test_suppressed_companies_are_left_out_of_every_count(companies):
    suppressions.add("UEN", companies["new"].uen, reason="asked", actor="tests")

    preview = preview_rule(rule({}), saved=rule({"ssic": ["47"]}))

    assert preview.total == 3
    assert companies["new"].uen not in names(preview.sample)
    assert (preview.enters, preview.leaves) == (2, 0)


def test_leads_are_counted_but_do_not_come_in_next(companies):
    select_candidates(None, rule=make_rule({"ssic": ["47"]}), cap=9, now=NOW)

    preview = preview_rule(rule({}))

    assert preview.total == 4
    assert companies["shop"].uen not in names(preview.sample)


@pytest.mark.parametrize(
    "payload",
    [
        {}, {"ssic": ["62"]}, {"incorporation_year": {"min": 2010}, "order": "oldest"},
        {"districts": [1], "unknown": {"districts": "no_match"}, "order": "recent_returns"},
        {"shared_address": {"max": 1}}, {"has_former_names": False}, {"ssic": ["46"]},
    ],
)  # fmt: skip
def test_saving_gives_exactly_the_previewed_companies(companies, payload):
    version = make_rule(payload)
    preview = preview_rule(read_version(version, now=NOW))

    report = select_candidates(None, rule=version, cap=20, now=NOW)

    assert report.uens == names(preview.sample)
    assert (report.meets, report.unknown) == (preview.meets, preview.unknown)
