"""Read the values of a rule's payload, shape by shape, and collect every mistake on the way.

A reader returns the value in order, or ``None`` when nothing was asked or something is wrong; what
is wrong stands in ``Problems`` with the path of the key, so that an editor can put it beside its
field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any, NamedTuple

LONGEST_LIST = 10_000
LONGEST_WORD = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, or one warning: where in the payload, and a sentence saying what to do."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}" if self.path else self.sentence


@dataclass(slots=True)
class Problems:
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def add(self, path: str, sentence: str) -> None:
        self.errors.append(Problem(path, sentence))

    def warn(self, path: str, sentence: str) -> None:
        self.warnings.append(Problem(path, sentence))


class Range(NamedTuple):
    """From ``least`` to ``most``, both included; ``None`` leaves that end open."""

    least: int | None
    most: int | None

    def words(self, unit: str = "") -> str:
        unit = f" {unit}" if unit else ""
        if self.least == self.most:
            return f"exactly {self.least}{unit}"
        if self.least is None:
            return f"at most {self.most}{unit}"
        if self.most is None:
            return f"at least {self.least}{unit}"
        return f"{self.least} to {self.most}{unit}"


def read_range(
    value: object, path: str, problems: Problems, *, least: int, most: int
) -> Range | None:
    """``{"min": 2, "max": 100}``, either end optional, whole numbers from ``least`` to ``most``."""
    if not isinstance(value, Mapping):
        problems.add(path, 'Write a range like {"min": 2, "max": 100}.')
        return None
    read_only(value, path, problems, known=("min", "max"))
    before = len(problems.errors)
    low = read_number(value.get("min"), f"{path}.min", problems, least=least, most=most)
    high = read_number(value.get("max"), f"{path}.max", problems, least=least, most=most)
    if len(problems.errors) > before or (low is None and high is None):
        return None
    if low is not None and high is not None and low > high:
        problems.add(path, f"The smallest value ({low}) is above the largest ({high}).")
        return None
    return Range(low, high)


def read_number(
    value: object, path: str, problems: Problems, *, least: int, most: int
) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        problems.add(path, f"Write a whole number, not {shown(value)}.")
        return None
    if not least <= value <= most:
        problems.add(path, f"Write a number from {least} to {most}, not {shown(value)}.")
        return None
    return value


def read_list(
    value: object, path: str, problems: Problems, *, item: Callable[[object, str], Any]
) -> list[Any]:
    """Each item read by ``item(value, path)``, without repetitions; ``None`` from it leaves it out.

    One word may stand without the brackets.
    """
    if isinstance(value, str | int) and not isinstance(value, bool):
        value = [value]
    if not isinstance(value, list):
        problems.add(path, f'Write a list like ["..."], not {shown(value)}.')
        return []
    if len(value) > LONGEST_LIST:
        problems.add(path, f"At most {LONGEST_LIST} items; there are {len(value)}.")
        return []
    read = (item(each, f"{path}[{position}]") for position, each in enumerate(value))
    return list(dict.fromkeys(each for each in read if each is not None))


def read_word(value: object, path: str, problems: Problems) -> str | None:
    """A text without control characters, outer spaces cut."""
    if not isinstance(value, str):
        problems.add(path, f"Write text, not {shown(value)}.")
        return None
    word = " ".join(value.split())
    if not word:
        problems.add(path, "This is empty.")
    elif len(word) > LONGEST_WORD:
        problems.add(path, f"At most {LONGEST_WORD} characters; there are {len(word)}.")
    elif not word.isprintable():
        problems.add(path, "This holds characters that cannot be shown.")
    else:
        return word
    return None


def read_choice(
    value: object, path: str, problems: Problems, *, choices: Mapping[str, str], what: str
) -> str | None:
    """One of the values of ``choices``, whose keys are the folded spellings people may write."""
    word = read_word(value, path, problems)
    if word is None:
        return None
    if (found := choices.get(word.casefold())) is not None:
        return found
    near = get_close_matches(word.casefold(), choices, n=1)
    hint = f" Did you mean {choices[near[0]]}?" if near else f" Known: {_listed(choices)}."
    problems.add(path, f"There is no {what} {shown(word)}.{hint}")
    return None


def read_date(value: object, path: str, problems: Problems) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else _no_date(value)
    except ValueError:
        problems.add(path, f"Write a date like 2024-01-31, not {shown(value)}.")
        return None


def read_flag(value: object, path: str, problems: Problems) -> bool | None:
    if not isinstance(value, bool):
        problems.add(path, f"Write true or false, not {shown(value)}.")
        return None
    return value


def read_only(
    value: Mapping[str, object], path: str, problems: Problems, *, known: tuple[str, ...]
) -> None:
    """Name each key of ``value`` that nobody reads."""
    for key in value:
        if key not in known:
            where = f"{path}.{key}" if path else key
            near = get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."
            problems.add(where[:LONGEST_WORD], f"This key is unknown. {hint}")


def is_asked(value: object) -> bool:
    """Whether a value asks for something: ``null``, ``[]``, ``{}`` and an empty text do not."""
    return value is not None and value != [] and value != {} and value != ""


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _no_date(value: object) -> date:
    raise ValueError(value)


def _listed(choices: Mapping[str, str]) -> str:
    return ", ".join(dict.fromkeys(choices.values()))
