"""Lines sum to the total, whatever the card and the lead."""

from __future__ import annotations

import random

import pytest

from scoring import default_card
from scoring.cards import parse
from scoring.catalogue import FEATURES, Kind
from scoring.rationale import counterfactual, rationale
from scoring.weigh import not_earned, total_of, weigh

DEFAULT = parse(default_card.PAYLOAD)
WORDS = ["director", "sales", "head of it", "x", "MEETS", "UNKNOWN", "wordpress", "en", "62011"]


def random_value(chance, kind):
    if chance.random() < 0.25:
        return None
    return {
        Kind.NUMBER: lambda: chance.randint(-2, 120),
        Kind.FLAG: lambda: chance.random() < 0.5,
        Kind.CHOICE: lambda: chance.choice(WORDS),
        Kind.CODE: lambda: f"{chance.randint(0, 99999):05}",
        Kind.SET: lambda: chance.sample(WORDS, chance.randint(0, 4)),
        Kind.WORDS: lambda: chance.sample(WORDS, chance.randint(0, 4)),
    }[kind]()


def random_when(chance, kind):
    if chance.random() < 0.15:
        return {"known": chance.random() < 0.5}
    low = chance.randint(-5, 100)
    return {
        Kind.NUMBER: lambda: {"min": low, "max": low + chance.randint(0, 40)},
        Kind.FLAG: lambda: {"is": chance.random() < 0.5},
        Kind.CHOICE: lambda: {"any_of": chance.sample(WORDS, 2)},
        Kind.CODE: lambda: {"starts_with": [str(chance.randint(0, 999))]},
        Kind.SET: lambda: {"any_of": chance.sample(WORDS, 3)},
        Kind.WORDS: lambda: {"has_word": chance.sample(WORDS, 3)},
    }[kind]()


def random_card(chance):
    groups = [
        {"key": f"g{n}", "label": f"G{n}", "cap": chance.choice([None, 0, 5, 20, 60])}
        for n in range(chance.randint(1, 5))
    ]
    rules = []
    for n in range(chance.randint(1, 40)):
        feature = chance.choice(list(FEATURES.values()))
        rules.append({
            "key": f"r{n}", "label": f"Rule {n}", "group": chance.choice(groups)["key"],
            "feature": feature.key, "when": random_when(chance, feature.kind),
            "points": chance.choice([n for n in range(-40, 60) if n]),
        })  # fmt: skip
    buckets = [{"name": "LOW", "at_least": 0}]
    return parse({"base": chance.randint(-30, 30), "groups": groups, "rules": rules,
                  "buckets": buckets})  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_lines_sum_exactly_for_any_card_and_any_lead(seed):
    chance = random.Random(seed)
    clamped = capped = 0
    for _ in range(50):
        card = random_card(chance)
        for _ in range(5):
            values = {key: random_value(chance, f.kind) for key, f in FEATURES.items()}

            weighed = weigh(card, values)

            assert weighed.total == sum(line.points for line in weighed.lines)
            assert 0 <= weighed.total <= 100
            assert weighed.total == total_of(card, values) <= max(0, card.best_possible)
            assert len(rationale(card, weighed, values)) <= 300
            clamped += any(line.key == "_clamp" for line in weighed.lines)
            capped += any(line.key.startswith("_cap_") for line in weighed.lines)
    assert clamped
    assert capped


def test_each_line_names_its_rule_and_the_value_it_saw():
    weighed = weigh(DEFAULT, {"fit": "MEETS", "age_years": 14, "officers": 1})

    assert [(line.key, line.points, line.detail) for line in weighed.lines] == [
        ("fit_meets", 30, "meets every part of the ICP"),
        ("age_settled", 8, "registered 14 full years ago"),
    ]


@pytest.mark.parametrize(
    ("total", "bucket"),
    [(100, "HIGH"), (70, "HIGH"), (69, "MEDIUM"), (45, "MEDIUM"), (44, "LOW"), (0, "LOW")],
)
def test_a_bucket_begins_exactly_at_its_cut_off(total, bucket):
    assert DEFAULT.bucket_of(total) == bucket


def test_a_title_counts_by_whole_words_only():
    def points(title):
        return weigh(DEFAULT, {"titles": [title]}).total

    assert points("Managing Director, Asia") == 8
    assert points("Business directory editor") == 0
    assert points("CEO") == 8


def test_what_speaks_against_a_lead_is_a_line_and_the_total_stays_at_zero():
    weighed = weigh(DEFAULT, {"annual_return_months": 40})

    assert [(line.key, line.points) for line in weighed.lines] == [
        ("return_late", -10), ("_clamp", 10),
    ]  # fmt: skip
    assert weighed.total == 0


def test_the_rationale_names_the_largest_reasons_and_what_would_lift_the_lead():
    values = {"fit": "MEETS", "age_years": 14, "annual_return_months": 5, "officers": 3,
              "site_match": 90, "own_domain": True, "tls": True, "phone": False,
              "role_mailbox": False}  # fmt: skip
    weighed = weigh(DEFAULT, values)

    assert rationale(DEFAULT, weighed, values) == (
        "66 of 100 points, MEDIUM: meets the ICP (+30), surely its own web site (+10) and settled"
        " company (+8). Would be HIGH with a named contact with a preferred title."
    )


def test_two_findings_are_named_when_one_would_not_do():
    values = {"fit": "MEETS", "age_years": 14, "annual_return_months": 5, "officers": 3,
              "site_match": 70, "own_domain": True}  # fmt: skip
    weighed = weigh(DEFAULT, values)

    assert weighed.total == 60
    assert counterfactual(DEFAULT, weighed, values) == (
        "Would be HIGH with a named contact with a preferred title and a role mailbox."
    )


def test_what_is_not_earned_leaves_out_what_a_better_rule_gives_already():
    missing = {rule.key for rule in not_earned(DEFAULT, {"fit": "MEETS", "site_match": 70})}

    assert "site_sure" in missing
    assert not missing & {"fit_unknown", "site_likely", "age_old", "return_fresh"}


def test_a_lead_at_the_top_has_no_counterfactual():
    values = {rule.feature: rule.when.example() for rule in reversed(DEFAULT.rules)}
    weighed = weigh(DEFAULT, values)

    assert weighed.bucket == "HIGH"
    assert counterfactual(DEFAULT, weighed, values) == ""


def test_the_opening_speaks_of_fit_company_site_and_people_not_of_one_group_alone():
    known = {"fit": "MEETS", "site_match": 100, "own_domain": True, "titles": ["Director"],
             "role_mailbox": True, "age_years": 5}  # fmt: skip

    text = rationale(DEFAULT, weigh(DEFAULT, known), known)

    said = "meets the ICP (+30), surely its own web site (+10), settled company (+8) and somebody"
    assert f"{said} who decides (+8)." in text


def test_without_a_site_the_opening_names_whom_to_talk_to():
    known = {"fit": "MEETS", "titles": ["Director"], "role_mailbox": True}

    text = rationale(DEFAULT, weigh(DEFAULT, known), known)

    assert "meets the ICP (+30) and somebody who decides (+8)." in text
