"""Cities: their country and time zone, written alone or with what lies behind a comma."""

import pytest

from tenants.places import Place, listed_cities, name_of_city, place_of_city


@pytest.mark.parametrize(
    ("city", "place"),
    [
        ("Austin, TX", Place("America/Chicago", "US", "US-TX")),
        ("Austin, Travis County, TX", Place("America/Chicago", "US", "US-TX")),
        ("Portland, Maine, USA", Place("America/New_York", "US", "US-ME")),
        ("El Paso, Texas", Place("America/Denver", "US", "US-TX")),
        ("London, Ontario", Place("America/Toronto", "CA", "CA-ON")),
        ("Espoo, Finland", Place("Europe/Helsinki", "FI")),
        ("Tbilisi, Georgia", Place("Asia/Tbilisi", "GE")),
        ("Atlanta, Georgia", Place("America/New_York", "US", "US-GA")),
        ("Manaus, Brazil", Place("", "BR")),
        ("São Paulo", Place("America/Sao_Paulo", "BR")),
        ("Riga", Place("Europe/Riga", "LV")),
        ("Birmingham, West Midlands", Place("Europe/London", "GB")),
    ],
)
def test_what_stands_behind_the_comma_decides(city, place):
    assert place_of_city(city) == place


def test_a_city_of_the_same_name_elsewhere_is_never_taken_for_the_listed_one():
    assert place_of_city("Paris").country == "FR"
    assert place_of_city("Paris, Texas").country == "US"
    assert place_of_city("Birmingham, Alabama").country == "US"


def test_two_letters_that_are_a_state_and_a_country_are_read_by_the_listed_city_only():
    assert place_of_city("Toronto, CA").country == "CA"
    assert place_of_city("San Francisco, CA") == Place("America/Los_Angeles", "US", "US-CA")
    assert place_of_city("Modesto, CA") == Place()
    assert place_of_city("Birmingham, AL") == Place()


def test_cities_are_called_by_their_name_alone_and_all_that_are_listed_have_a_country():
    assert name_of_city(" Paris ,  Texas") == "Paris"
    assert {"Austin", "Singapore", "Riga"} <= set(listed_cities())
    assert all(place_of_city(city).country for city in listed_cities())
