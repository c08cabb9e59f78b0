"""Score cards: what is accepted, what is refused, and what the best lead could have."""

from __future__ import annotations

from copy import deepcopy
from itertools import product

import pytest

from scoring import default_card
from scoring.cards import CardError, parse, scaled_to_100
from scoring.weigh import total_of


def card(**changes):
    return {**deepcopy(default_card.PAYLOAD), **changes}


def rule(**changes):
    return {"key": "r", "label": "R", "group": "fit", "feature": "fit",
            "when": {"any_of": ["MEETS"]}, "points": 5, **changes}  # fmt: skip


def problems(payload):
    with pytest.raises(CardError) as caught:
        parse(payload)
    return caught.value.problems


def test_the_best_possible_lead_of_the_default_card_has_exactly_100_points():
    assert parse(default_card.PAYLOAD).best_possible == 100


def test_all_problems_are_said_at_once_and_say_where():
    payload = card(
        rules=[
            rule(points=0),
            rule(label="", feature="shoe_size"),
            rule(key="Bad Key", group="nowhere", when={"min": 3}),
            rule(key="x", points=1.5),
        ],
        buckets=[{"name": "HIGH", "at_least": 70}, {"name": "HIGH", "at_least": 70}],
        colour="red",
    )

    assert [path for path, _ in problems(payload)] == [
        "buckets",
        "buckets[1].at_least",
        "buckets[1].name",
        "colour",
        "rules[0].points",
        "rules[1].feature",
        "rules[1].key",
        "rules[1].label",
        "rules[2].group",
        "rules[2].key",
        "rules[2].when",
        "rules[3].points",
    ]


@pytest.mark.parametrize("payload", [None, [], "card", {}, {"rules": 3}, {"rules": [3]}])
def test_what_is_no_card_at_all_is_refused_with_a_sentence(payload):
    assert all(message for _, message in problems(payload))


@pytest.mark.parametrize(
    ("feature", "when"),
    [
        ("age_years", {"min": 5, "max": 3}),
        ("age_years", {"min": True}),
        ("age_years", {"any_of": ["x"]}),
        ("age_years", {}),
        ("tls", {"is": "yes"}),
        ("ssic", {"starts_with": ["6201A"]}),
        ("ssic", {"starts_with": []}),
        ("titles", {"has_word": ["x"] * 201}),
        ("fit", {"known": 1}),
        ("fit", ["MEETS"]),
    ],
)
def test_a_question_that_does_not_fit_the_feature_is_refused(feature, when):
    known = default_card.PAYLOAD["rules"]
    payload = card(rules=[*known, rule(feature=feature, when=when)])

    assert [path for path, _ in problems(payload)] == [f"rules[{len(known)}].when"]


def test_a_bucket_nobody_can_reach_is_refused():
    payload = card(rules=[rule(points=20)])

    [(path, message)] = problems(payload)

    assert path == "buckets"
    assert message == (
        "No lead can reach HIGH: it starts at 70 and the best possible lead has 20 points."
    )


def test_the_best_possible_equals_the_best_of_all_tried_leads():
    payload = card(
        groups=[{"key": "a", "label": "A", "cap": 12}, {"key": "b", "label": "B", "cap": None}],
        rules=[
            rule(key="r1", group="a", feature="age_years", when={"min": 3, "max": 9}, points=7),
            rule(key="r2", group="a", feature="age_years", when={"min": 8}, points=4),
            rule(key="r3", group="a", feature="officers", when={"max": 2}, points=6),
            rule(key="r4", group="b", feature="tls", when={"known": False}, points=3),
            rule(key="r5", group="b", feature="tls", when={"is": True}, points=2),
            rule(key="r6", group="b", feature="social", when={"any_of": ["x", "y"]}, points=9),
        ],
        buckets=[{"name": "ALL", "at_least": 0}],
    )
    checked = parse(payload)
    tried = [
        total_of(checked, {"age_years": age, "officers": officers, "tls": tls, "social": social})
        for age, officers, tls, social in product(
            [None, *range(12)], [None, 1, 2, 3], [None, True, False], [None, ["x"], ["z"]]
        )
    ]

    assert checked.best_possible == max(tried) == 24


def test_a_card_is_stretched_so_that_the_best_possible_lead_has_100():
    small = card(
        groups=[{"key": "fit", "label": "Fit", "cap": 7}],
        rules=[rule(points=5), rule(key="b", feature="tls", when={"is": True}, points=4)],
        buckets=[{"name": "ALL", "at_least": 0}],
    )

    assert parse(small).best_possible == 7
    assert parse(scaled_to_100(small)).best_possible == 100
    assert scaled_to_100(default_card.PAYLOAD) == default_card.PAYLOAD
