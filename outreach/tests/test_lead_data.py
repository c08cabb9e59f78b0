"""What is frozen of a lead, and where its people are."""

from __future__ import annotations

import pytest

from enrichment.models import Contact
from icp.models import Lead
from icp.tests.factories import make_codes, make_company
from outreach.wording.lead_data import lead_data_of, place_of, split_name
from outreach.wording.lint import LEAD_VARIABLES
from tenants.places import Place, place_of_city, place_of_number


def test_a_registered_company_is_in_singapore_and_has_the_registers_words(acme):
    make_codes()
    company = make_company(primary_ssic="62011", district=3)
    facts = {
        "website": {"value": "https://a.example", "evidence": 1},
        "services": {"value": ["a", "b"], "evidence": 2},
    }
    lead = Lead.objects.create(
        source_ref=company.uen, uen=company.uen, name=company.name, facts=facts
    )
    contact = Contact.objects.create(lead=lead, kind="PERSON", name="Tan Mei Ling",
                                     email="mei@a.example", title="Director")  # fmt: skip

    (found,) = lead_data_of([(lead, contact)])

    assert (found.timezone, found.country, found.city) == ("Asia/Singapore", "SG", "Singapore")
    assert found.values["first_name"] == "Mei Ling"
    assert found.values["last_name"] == "Tan"
    assert found.values["services_rendered"] == ["a", "b"]
    assert found.values["industry"].startswith("Development of software")
    assert set(found.values) <= LEAD_VARIABLES


def test_what_is_not_known_is_left_out(acme):
    lead = Lead.objects.create(source_ref="x", name="KAYA")

    (found,) = lead_data_of([(lead, None)])

    assert dict(found.values) == {"business_name": "KAYA", "company": "KAYA"}
    assert (found.timezone, found.country) == ("Asia/Singapore", "")


@pytest.mark.parametrize(
    ("city", "zone", "country"),
    [
        ("austin", "America/Chicago", "US"),
        ("Austin, TX", "America/Chicago", "US"),
        ("St. Louis", "America/Chicago", "US"),
        ("Singapore", "Asia/Singapore", "SG"),
        ("kuala_lumpur", "Asia/Kuala_Lumpur", "MY"),
        ("Atlantis", "", ""),
    ],
)
def test_cities_and_their_zones(city, zone, country):
    place = place_of_city(city)

    assert (place.timezone, place.country) == (zone, country)


def test_a_number_tells_the_country_and_a_zone_only_if_it_can_be_but_one():
    assert place_of_number("+6562223333") == Place("Asia/Singapore", "SG")
    assert place_of_number("+18002223333").timezone == ""
    assert place_of_number("nonsense") == Place()


def test_a_given_zone_goes_before_the_city():
    assert place_of(city="austin", timezone="Asia/Tokyo") == Place("Asia/Tokyo", "JP")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Mei Tan", ("Mei", "Tan")),
        ("Tan Mei Ling", ("Mei Ling", "Tan")),
        ("Dr. Anil Kumar", ("Anil", "Kumar")),
        ("Cher", ("Cher", "")),
        ("", ("", "")),
    ],
)
def test_names_are_parted_as_they_are_written_here(name, parts):
    assert split_name(name) == parts
