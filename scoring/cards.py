"""The score card: points as data. Reading, checking and scaling one; no database here.

A payload looks like this (``default_card.PAYLOAD`` is a whole one)::

    {"base": 0,
     "groups": [{"key": "site", "label": "Web site", "cap": 20}],
     "rules": [{"key": "site_sure", "label": "Surely its own site", "group": "site",
                "feature": "site_match", "when": {"min": 80}, "points": 12}],
     "buckets": [{"name": "HIGH", "at_least": 70}, {"name": "LOW", "at_least": 0}]}

Points are whole numbers, so that nothing is ever rounded; a group gives at most its cap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from scoring.catalogue import FEATURES, Kind, Value
from scoring.conditions import (
    AnyOf,
    Between,
    Condition,
    ConditionError,
    HasWord,
    StartsWith,
    condition,
)

HIGHEST, LOWEST = 100, 0
MAX_RULES = 200
KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
BUCKET_NAME = re.compile(r"[A-Z0-9][A-Z0-9 _+-]{0,19}")


class Problem(NamedTuple):
    """One thing wrong with a payload: where (``rules[3].points``) and what, as a sentence."""

    path: str
    message: str


class CardError(ValueError):
    """The payload is no score card. ``problems`` holds everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{path}: {message}" for path, message in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Group:
    key: str
    label: str
    cap: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    key: str
    label: str
    group: str
    feature: str
    when: Condition
    points: int


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    at_least: int


@dataclass(frozen=True)
class Card:
    """A checked score card. Buckets stand from the highest cut-off to 0."""

    base: int
    groups: tuple[Group, ...]
    rules: tuple[Rule, ...]
    buckets: tuple[Bucket, ...]

    def bucket_of(self, total: int) -> str:
        return next(bucket.name for bucket in self.buckets if total >= bucket.at_least)

    def next_bucket(self, total: int) -> Bucket | None:
        """The bucket above the one of ``total``."""
        return min(
            (bucket for bucket in self.buckets if bucket.at_least > total),
            key=lambda bucket: bucket.at_least,
            default=None,
        )

    @cached_property
    def best_possible(self) -> int:
        """Points of the best lead there could be, before the limit of 100.

        Exact when no feature is scored in two groups, else an upper bound.
        """
        return self.base + sum(_best_of_group(self, group) for group in self.groups)


def parse(payload: Any) -> Card:
    """The card a payload describes. Raises ``CardError`` with all problems at once."""
    problems: list[Problem] = []
    if not isinstance(payload, dict):
        raise CardError([Problem("", "A score card is an object with rules and buckets.")])
    known = {"base", "groups", "rules", "buckets"}
    problems += [Problem(str(key), "is not a key of a score card.") for key in {*payload} - known]
    base = _whole(payload.get("base", 0), "base", problems, least=-HIGHEST)
    groups = _groups(payload.get("groups"), problems)
    rules = _rules(payload.get("rules"), {group.key for group in groups}, problems)
    buckets = _buckets(payload.get("buckets"), problems)
    card = Card(base, groups, rules, buckets)
    if not problems and max(LOWEST, card.best_possible) < card.buckets[0].at_least:
        top = card.buckets[0]
        problems.append(
            Problem(
                "buckets",
                f"No lead can reach {top.name}: it starts at {top.at_least} and the best possible"
                f" lead has {card.best_possible} points.",
            )
        )
    if problems:
        raise CardError(sorted(problems))
    return card


def scaled_to_100(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with points and caps stretched so that the best possible lead has 100.

    Whole numbers by rounding; what rounding leaves over goes to the largest cap or rule. Order
    between rules is kept, a rule never falls to nothing. Cut-offs stay. Returns the payload as it
    is when that is not possible (no positive points).
    """
    best = parse(payload).best_possible
    if best in (HIGHEST, 0) or best < 0:
        return payload
    factor = HIGHEST / best
    scaled = {
        **payload,
        "base": round(payload.get("base", 0) * factor),
        "groups": [_stretched(group, "cap", factor) for group in payload["groups"]],
        "rules": [_stretched(rule, "points", factor) for rule in payload["rules"]],
    }
    return _without_rest(scaled)


def _stretched(item: dict[str, Any], name: str, factor: float) -> dict[str, Any]:
    number = item.get(name)
    if not number:
        return item
    sign = 1 if number > 0 else -1
    return {**item, name: sign * min(HIGHEST, max(1, round(abs(number) * factor)))}


def _without_rest(payload: dict[str, Any]) -> dict[str, Any]:
    """Move the few points rounding left over into the base."""
    rest = HIGHEST - _unchecked(payload).best_possible
    return {**payload, "base": max(-HIGHEST, min(HIGHEST, payload["base"] + rest))}


def _unchecked(payload: dict[str, Any]) -> Card:
    return parse({**payload, "buckets": [{"name": "ALL", "at_least": 0}]})


def _groups(value: Any, problems: list[Problem]) -> tuple[Group, ...]:
    found: list[Group] = []
    for path, item in _objects(value, "groups", {"key", "label", "cap"}, problems):
        key = _key(item, path, [group.key for group in found], problems)
        cap = item.get("cap")
        if cap is not None:
            cap = _whole(cap, f"{path}.cap", problems, least=0)
        found.append(Group(key, _label(item, path, problems), cap))
    return tuple(found)


def _rules(value: Any, groups: set[str], problems: list[Problem]) -> tuple[Rule, ...]:
    found: list[Rule] = []
    keys = {"key", "label", "group", "feature", "when", "points"}
    for path, item in _objects(value, "rules", keys, problems):
        key = _key(item, path, [rule.key for rule in found], problems)
        label = _label(item, path, problems)
        points = _whole(item.get("points"), f"{path}.points", problems, least=-HIGHEST)
        if points == 0:
            problems.append(Problem(f"{path}.points", "must not be 0; remove the rule instead."))
        if item.get("group") not in groups:
            problems.append(Problem(f"{path}.group", f"there is no group {item.get('group')!r}."))
        feature = FEATURES.get(str(item.get("feature")))
        if feature is None:
            problems.append(
                Problem(f"{path}.feature", f"there is no feature {item.get('feature')!r}.")
            )
            continue
        try:
            when = condition(item.get("when"), kind=feature.kind)
        except ConditionError as exc:
            problems.append(Problem(f"{path}.when", str(exc)))
            continue
        found.append(Rule(key, label, str(item.get("group")), feature.key, when, points))
    return tuple(found)


def _buckets(value: Any, problems: list[Problem]) -> tuple[Bucket, ...]:
    found: list[Bucket] = []
    for path, item in _objects(value, "buckets", {"name", "at_least"}, problems):
        name = item.get("name")
        if not isinstance(name, str) or not BUCKET_NAME.fullmatch(name):
            problems.append(Problem(f"{path}.name", "use 1 to 20 capitals, digits, space, _, + -."))
            continue
        at_least = _whole(item.get("at_least"), f"{path}.at_least", problems, least=LOWEST)
        if name in [bucket.name for bucket in found]:
            problems.append(Problem(f"{path}.name", f"{name} stands there twice."))
        if at_least in [bucket.at_least for bucket in found]:
            problems.append(Problem(f"{path}.at_least", f"two buckets start at {at_least}."))
        found.append(Bucket(name, at_least))
    if found and min(bucket.at_least for bucket in found) != LOWEST:
        problems.append(Problem("buckets", "one bucket must start at 0, or low scores have none."))
    return tuple(sorted(found, key=lambda bucket: -bucket.at_least))


def _objects(
    value: Any, name: str, keys: set[str], problems: list[Problem]
) -> Iterable[tuple[str, dict[str, Any]]]:
    """The well-formed objects of a list, each with its path."""
    if not isinstance(value, list) or not value:
        problems.append(Problem(name, "must be a list with at least one entry."))
        return
    if len(value) > MAX_RULES:
        problems.append(Problem(name, f"has {len(value)} entries; the most is {MAX_RULES}."))
        return
    for position, item in enumerate(value):
        path = f"{name}[{position}]"
        if not isinstance(item, dict):
            problems.append(Problem(path, "must be an object."))
            continue
        problems += [Problem(f"{path}.{key}", "is not a key here.") for key in {*item} - keys]
        yield path, item


def _key(item: dict[str, Any], path: str, taken: list[str], problems: list[Problem]) -> str:
    key = item.get("key")
    if not isinstance(key, str) or not KEY.fullmatch(key):
        problems.append(Problem(f"{path}.key", "use 1 to 60 small letters, digits and _."))
        return ""
    if key in taken:
        problems.append(Problem(f"{path}.key", f"{key} stands there twice."))
    return key


def _label(item: dict[str, Any], path: str, problems: list[Problem]) -> str:
    label = item.get("label")
    if not isinstance(label, str) or not label.strip() or len(label) > 200:
        problems.append(Problem(f"{path}.label", "needs 1 to 200 characters."))
        return ""
    return label.strip()


def _whole(value: Any, path: str, problems: list[Problem], *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= HIGHEST:
        problems.append(Problem(path, f"must be a whole number from {least} to {HIGHEST}."))
        return 1  # a stand-in that causes no second message
    return value


def _best_of_group(card: Card, group: Group) -> int:
    by_feature: dict[str, list[Rule]] = {}
    for rule in card.rules:
        if rule.group == group.key:
            by_feature.setdefault(rule.feature, []).append(rule)
    best = sum(_best_of_feature(rules) for rules in by_feature.values())
    return best if group.cap is None else min(best, group.cap)


def _best_of_feature(rules: list[Rule]) -> int:
    """The most points one feature can give: tried at every value where an answer may change."""
    return max(
        sum(rule.points for rule in rules if rule.when.holds(value)) for value in _probes(rules)
    )


def _probes(rules: list[Rule]) -> list[Value]:
    kind = FEATURES[rules[0].feature].kind
    if kind is Kind.FLAG:
        return [None, True, False]
    asked = [rule.when for rule in rules]
    if kind is Kind.NUMBER:
        bounds = {b for c in asked if isinstance(c, Between) for b in (c.least, c.most)} - {None}
        numbers = sorted({bound + step for bound in bounds if bound is not None
                          for step in (-1, 0, 1)})  # fmt: skip
        return [None, *(numbers or [0])]
    if kind is Kind.CODE:
        codes = [code for c in asked if isinstance(c, StartsWith) for code in c.prefixes]
        return [None, "", *codes]
    if kind is Kind.CHOICE:
        values = sorted({value for c in asked if isinstance(c, AnyOf) for value in c.values})
        return [None, "\0 another", *values]
    return [None, *_set_probes(rules)]


def _set_probes(rules: list[Rule]) -> list[list[str]]:
    """Sets worth trying: everything that gives points at once, each alone, something else."""
    wanted = [item for rule in rules for item in _items(rule) if rule.points > 0]
    single = [[item] for rule in rules for item in _items(rule)]
    return [wanted or ["\0 another"], ["\0 another"], *single]


def _items(rule: Rule) -> list[str]:
    if isinstance(rule.when, HasWord):
        return list(rule.when.phrases)
    return sorted(rule.when.values) if isinstance(rule.when, AnyOf) else []
