"""How well a site is kept, 0 to 100, by rule: the sum of its signs, each with its points.

The twin of the model's opinion, which stands beside it and is not scored. The points are our
judgement, not measured. Pure: the year counts against the day passed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

LOWEST, HIGHEST = 0, 100
_POINTS = {
    "https": 15, "contact page": 15, "about page": 10, "title": 5, "description": 5,
    "fits telephones": 10, "structured data": 10, "placeholder text": -40,
}  # fmt: skip
_COPYRIGHT = re.compile(r"copyright (\d{4})")
_COUNTED = re.compile(r"(\d+) (pages?|words)")


@dataclass(frozen=True, slots=True)
class Reason:
    """One sign and what it is worth."""

    sign: str
    points: int


def website_score(signs: str, *, as_of: date) -> tuple[int, list[Reason]]:
    """The score and its reasons, as ``enrichment.extract.website`` writes ``signs``.

    The reasons add up to the score, or to what lies outside 0 to 100.
    """
    reasons = [reason for sign in signs.split("; ") for reason in _reason(sign, as_of=as_of)]
    total = sum(reason.points for reason in reasons)
    return min(HIGHEST, max(LOWEST, total)), reasons


def _reason(sign: str, *, as_of: date) -> Iterator[Reason]:
    if sign in _POINTS:
        yield Reason(sign, _POINTS[sign])
    elif counted := _COUNTED.fullmatch(sign):
        number = int(counted.group(1))
        yield Reason(sign, _of_words(number) if counted.group(2) == "words" else _of_pages(number))
    elif sign.startswith("language "):
        yield Reason(sign, 5)
    elif noticed := _COPYRIGHT.fullmatch(sign):
        age = as_of.year - int(noticed.group(1))
        yield Reason(sign, 5 if age <= 1 else 0 if age <= 3 else -10)


def _of_words(number: int) -> int:
    return 15 if number >= 400 else 8 if number >= 120 else 0


def _of_pages(number: int) -> int:
    return 5 if number >= 3 else 2 if number == 2 else 0
