"""Which companies a phrase wants: "fintechs in district 1 younger than three years"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20,
}  # fmt: skip
_N = rf"(?P<n>\d{{1,4}}|{'|'.join(NUMBERS)})"
_UNIT = r"(?P<unit>years?|months?)"
_OLD = r"(?: old| of age)?"
_YEAR = r"(?P<year>(?:18|19|20|21)\d\d)"
_LIST = r"(?P<list>[dD]?\d{1,2}(?:(?:\s*,\s*|\s+and\s+|\s*,\s*and\s+|\s+or\s+)[dD]?\d{1,2})*)"
_CODES = r"(?P<codes>\d{2,5}(?:(?:\s*,\s*|\s+(?:and|or)\s+)\d{2,5})*)"
_TO = r"(?:\s*(?:-|to|and)\s*(?P<last>(?:18|19|20|21)\d\d))?"
_BORN = r"(?:registered|incorporated|founded|started|born|opened)"
STATUS_WORDS = {"live": "LIVE", "at risk": "AT_RISK", "ending": "PENDING", "pending": "PENDING"}
_FILLERS = re.compile(
    r"\b(?:companies|company|firms?|businesses|business|startups?|start-ups?|ones|all|the|some|any|"
    r"new leads|leads?|that are|which are|who are|that|which|are|is|there|in singapore|of them|"
    r"doing|in the business of|me|please|with|and)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Phrase:
    """What a phrase says. ``rest`` is what no rule below took: the activity."""

    arguments: dict[str, Any] = field(default_factory=dict)
    rest: str = ""


def read_phrase(text: str) -> Phrase:
    """Districts, ages, years, codes and status out of ``text``; what is left, is an activity."""
    found = Phrase(rest=text)
    for pattern, read in _RULES:
        for hit in list(pattern.finditer(found.rest)):
            read(found.arguments, hit)
        found.rest = pattern.sub(" ", found.rest)
    found.rest = " ".join(_FILLERS.sub(" ", found.rest).split()).strip(" ,")
    words = [word.strip() for word in re.split(r",| or ", found.rest) if word.strip()]
    if words:
        found.arguments = {"activities": words[:20], **found.arguments}
    return found


def number(text: str) -> int:
    """``3`` and ``three``; 0 for what is none."""
    text = text.strip().casefold()
    if text.isascii() and text.isdigit():
        return int(text)
    return NUMBERS.get(text, 0)


def _months(hit: re.Match[str]) -> int:
    many = number(hit["n"])
    return many * 12 if hit["unit"].casefold().startswith("year") else many


def _younger(told: dict[str, Any], hit: re.Match[str]) -> None:
    told["younger_than_months"] = _months(hit)


def _older(told: dict[str, Any], hit: re.Match[str]) -> None:
    told["older_than_months"] = _months(hit)


def _since(told: dict[str, Any], hit: re.Match[str]) -> None:
    told["registered_from_year"] = int(hit["year"]) + (hit["how"].casefold() == "after")


def _before(told: dict[str, Any], hit: re.Match[str]) -> None:
    told["registered_to_year"] = int(hit["year"]) - 1


def _in_year(told: dict[str, Any], hit: re.Match[str]) -> None:
    told["registered_from_year"] = int(hit["year"])
    told["registered_to_year"] = int(hit["last"] or hit["year"])


def _districts(told: dict[str, Any], hit: re.Match[str]) -> None:
    listed = [int(each) for each in re.findall(r"\d{1,2}", hit["list"])]
    told["districts"] = list(dict.fromkeys([*told.get("districts", []), *listed]))


def _codes(told: dict[str, Any], hit: re.Match[str]) -> None:
    told["ssic_codes"] = re.findall(r"\d{2,5}", hit["codes"])


def _status(told: dict[str, Any], hit: re.Match[str]) -> None:
    standing = told.setdefault("status", [])
    standing.append(STATUS_WORDS[" ".join(hit.group().casefold().split())])


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b{pattern}\b", re.IGNORECASE)


_RULES = (
    (_rule(rf"(?:in )?(?:postal )?districts? {_LIST}"), _districts),
    (_rule(r"in (?P<list>[dD]\d{1,2}(?:\s*(?:,|and|or)\s*[dD]\d{1,2})*)"), _districts),
    (_rule(rf"(?:with )?ssic(?: codes?)? {_CODES}"), _codes),
    (_rule(rf"(?:younger than|under|below|less than|not older than|up to|in the last|within) {_N}"
           rf" {_UNIT}{_OLD}"), _younger),
    (_rule(rf"(?:older than|over|above|more than|at least|for) {_N} {_UNIT}{_OLD}"), _older),
    (_rule(rf"(?:{_BORN} )?(?P<how>since|from|after) {_YEAR}(?: on)?"), _since),
    (_rule(rf"(?:{_BORN} )?before {_YEAR}"), _before),
    (_rule(rf"(?:{_BORN} )?(?:in|between) {_YEAR}{_TO}"), _in_year),
    (_rule(rf"(?:{'|'.join(STATUS_WORDS)})"), _status),
)  # fmt: skip
