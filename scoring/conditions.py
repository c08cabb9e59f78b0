"""The question a score card's rule puts to one feature. What is not known answers no."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from scoring.catalogue import Kind, Value

MAX_LISTED = 200
NUMBER_LIMIT = 1_000_000


class Condition(Protocol):
    """``holds`` answers for a value; ``example`` is one it holds for."""

    def holds(self, value: Value) -> bool: ...

    def example(self) -> Value: ...

    def words(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Known:
    wanted: bool

    def holds(self, value: Value) -> bool:
        return (value is not None and value != []) is self.wanted

    def example(self) -> Value:
        return None

    def words(self) -> str:
        return "is known" if self.wanted else "is not known"


@dataclass(frozen=True, slots=True)
class Is:
    wanted: bool

    def holds(self, value: Value) -> bool:
        return value is self.wanted

    def example(self) -> Value:
        return self.wanted

    def words(self) -> str:
        return "yes" if self.wanted else "no"


@dataclass(frozen=True, slots=True)
class Between:
    least: int | None
    most: int | None

    def holds(self, value: Value) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def example(self) -> Value:
        return self.least if self.least is not None else self.most

    def words(self) -> str:
        if self.least is None:
            return f"at most {self.most}"
        return f"at least {self.least}" if self.most is None else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Equality with, or a set that shares, one of the values; letters' case does not matter."""

    values: frozenset[str]

    def holds(self, value: Value) -> bool:
        if isinstance(value, str):
            return value.casefold() in self.values
        return isinstance(value, list) and any(item.casefold() in self.values for item in value)

    def example(self) -> Value:
        return min(self.values)

    def words(self) -> str:
        return "one of " + ", ".join(sorted(self.values))


@dataclass(frozen=True, slots=True)
class StartsWith:
    prefixes: tuple[str, ...]

    def holds(self, value: Value) -> bool:
        return isinstance(value, str) and value.startswith(self.prefixes)

    def example(self) -> Value:
        return self.prefixes[0]

    def words(self) -> str:
        return "starts with " + ", ".join(self.prefixes)


@dataclass(frozen=True, slots=True)
class HasWord:
    """One of the texts contains one of the phrases as whole words: "director", not "directory"."""

    phrases: tuple[str, ...]
    pattern: re.Pattern[str]

    def holds(self, value: Value) -> bool:
        return isinstance(value, list) and any(self.pattern.search(text) for text in value)

    def example(self) -> Value:
        return [self.phrases[0]]

    def words(self) -> str:
        return "has the words " + ", ".join(self.phrases)


class ConditionError(ValueError):
    """``when`` is not a question that can be put to this kind of feature."""


QUESTIONS: dict[Kind, frozenset[str]] = {
    Kind.NUMBER: frozenset({"min", "max"}),
    Kind.CHOICE: frozenset({"any_of"}),
    Kind.FLAG: frozenset({"is"}),
    Kind.CODE: frozenset({"starts_with"}),
    Kind.SET: frozenset({"any_of"}),
    Kind.WORDS: frozenset({"has_word"}),
}


def condition(when: Any, *, kind: Kind) -> Condition:
    """Read the ``when`` of a rule, e.g. ``{"min": 3, "max": 15}``. Raises ``ConditionError``."""
    if not isinstance(when, dict) or not when:
        raise ConditionError(f"must say one of {_allowed(kind)}.")
    keys = frozenset(when)
    if keys == {"known"}:
        return Known(_flag(when["known"]))
    if not keys <= QUESTIONS[kind]:
        raise ConditionError(
            f"{', '.join(sorted(map(str, keys)))} cannot be asked of a {kind.value};"
            f" use {_allowed(kind)}."
        )
    if kind is Kind.NUMBER:
        return _between(when)
    if kind is Kind.FLAG:
        return Is(_flag(when["is"]))
    (asked,) = when.values()
    listed = _texts(asked)
    if kind is Kind.CODE:
        return StartsWith(_codes(listed))
    if kind is Kind.WORDS:
        either = "|".join(re.escape(phrase) for phrase in sorted(listed, key=len, reverse=True))
        return HasWord(listed, re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE))
    return AnyOf(frozenset(text.casefold() for text in listed))


def _allowed(kind: Kind) -> str:
    return " or ".join([*sorted(QUESTIONS[kind]), "known"])


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionError("must be true or false.")
    return value


def _between(when: dict[str, Any]) -> Between:
    bounds = {}
    for name in ("min", "max"):
        bound = when.get(name)
        if bound is not None and (
            not isinstance(bound, int) or isinstance(bound, bool) or abs(bound) > NUMBER_LIMIT
        ):
            raise ConditionError(f"{name} must be a whole number.")
        bounds[name] = bound
    least, most = bounds["min"], bounds["max"]
    if least is None and most is None:
        raise ConditionError("needs min, max or both.")
    if least is not None and most is not None and least > most:
        raise ConditionError(f"min {least} is above max {most}.")
    return Between(least, most)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ConditionError("needs a list of texts.")
    if len(value) > MAX_LISTED:
        raise ConditionError(f"lists {len(value)} texts; the most is {MAX_LISTED}.")
    if not all(isinstance(text, str) and text.strip() and len(text) <= 120 for text in value):
        raise ConditionError("each text must have 1 to 120 characters.")
    return tuple(dict.fromkeys(text.strip() for text in value))


def _codes(listed: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [code for code in listed if not re.fullmatch(r"[0-9]{1,5}", code)]
    if wrong:
        raise ConditionError(f"{', '.join(wrong[:5])}: an SSIC code is 1 to 5 digits, as text.")
    return listed
