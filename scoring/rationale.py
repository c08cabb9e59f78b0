"""One or two sentences saying why a lead scored what it did. Same input, same words."""

from __future__ import annotations

from collections.abc import Mapping

from scoring.cards import Card, Rule
from scoring.catalogue import FEATURES, Value
from scoring.weigh import Line, Weighed, not_earned, total_of

MAX_LENGTH = 300
REASONS, DOUBTS = 4, 1


def rationale(card: Card, weighed: Weighed, features: Mapping[str, Value]) -> str:
    """Plain sentences built from the lines: the largest reasons and doubt, what is missing.

    Never longer than 300 characters: the last sentence goes first.
    """
    sentences = [_opening(card, weighed), _doubt(weighed), counterfactual(card, weighed, features)]
    sentences = [sentence for sentence in sentences if sentence]
    while len(text := " ".join(sentences)) > MAX_LENGTH and len(sentences) > 1:
        sentences.pop()
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"


def counterfactual(card: Card, weighed: Weighed, features: Mapping[str, Value]) -> str:
    """ "Would be HIGH with a named contact.", or nothing if no single finding, nor two, would do.

    Found by scoring again with the finding put in, so caps are honoured. The fewest findings win,
    then the most points, then the card's order.
    """
    above = card.next_bucket(weighed.total)
    if above is None:
        return ""
    gains = [(_with(card, features, [rule]), rule) for rule in not_earned(card, features)]
    gains = [(total, rule) for total, rule in gains if total > weighed.total]
    gains.sort(key=lambda gain: -gain[0])  # stable: ties keep the card's order
    for total, rule in gains:
        if total >= above.at_least:
            return f"Would be {above.name} with {FEATURES[rule.feature].with_}."
    if len(gains) >= 2:
        first = gains[0][1]
        for _, second in gains[1:]:
            if second.feature == first.feature:
                continue
            if _with(card, features, [first, second]) >= above.at_least:
                names = [FEATURES[rule.feature].with_ for rule in (first, second)]
                return f"Would be {above.name} with {' and '.join(names)}."
    return ""


def _with(card: Card, features: Mapping[str, Value], rules: list[Rule]) -> int:
    found = {rule.feature: rule.when.example() for rule in rules}
    return total_of(card, {**features, **found})


def _opening(card: Card, weighed: Weighed) -> str:
    """The largest line of each group, so that the sentence speaks of company, site and people."""
    group_of = {rule.key: rule.group for rule in card.rules}
    best: dict[str, Line] = {}
    for line in weighed.lines:
        if line.points <= 0 or not line.feature:
            continue
        group = group_of[line.key]
        if group not in best or line.points > best[group].points:
            best[group] = line
    reasons = sorted(best.values(), key=lambda line: -line.points)[:REASONS]
    if not reasons:
        return f"{weighed.total} of 100 points, {weighed.bucket}: nothing speaks for it yet."
    return f"{weighed.total} of 100 points, {weighed.bucket}: {_joined(reasons)}."


def _doubt(weighed: Weighed) -> str:
    doubts = sorted(
        (line for line in weighed.lines if line.points < 0 and line.feature),
        key=lambda line: line.points,
    )[:DOUBTS]
    return f"Against it: {_joined(doubts)}." if doubts else ""


def _joined(lines: list[Line]) -> str:
    parts = [f"{_lowered(line.label)} ({line.points:+d})" for line in lines]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _lowered(label: str) -> str:
    """A label in the middle of a sentence; abbreviations (UEN, 10 to 500) stay."""
    label = label.strip()[:60]
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
