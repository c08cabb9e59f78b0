"""How a site is kept: signs from its pages, points that add up."""

from __future__ import annotations

from datetime import date

import pytest

from enrichment.extract import website
from enrichment.site.website_score import website_score
from enrichment.web.parse import parse

AS_OF = date(2026, 11, 21)
HOME = (
    """<html lang="en"><head><title>Kolina</title><meta name="viewport" content="width=1">
<meta name="description" content="Widgets and fasteners for the marine industry.">
<script type="application/ld+json">{"@type": "Organization", "name": "Kolina"}</script></head>
<body><p>"""
    + "words " * 450
    + "</p><footer>\u00a9 2019 - 2025 Kolina</footer></body></html>"
)
POOR = "<p>Lorem ipsum dolor sit amet</p><p>\u00a9 2011</p>"


def signs(**pages):
    documents = [
        parse(body.encode(), "text/html; charset=utf-8", f"https://kolina.sg/{name}")
        for name, body in pages.items()
    ]
    [found] = website.find(documents)
    return found


def test_a_site_leaves_one_row_of_signs_with_its_words():
    found = signs(home=HOME, contact="<p>Contact us</p>", about="<p>About us</p>")

    assert found.value == (
        "3 pages; 458 words; https; contact page; about page; title; description;"
        " fits telephones; language en; structured data; copyright 2025"
    )
    assert found.quote == "\u00a9 2019 - 2025"


def test_reasons_add_up_to_the_score():
    for pages in ({"home": HOME, "contact": "x", "about": "y"}, {"home": HOME}, {"x": "<p>y"}):
        score, reasons = website_score(signs(**pages).value, as_of=AS_OF)

        assert score == sum(reason.points for reason in reasons)


def test_a_well_kept_site_has_a_hundred_and_a_neglected_one_nothing():
    good = signs(home=HOME, contact="<p>Contact us</p>", about="<p>About us</p>")

    assert website_score(good.value, as_of=AS_OF)[0] == 100
    assert website_score(signs(home=POOR).value, as_of=AS_OF)[0] == 0


def test_the_same_site_scores_less_when_its_notice_has_grown_old():
    old = signs(home=HOME).value

    assert website_score(old, as_of=date(2030, 1, 1))[0] < website_score(old, as_of=AS_OF)[0]


@pytest.mark.parametrize("text", ["", "nonsense; ; 7 apples; copyright 20xx"])
def test_signs_of_another_release_are_passed_over(text):
    assert website_score(text, as_of=AS_OF) == (0, [])


def test_no_pages_no_signs():
    assert website.find([]) == []
