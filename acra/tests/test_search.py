from datetime import UTC, datetime

import pytest

from acra.load import load_register
from acra.models import RegisteredCompany
from acra.paging import RegisterPaginator
from acra.search import matching
from acra.tests.make import row, uen, write


@pytest.fixture
def companies(db, tmp_path):
    names = {1: "STAR KITE", 2: "STARLING", 3: "S TWO", 4: "茶花 HOUSE"}
    rows = [row(number, entity_name=name) for number, name in names.items()]
    path = write(tmp_path / "register.csv", rows)
    load_register([path], now=datetime(2026, 11, 21, tzinfo=UTC), actor="tests")
    return RegisteredCompany.objects.all()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("star", {1, 2}), ("ki", set()), ("kit", {1}), ("s", {3}), ("茶", {4}), ("star k", set())],
)
def test_words_of_three_letters_may_be_beginnings_and_shorter_ones_are_whole(
    companies, text, numbers
):
    assert {one.pk for one in matching(text, companies)} == set(map(uen, numbers))


def test_a_search_with_many_hits_shows_the_first_the_index_gives(companies, monkeypatch):
    monkeypatch.setattr("acra.paging.MOST_FOUND", 2)
    paginator = RegisterPaginator(companies.order_by("-pk"), 1)
    paginator.is_search = True

    assert paginator.is_estimated
    assert paginator.count >= 3
    assert paginator.num_pages == 2
    shown = [one.pk for number in (1, 2) for one in paginator.page(number)]
    assert len(set(shown)) == 2


def test_a_search_with_few_hits_counts_and_sorts_them(companies):
    paginator = RegisterPaginator(companies.order_by("-pk"), 3)
    paginator.is_search = True

    assert (paginator.count, paginator.num_pages, paginator.is_estimated) == (4, 2, False)
    assert [one.pk for one in paginator.page(1)] == [uen(4), uen(3), uen(2)]
