import csv
import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import phonenumbers
import pytest

from acra.names import fold_name
from leadgen_project.sandbox.companies import SiteKind, companies
from leadgen_project.sandbox.expectations import TRAPS, Expect
from leadgen_project.sandbox.industries import INDUSTRIES
from leadgen_project.sandbox.loopback import Reply
from leadgen_project.sandbox.names import folded, guess_hosts
from leadgen_project.sandbox.register import row_of
from leadgen_project.sandbox.sites import site_of
from leadgen_project.sandbox.truth import as_truth
from leadgen_project.sandbox.web import TRAP_BUILDERS


def test_the_same_seed_gives_the_same_truth():
    first, again, other = (
        [as_truth(company) for company in companies(seed=seed, count=120)] for seed in (3, 3, 4)
    )

    assert first == again
    assert first != other


def test_a_smaller_sandbox_is_the_beginning_of_a_larger_one():
    small = list(companies(count=100))

    assert list(companies(count=400))[:100] == small


def test_four_hundred_entities_have_every_trap_and_every_kind_of_site():
    everyone = list(companies(count=400))

    assert {company.trap for company in everyone} - {""} == set(TRAPS)
    assert {company.site for company in everyone} == set(SiteKind)
    kinds = Counter(company.expect for company in everyone)
    assert set(kinds) == set(Expect)
    assert kinds[Expect.CONTACTS] > 150


def test_every_trap_has_a_builder_and_every_builder_an_expectation():
    assert set(TRAP_BUILDERS) == set(TRAPS)


def test_hosts_belong_to_one_company_and_end_in_test():
    everyone = list(companies(count=2000))

    hosts = [host for one in everyone for host in (one.host, one.other_host) if host]
    assert len(set(hosts)) == len(hosts)
    assert all(host.endswith(".test") for host in hosts)


def test_a_site_stands_where_its_kind_says():
    for company in companies(count=800):
        guesses = guess_hosts(company.registered.first_name)
        match company.site:
            case SiteKind.OWN:
                assert company.host in guesses
            case SiteKind.BEHIND_TAKEN:
                assert guesses.index(company.host) > guesses.index(company.other_host)
            case SiteKind.TAKEN | SiteKind.PARKED:
                assert (company.host, company.other_host) == ("", guesses[0])
            case SiteKind.FORMER:
                assert company.host in guess_hosts(company.registered.former_names[-1])
            case SiteKind.GIVEN:
                assert company.given_host == company.host
                assert company.host not in guesses
            case SiteKind.NONE:
                assert company.host == ""


def test_names_fold_as_the_product_folds_them():
    """Two independent foldings agree, so a guessed host is the host the site stands at."""
    for company in companies(count=2000, month=1):
        assert folded(company.name) == fold_name(company.name).replace(" ", "").lower()


def test_numbers_are_valid_but_made_up_and_no_forbidden_string_is_true():
    for company in companies(count=400):
        for number in company.phones:
            assert phonenumbers.is_valid_number(phonenumbers.parse(number))
            assert number[3:7] in {"6000", "9000"}
        assert not set(company.never) & {*company.emails, *company.phones}


def test_the_codes_exist_in_ssic_2025a():
    shared = os.environ.get("LEADGEN_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data"
    table = Path(shared) / "ssic_2025a_titles.csv"
    if not table.exists():
        pytest.skip("the shared data is not here")
    with table.open(encoding="utf-8", newline="") as file:
        known = {row["code"] for row in csv.DictReader(file)}

    assert {code for industry in INDUSTRIES for code in industry.codes} <= known


def test_the_same_bytes_come_out_on_every_python():
    """The digest was the same on Python 3.11.7, 3.12.1 and 3.13.0.

    Whoever changes what the sandbox says on purpose puts the new one here.
    """
    digest = hashlib.sha256()
    for company in companies(seed=1, count=400):
        digest.update(json.dumps(as_truth(company)).encode())
        digest.update("/".join(row_of(company.registered)).encode())
        if company.host:
            for content in site_of(company).pages.values():
                assert isinstance(content, Reply)
                digest.update(content.wire())

    assert digest.hexdigest()[:16] == "71722419b9837ef5"
