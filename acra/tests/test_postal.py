import pytest

from acra.postal import district_names, district_of, districts_by_sector, repair


@pytest.mark.parametrize(
    ("published", "repaired"),
    [
        ("18982", "018982"),
        ("106", "0106"),
        ("018982", "018982"),
        ("0106", "0106"),
        ("12", "12"),
        ("S(018982)", "S(018982)"),
        ("", ""),
    ],
)
def test_one_lost_zero_comes_back_and_nothing_else(published, repaired):
    assert repair(published) == repaired


@pytest.mark.parametrize(
    ("code", "district"),
    [("018982", 1), ("829333", 19), ("740000", None), ("880000", None), ("0106", None)],
)
def test_only_six_digits_in_a_known_sector_have_a_district(code, district):
    assert district_of(code) == district


def test_the_table_has_81_sectors_in_28_districts():
    assert len(districts_by_sector()) == 81
    assert set(districts_by_sector().values()) == set(range(1, 29)) == set(district_names())
