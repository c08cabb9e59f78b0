"""Each key of a rule lets the right companies through and stops the wrong ones. Asked in SQL."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection

from acra.models import RegisterChange, RegisterImport
from icp.compile import compile_rule
from icp.keys import EXCLUDABLE, KEYS
from icp.rules import read_rule
from icp.taxonomy import EVERYDAY_WORDS, SsicTitles
from icp.tests.factories import NOW, TODAY, as_platform, make_codes, make_company

COMPANY = "Exempt Private Company Limited by Shares"
BUSINESS = {"entity_type": "Sole Proprietorship/ Partnership", "company_type": "",
            "annual_return_on": None}  # fmt: skip
# key, value, a company that meets it, one that does not, one of which it is not known
CASES = [
    ("industries", ["technology"], {"primary_ssic": "62021"}, {"primary_ssic": "46411"},
     {"primary_ssic": ""}),
    ("ssic", ["62011"], {"primary_ssic": "62011"}, {"primary_ssic": "62021"}, {"primary_ssic": ""}),
    ("ssic", ["62"], {"primary_ssic": "62999"}, {"primary_ssic": "63111"}, {"primary_ssic": ""}),
    ("ssic", ["01"], {"primary_ssic": "01111"}, {"primary_ssic": "10111"}, {"primary_ssic": ""}),
    ("ssic", ["K"], {"primary_ssic": "61000"}, {"primary_ssic": "47111"}, {"primary_ssic": ""}),
    ("status", ["LIVE"], {}, {"status_class": "PENDING"}, None),
    ("status", ["LIVE", "AT_RISK"], {"status_class": "AT_RISK"}, {"status_class": "UNKNOWN"}, None),
    ("entity_types", ["llp"], {"entity_type": "LIMITED LIABILITY PARTNERSHIP"}, {},
     {"entity_type": ""}),
    ("company_types", [COMPANY], {"company_type": COMPANY.upper()},
     {"company_type": "Public Company Limited by Shares"}, {"company_type": ""}),
    ("company_types", [COMPANY], {}, BUSINESS, {"company_type": ""}),
    ("incorporation_year", {"min": 2000, "max": 2025}, {"registered_on": date(2000, 1, 1)},
     {"registered_on": date(1999, 12, 31)}, {"registered_on": None}),
    ("incorporation_year", {"max": 2025}, {"registered_on": date(2025, 12, 31)},
     {"registered_on": date(2026, 1, 1)}, {"registered_on": None}),
    ("age_months", {"min": 12}, {"registered_on": date(2025, 11, 22)},
     {"registered_on": date(2025, 11, 23)}, {"registered_on": None}),
    ("age_months", {"max": 11}, {"registered_on": date(2025, 11, 23)},
     {"registered_on": date(2025, 11, 22)}, {"registered_on": None}),
    ("age_years", {"min": 2, "max": 5}, {"registered_on": date(2020, 11, 23)},
     {"registered_on": date(2020, 11, 22)}, {"registered_on": None}),
    ("registered_since", "2024-01-31", {"registered_on": date(2024, 1, 31)},
     {"registered_on": date(2024, 1, 30)}, {"registered_on": None}),
    ("registered_within_days", 90, {"registered_on": date(2026, 8, 24)},
     {"registered_on": date(2026, 8, 23)}, {"registered_on": None}),
    ("districts", [1, 2], {"district": 2}, {"district": 3}, {"district": None}),
    ("postal_sectors", ["01"], {"postal_code": "018956"}, {"postal_code": "048956"},
     {"postal_code": "0189"}),
    ("postal_codes", ["018956"], {"postal_code": "018956"}, {"postal_code": "018957"},
     {"postal_code": ""}),
    ("officers", {"min": 2, "max": 3}, {"officers_count": 3}, {"officers_count": 4},
     {"officers_count": None}),
    ("annual_return_within_months", 12, {"annual_return_on": date(2025, 11, 22)},
     {"annual_return_on": date(2025, 11, 21)}, BUSINESS),
    ("has_former_names", True, {"former_names": ["OLD NAME"]}, {}, None),
    ("has_former_names", False, {}, {"former_names": ["OLD NAME"]}, None),
    ("renamed_within_months", 6, {"uen": "202000777A", "former_names": ["OLD"]}, {},
     {"former_names": ["LONG AGO"]}),
    ("employee_range", {"min": 2, "max": 100}, None, None, {}),
    ("revenue_bucket", "small", None, None, {}),
    ("technologies", ["odoo"], None, None, {}),
    ("titles", ["CEO"], None, None, {}),
    ("signals", ["hiring"], None, None, {}),
]  # fmt: skip
EXCLUDED = [  # key under exclude, value, a company it lets through, one it stops
    ("uens", ["202099999z"], {}, {"uen": "202099999Z"}),
    ("ssic", ["62"], {"primary_ssic": "46411"}, {"primary_ssic": "62011"}),
    ("ssic", ["62"], {"primary_ssic": ""}, {"primary_ssic": "62011"}),
    ("districts", [1], {"district": None}, {"district": 1}),
    ("postal_sectors", ["01"], {"postal_code": "0156"}, {"postal_code": "018956"}),
    ("entity_types", ["llp"], {}, {"entity_type": "LLP"}),
    ("company_types", [COMPANY], BUSINESS, {"company_type": COMPANY.upper()}),
]


@pytest.fixture
def register(acme):
    make_codes()
    load = as_platform(lambda: RegisterImport.objects.create(source="test", started_at=NOW))
    as_platform(
        lambda: RegisterChange.objects.create(
            load=load, uen="202000777A", kind="CHANGED", fields=["name"]
        )
    )


def outcome(payload: dict, company) -> str | None:
    """``MEETS``, ``UNKNOWN``, or ``None`` for a company the rule does not take."""
    sql = compile_rule(read_rule(payload, taxonomy=SsicTitles(), as_of=TODAY))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT CASE WHEN {sql.meets.text} THEN 'MEETS' ELSE 'UNKNOWN' END, {sql.failing.text}"
            f" FROM acra_registeredcompany c WHERE c.uen = %s AND {sql.where.text}",
            [*sql.meets.params, *sql.failing.params, company.uen, *sql.where.params],
        )
        row = cursor.fetchone()
    if row:
        assert row[1] is None, "nothing fails of a company that is taken"
    return row[0] if row else None


def failing(payload: dict, company) -> str | None:
    sql = compile_rule(read_rule(payload, taxonomy=SsicTitles(), as_of=TODAY))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {sql.failing.text} FROM acra_registeredcompany c WHERE c.uen = %s",
            [*sql.failing.params, company.uen],
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize(("key", "value", "meets", "fails", "unknown"), CASES)
def test_a_key_takes_who_meets_it_stops_who_does_not_and_keeps_the_unknown(
    register, key, value, meets, fails, unknown
):
    if meets is not None:
        assert outcome({key: value}, make_company(**meets)) == "MEETS"
    if fails is not None:
        stopped = make_company(**fails)
        assert outcome({key: value}, stopped) is None
        assert failing({key: value}, stopped)
    if unknown is not None:
        company = make_company(**unknown)
        assert outcome({key: value}, company) == "UNKNOWN"
        assert outcome({key: value, "unknown": {key: "match_lower"}}, company) == "UNKNOWN"
        assert outcome({key: value, "unknown": {key: "match"}}, company) == "MEETS"
        assert outcome({key: value, "unknown": {key: "no_match"}}, company) is None


@pytest.mark.parametrize(("key", "value", "passes", "stopped"), EXCLUDED)
def test_an_exclusion_stops_what_it_names_and_nothing_unknown(
    register, key, value, passes, stopped
):
    assert outcome({"exclude": {key: value}}, make_company(**passes)) == "MEETS"
    assert outcome({"exclude": {key: value}}, make_company(**stopped)) is None


def test_every_key_has_a_case():
    assert {key for key, *_ in CASES} | {"shared_address"} == set(KEYS)
    assert {key for key, *_ in EXCLUDED} == set(EXCLUDABLE)


@pytest.mark.parametrize(
    ("place", "first", "second", "taken"),
    [
        ("primary", "62011", "", True), ("primary", "46411", "62011", False),
        ("secondary", "62011", "", False), ("secondary", "46411", "62011", True),
        ("either", "46411", "62011", True), ("either", "62011", "46411", True),
        ("either", "46411", "47111", False), ("either", "", "62011", True),
    ],
)  # fmt: skip
def test_a_code_is_looked_for_where_the_rule_says(register, place, first, second, taken):
    company = make_company(primary_ssic=first, secondary_ssic=second)

    assert outcome({"ssic": ["62"], "ssic_in": place}, company) == ("MEETS" if taken else None)


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ({"max": 2}, {"alone": "MEETS", "pair": "MEETS", "crowd": None, "none": "UNKNOWN"}),
        ({"max": 1}, {"alone": "MEETS", "pair": None, "crowd": None, "none": "UNKNOWN"}),
        ({"min": 2}, {"alone": None, "pair": "MEETS", "crowd": "MEETS", "none": "UNKNOWN"}),
        ({"min": 2, "max": 2}, {"alone": None, "pair": "MEETS", "crowd": None, "none": "UNKNOWN"}),
    ],
)
def test_companies_at_one_address_are_counted_while_they_live(register, asked, taken):
    companies = {
        "alone": make_company(address_key="a"),
        "pair": make_company(address_key="b"),
        "crowd": make_company(address_key="c"),
        "none": make_company(address_key=""),
    }
    for key in ("b", "c", "c"):
        make_company(address_key=key)
    make_company(address_key="a", status_class="CEASED")

    found = {name: outcome({"shared_address": asked}, each) for name, each in companies.items()}

    assert found == taken


def test_all_keys_must_hold(register):
    company = make_company(district=5)

    assert outcome({"districts": [5], "ssic": ["62"]}, company) == "MEETS"
    assert outcome({"districts": [6], "ssic": ["62"]}, company) is None
    assert outcome({"districts": [5], "ssic": ["46"]}, company) is None


def test_words_find_word_forms_and_the_shortest_codes_that_say_it(register):
    titles = SsicTitles()

    assert [each.code for each in titles.codes_of("technologies")] == ["26802", "62", "72105"]
    assert [each.code for each in titles.codes_of("wholesale textile")] == ["4641"]
    assert titles.codes_of("nothing of the kind") == []
    assert "restaurants" in titles.suggestions("restarants")


@pytest.mark.parametrize("word", EVERYDAY_WORDS)
def test_words_that_people_use_find_titles_of_the_shipped_classification(db, word):
    assert SsicTitles().codes_of(word)


def test_a_code_of_an_older_edition_is_known_while_a_company_carries_it(register):
    make_company(primary_ssic="74909")

    assert SsicTitles().unknown(["74909", "62011", "99999", "620"]) == {"99999"}
