"""The language of ICP rules: read a payload, name everything wrong with it, say it in words.

The payload of the first development plan is valid as it stands::

    {"industries": ["technology"], "employee_range": {"min": 2, "max": 100},
     "incorporation_year": {"min": 2000, "max": 2025}}

Each key is one condition and all must hold. An absent or empty key asks nothing. A fact that is not
known yet never rejects a company unless ``unknown`` says ``no_match`` for that key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from icp.conditions import Condition, Place, Policy
from icp.contradictions import name_contradictions
from icp.keys import ALIASES, KEYS, MODIFIERS
from icp.payload import Problem, Problems, is_asked, read_choice, read_number, read_only, shown
from icp.read_keys import KeyReader
from icp.taxonomy import FoundCode, Taxonomy

Chosen = TypeVar("Chosen", bound=StrEnum)


class Order(StrEnum):
    """Who comes first. Companies that surely meet the rule stand before the others, ties by UEN."""

    NEWEST = "newest"
    OLDEST = "oldest"
    RECENT_RETURNS = "recent_returns"


ORDER_WORDS = {
    Order.NEWEST: "newest registration first",
    Order.OLDEST: "oldest registration first",
    Order.RECENT_RETURNS: "latest annual return first",
}


class InvalidRuleError(ValueError):
    """The payload cannot be used; ``problems`` names every mistake in it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(f"{problem}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Rule:
    """A payload that was read without mistakes, for the day ``as_of``."""

    payload: dict[str, Any]
    conditions: tuple[Condition, ...]
    order: Order
    limit: int | None
    as_of: date
    codes: dict[str, list[FoundCode]]  # industry word -> the codes it stands for
    warnings: tuple[Problem, ...] = ()

    def words(self) -> list[str]:
        """One sentence part per condition, then order and limit."""
        parts = [condition.words for condition in self.conditions]
        limit = f", at most {self.limit} at a time" if self.limit else ""
        return [*parts, f"{ORDER_WORDS[self.order].capitalize()}{limit}"]


def read_rule(payload: object, *, taxonomy: Taxonomy, as_of: date) -> Rule:
    """The rule a payload describes. Raises ``InvalidRuleError`` with all mistakes at once."""
    problems = Problems()
    if not isinstance(payload, Mapping):
        problems.add("", f"A rule is an object with keys, not {shown(payload)}.")
        raise InvalidRuleError(problems.errors)
    ours = _renamed(payload, problems)
    read_only(ours, "", problems, known=(*KEYS, *MODIFIERS))
    place = _choice(ours, "ssic_in", Place, Place.PRIMARY, problems)
    keys = KeyReader(ours, problems, taxonomy=taxonomy, place=place, as_of=as_of)
    keys.read()
    order = _choice(ours, "order", Order, Order.NEWEST, problems)
    limit = read_number(ours.get("limit"), "limit", problems, least=1, most=1_000_000)
    name_contradictions(keys.asked, problems, place=place, as_of=as_of)
    _warn(keys.conditions, problems)
    if problems.errors:
        raise InvalidRuleError(problems.errors)
    return Rule(
        payload=ours, conditions=tuple(keys.conditions), order=order, limit=limit, as_of=as_of,
        codes=keys.codes, warnings=tuple(problems.warnings),
    )  # fmt: skip


def _renamed(payload: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """The payload under our names of its keys; older words for the same are accepted."""
    ours: dict[str, Any] = {}
    for key, value in payload.items():
        name = ALIASES.get(key, key)
        if name in ours or (name != key and name in payload):
            problems.add(key, f"This means the same as {name}, which is given as well.")
            continue
        ours[name] = value
    return ours


def _choice(
    payload: Mapping[str, Any], key: str, kind: type[Chosen], default: Chosen, problems: Problems
) -> Chosen:
    value = payload.get(key)
    if not is_asked(value):
        return default
    choices = {str(each): str(each) for each in kind}
    found = read_choice(value, key, problems, choices=choices, what=key)
    return kind(found) if found else default


def _warn(conditions: list[Condition], problems: Problems) -> None:
    for condition in conditions:
        if condition.never_known and condition.policy == Policy.NO_MATCH:
            problems.warn(
                f"unknown.{condition.key}",
                f"The register never holds {KEYS[condition.key].label.lower()}, so with "
                "no_match this rule selects nobody from it. Use match_lower.",
            )
