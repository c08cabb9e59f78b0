"""The payload language: what is accepted, and that every mistake is named at once."""

from __future__ import annotations

import json
import random
from datetime import date

import pytest

from icp.keys import KEYS
from icp.payload import Range
from icp.rules import InvalidRuleError, read_rule
from icp.taxonomy import FoundCode
from icp.tests.factories import PLAN_PAYLOAD, TODAY


class FakeTitles:
    """A classification of three divisions, without a database."""

    def codes_of(self, word):
        found = {"technology": ["62", "72105"], "textiles": ["46411"], "retail": ["47"]}
        return [FoundCode(code, f"title of {code}") for code in found.get(word, [])]

    def suggestions(self, word):
        return ["technology"] if word.startswith("tech") else []

    def divisions(self, section):
        return {"K": ["61", "62"]}.get(section, [])

    def unknown(self, codes):
        return {code for code in codes if code[:2] in {"00", "98"}}


def read(payload):
    return read_rule(payload, taxonomy=FakeTitles(), as_of=TODAY)


def problems(payload) -> dict[str, str]:
    with pytest.raises(InvalidRuleError) as raised:
        read(payload)
    return {problem.path: problem.sentence for problem in raised.value.problems}


def keys_of(payload) -> list[str]:
    return [condition.key for condition in read(payload).conditions]


def test_the_payload_of_the_plan_is_accepted_verbatim():
    rule = read(PLAN_PAYLOAD)

    assert rule.payload == PLAN_PAYLOAD
    assert rule.words() == [
        "Industry: technology (SSIC 62 or 72105)",
        "Status: live",
        "Registered 2000 to 2025",
        "Employees: 2 to 100",
        "Newest registration first",
    ]


def test_the_codes_found_for_a_word_are_shown():
    assert [each.code for each in read(PLAN_PAYLOAD).codes["technology"]] == ["62", "72105"]


def test_an_empty_rule_asks_for_the_living_alone():
    assert keys_of({}) == ["status"]


@pytest.mark.parametrize("empty", [None, [], {}, ""])
def test_an_empty_key_asks_nothing(empty):
    assert keys_of({"industries": empty, "employee_range": empty}) == ["status"]


def test_older_names_of_keys_are_understood():
    assert keys_of({"ssic_codes": ["62"], "buyer_titles": ["CEO"]}) == ["ssic", "status", "titles"]


def test_a_key_and_its_older_name_together_are_refused():
    assert "means the same" in problems({"ssic": ["62"], "ssic_codes": ["62"]})["ssic_codes"]


def test_all_mistakes_are_named_at_once_with_their_paths():
    found = problems(
        {
            "industries": ["technolgy", 3],
            "employee_range": {"min": 9, "max": 2},
            "incorporation_year": {"min": "2000"},
            "ssic": ["62", "abc", "98111"],
            "statu": ["LIVE"],
            "order": "newst",
            "limit": 0,
            "unknown": {"ssic": "perhaps"},
            "exclude": {"districts": [29], "colour": ["red"]},
        }
    )

    assert set(found) == {
        "industries[0]", "industries[1]", "employee_range", "incorporation_year.min", "ssic[1]",
        "ssic", "statu", "order", "limit", "unknown.ssic", "exclude.districts[0]",
        "exclude.colour",
    }  # fmt: skip
    assert "Similar: technology" in found["industries[0]"]
    assert "98111" in found["ssic"]
    assert "Did you mean status?" in found["statu"]


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"incorporation_year": {"min": 2010}, "age_years": {"min": 30}}, "age_years"),
        ({"registered_since": "2027-01-01"}, "registered_since"),
        ({"registered_within_days": 30, "age_months": {"min": 12}}, "registered_within_days"),
        ({"industries": ["technology"], "ssic": ["46411"]}, "ssic"),
        ({"industries": ["technology"], "exclude": {"ssic": ["62", "72"]}}, "exclude.ssic"),
        ({"ssic": ["62011"], "exclude": {"ssic": ["K"]}}, "exclude.ssic"),
        ({"districts": [1, 2], "exclude": {"districts": [1, 2, 3]}}, "exclude.districts"),
        ({"postal_codes": ["018956"], "postal_sectors": ["04"]}, "postal_codes"),
        ({"postal_sectors": ["04"], "exclude": {"postal_sectors": ["04"]}},
         "exclude.postal_sectors"),
        ({"entity_types": ["LLP"], "company_types": ["Private Company Limited by Shares"]},
         "company_types"),
        ({"entity_types": ["llp"], "exclude": {"entity_types": ["Limited Liability Partnership"]}},
         "exclude.entity_types"),
        ({"renamed_within_months": 6, "has_former_names": False}, "has_former_names"),
        ({"status": ["CEASED"]}, "status"),
    ],
)  # fmt: skip
def test_a_rule_nobody_can_meet_is_refused_and_says_where(payload, path):
    assert list(problems(payload)) == [path]


@pytest.mark.parametrize(
    "payload",
    [
        {"incorporation_year": {"min": 2010}, "age_years": {"max": 10}},
        {"industries": ["technology"], "ssic": ["62011"]},
        {"industries": ["technology"], "ssic": ["46411"], "ssic_in": "either"},
        {"industries": ["technology"], "exclude": {"ssic": ["62011"]}},
        {"postal_codes": ["018956"], "postal_sectors": ["01"]},
        {"entity_types": ["Local Company", "llp"],
         "company_types": ["Private Company Limited by Shares"]},
        {"renamed_within_months": 6, "has_former_names": True},
    ],
)  # fmt: skip
def test_keys_that_can_be_met_together_are_accepted(payload):
    assert read(payload).conditions


def test_a_policy_that_leaves_nobody_is_a_warning():
    rule = read({"employee_range": {"min": 2}, "unknown": {"employee_range": "no_match"}})

    [warning] = rule.warnings
    assert warning.path == "unknown.employee_range"
    assert "selects nobody" in warning.sentence


@pytest.mark.parametrize("payload", [None, [], "x", 3, True])
def test_a_payload_that_is_no_object_is_refused(payload):
    assert "" in problems(payload)


@pytest.mark.parametrize(
    "payload",
    [
        {"districts": [True]}, {"districts": [1.5]}, {"limit": 10**30}, {"industries": ["\0"]},
        {"industries": ["x" * 10_000]}, {"ssic": ["٦٢"]}, {"registered_since": "2024-02-30"},
        {"registered_since": 20240101}, {"officers": [1, 2]}, {"has_former_names": "yes"},
        {"postal_codes": [18956]}, {"postal_sectors": ["1"]}, {"exclude": ["62"]},
        {"unknown": "match"}, {"industries": {"a": 1}}, {"employee_range": {"min": float("nan")}},
        {"districts": list(range(20_000))}, {"age_months": {"min": -1}}, {"ssic_in": "third"},
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused_not_guessed(payload):
    assert problems(payload)


def test_any_payload_is_read_or_refused_with_sentences_never_with_a_crash():
    """5,000 payloads put together at random from right and wrong pieces."""
    chance = random.Random(20261121)
    values = [
        None, True, 0, 7, -3, 2005, 1e9, "", "technology", "62", "62011", "K", "LIVE", "newest",
        "018956", "2024-01-31", "match", [], {}, ["62"], ["technology", "x"], [1, 28, 29], [None],
        {"min": 1}, {"min": 2010, "max": 2000}, {"max": 2020}, {"ssic": ["62"]}, [[1]], [{}],
        {"employee_range": "match"}, {"min": None, "max": None}, "\0", "x" * 300,
    ]  # fmt: skip
    names = [*KEYS, "unknown", "exclude", "order", "limit", "ssic_in", "colour", "ssic_codes"]
    outcomes = {"read": 0, "refused": 0, "unsaid": 0}
    for _ in range(5000):
        payload = {chance.choice(names): chance.choice(values) for _ in range(chance.randint(0, 5))}
        try:
            rule = read(payload)
        except InvalidRuleError as exc:
            unfinished = [each for each in exc.problems if not each.sentence.endswith((".", "?"))]
            outcomes["unsaid" if unfinished else "refused"] += 1
        else:
            assert all(condition.words for condition in rule.conditions), payload
            assert json.dumps(rule.payload)
            outcomes["read"] += 1
    assert outcomes["unsaid"] == 0
    assert min(outcomes["read"], outcomes["refused"]) > 300


def test_ranges_are_said_in_words():
    assert Range(2, 100).words("months") == "2 to 100 months"
    assert Range(None, 5).words() == "at most 5"
    assert Range(5, None).words() == "at least 5"
    assert Range(5, 5).words() == "exactly 5"


def test_a_day_is_counted_back_over_short_months():
    from icp.conditions import dates_of_age, months_before

    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert months_before(date(2024, 3, 31), 1) == date(2024, 2, 29)
    assert months_before(date(2026, 1, 15), 13) == date(2024, 12, 15)
    assert dates_of_age(Range(12, 24), as_of=date(2026, 11, 22)) == (
        date(2024, 10, 23), date(2025, 11, 22),
    )  # fmt: skip
