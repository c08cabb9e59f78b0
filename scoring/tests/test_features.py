"""Features: the right statement is believed, ages are counted to the day, nothing is guessed."""

from __future__ import annotations

import random
from datetime import date

import pytest

from scoring.features import Known, Person, Statement, features, first_number, whole_months

AS_OF = date(2026, 11, 21)


def read(*statements, contacts=(), **known):
    found = features(
        Known(fit="MEETS", statements=statements, contacts=contacts, **known), as_of=AS_OF
    )
    return {key: tuple(given) for key, given in found.items() if key != "fit"}


def person(pk, kind="ROLE", **also):
    given = {"name": "", "title": "", "email": "", "phone": "", "is_mailable": True, **also}
    return Person(pk=pk, kind=kind, **given)


def test_what_is_not_known_is_absent_rather_than_no():
    assert read() == {}


def test_register_facts_become_numbers_and_codes_with_their_evidence():
    assert read(
        Statement(1, "registered_on", "2012-11-22", "REGISTER", 1),
        Statement(2, "annual_return_on", "2026-05-30", "REGISTER", 1),
        Statement(3, "officers_count", "3", "REGISTER", 1),
        Statement(4, "primary_ssic", "01111", "REGISTER", 1),
        Statement(5, "headcount", "11-50 employees", "PAGE", 0.7),
    ) == {
        "age_years": (13, 1),
        "annual_return_months": (5, 2),
        "officers": (3, 3),
        "ssic": ("01111", 4),
        "head_count": (11, 5),
    }


@pytest.mark.parametrize("bad", ["", "na", "2026-02-30", "2031-01-01", "yesterday"])
def test_an_unusable_date_gives_no_age(bad):
    assert read(Statement(1, "registered_on", bad, "REGISTER", 1)) == {}


def test_the_operator_is_believed_before_the_register_and_the_register_before_a_page():
    statements = [
        Statement(1, "officers_count", "9", "PROVIDER", 1),
        Statement(2, "officers_count", "8", "PAGE", 1),
        Statement(3, "officers_count", "7", "REGISTER", 0.5),
        Statement(4, "officers_count", "6", "OPERATOR", 0.5),
    ]
    believed = []
    while statements:
        believed.append(read(*statements)["officers"])
        statements.pop()

    assert believed == [(6, 4), (7, 3), (8, 2), (9, 1)]


def test_a_models_proposal_earns_nothing():
    proposed = read(
        Statement(1, "headcount", "50", "LLM", 1), Statement(2, "hiring", "yes", "LLM", 1)
    )

    assert not {"head_count", "hiring"} & set(proposed)


def test_the_order_of_rows_changes_nothing():
    statements = [
        Statement(pk, field, value, "PAGE", 0.8)
        for pk, (field, value) in enumerate(
            [("technologies", "WordPress"), ("technologies", "Shopify"), ("headcount", "20"),
             ("headcount", "30"), ("phones", "+6561234567"), ("phones", "+6561234568")]
        )
    ]  # fmt: skip
    contacts = [person(n, email=f"{n}@x.sg") for n in range(3)]
    answers = set()
    for seed in range(10):
        random.Random(seed).shuffle(statements)
        random.Random(seed).shuffle(contacts)
        answers.add(repr(sorted(read(*statements, contacts=contacts, was_enriched=True).items())))

    assert len(answers) == 1


def test_contacts_count_only_when_they_may_be_mailed():
    contacts = [
        person(1, email="info@x.sg", is_mailable=False),
        person(2, "PERSON", name="Ann", title="CEO", email="ann@x.sg"),
        person(3, "PERSONAL", name="Bob", email="bob@gmail.com"),
    ]
    statements = [Statement(7, "emails", "ann@x.sg", "PAGE", 0.9, contact=2)]

    found = read(*statements, contacts=contacts, was_enriched=True, site="https://x.sg/")

    assert found["role_mailbox"] == (False, None)
    assert found["person_email"] == (True, 7)
    assert found["titles"] == (["CEO"], None)
    assert found["email_own_domain"] == (True, 7)


@pytest.mark.parametrize(
    ("site", "own", "tls"),
    [
        ("https://www.acme.com.sg/", True, True),
        ("http://acme.sg/", True, False),
        ("https://acme.wixsite.com/home", False, True),
        ("https://www.facebook.com/acme", False, True),
        ("https://notfacebook.com/", True, True),
    ],
)
def test_a_site_is_on_a_domain_of_its_own_or_on_somebody_elses(site, own, tls):
    found = read(was_enriched=True, site=site, site_match=77)

    assert (found["own_domain"][0], found["tls"][0]) == (own, tls)
    assert found["site_match"] == (77, None)


def test_pages_on_social_networks_count_by_network():
    pages = ["https://www.facebook.com/acme", "https://t.me/acme", "https://sg.linkedin.com/in/x"]

    found = read(*(Statement(1, "social", page, "PAGE", 0.9) for page in pages))

    assert found["social"] == (["facebook", "linkedin", "telegram"], 1)


def test_the_uen_on_the_site_is_compared_with_the_leads():
    seen = Statement(1, "uen", "201912345K", "PAGE", 1)

    assert read(seen, uen="201912345K")["uen_on_site"] == (True, 1)
    assert read(seen, uen="201999999Z")["uen_on_site"] == (False, 1)


def test_an_attempt_without_a_site_is_a_no():
    assert read(was_enriched=True)["site_found"] == (False, None)


@pytest.mark.parametrize(
    ("text", "number"), [("1,200+", 1200), ("11-50", 11), ("about 30", 30), ("many", None)]
)
def test_the_first_number_of_a_text(text, number):
    assert first_number(text) == number


def test_months_are_whole_ones():
    assert whole_months(date(2026, 1, 31), date(2026, 2, 28)) == 0
    assert whole_months(date(2025, 11, 21), AS_OF) == 12
    assert whole_months(date(2025, 11, 22), AS_OF) == 11
