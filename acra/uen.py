"""Unique Entity Numbers: which texts are one, and whether the check letter fits.

The shape decides. A failed check letter is a warning only: the register itself prints such numbers,
and some codes (``VC``, variable capital companies) are unknown to the public libraries.
Shapes and weights: register facts, section 3, after ``stdnum.sg.uen``, run on real rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add

__all__ = [
    "CHECKS", "PATTERN", "Check", "check_letter", "clean_uen", "find_uens", "has_good_letter",
    "is_uen", "wrong_letters",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """How the last letter of one shape follows from what stands before it."""

    pattern: str
    weights: tuple[int, ...]
    alphabet: str  # value of a character = its place here
    minus: int
    letters: str  # by weighted sum modulo 11


_DIGITS = "0123456789"
_MIXED = "ABCDEFGHJKLMNPQRSTUVWX0123456789"
CHECKS = (
    Check(r"[0-9]{8}[A-Z]", (10, 4, 9, 3, 8, 2, 7, 1), _DIGITS, 0, "XMKECAWLJDB"),  # businesses
    # local companies: the year comes first
    Check(r"[0-9]{9}[A-Z]", (10, 8, 6, 4, 9, 7, 5, 3, 1), _DIGITS, 0, "ZKCMDNERGWH"),
    # all others; R = 1800s, S = 1900s, T = 2000s
    Check(r"[RST][0-9]{2}[A-Z]{2}[0-9]{4}[A-Z]", (4, 3, 5, 3, 10, 2, 2, 5, 7), _MIXED, 5, _MIXED),
)
PATTERN = "|".join(check.pattern for check in CHECKS)

_SHAPE = re.compile(PATTERN)
_IN_TEXT = re.compile(rf"(?<![0-9A-Za-z])(?:{PATTERN})(?![0-9A-Za-z])")
_SPACE = re.compile(r"[\s\u200b-\u200f\u202a-\u202e\ufeff]+")


def clean_uen(text: str) -> str:
    """Return ``text`` in capitals without any space; it need not be a UEN."""
    return _SPACE.sub("", text).upper()


def is_uen(text: str) -> bool:
    """Whether ``text`` (clean) has one of the three shapes."""
    return _SHAPE.fullmatch(text) is not None


def check_letter(uen: str) -> str:
    """The letter that belongs at the end of a well-shaped ``uen``; raises ``ValueError`` else.

    Empty when a character of the number has no value (``I``, ``O``, ``Y`` and ``Z`` in the code).
    """
    if not is_uen(uen):
        raise ValueError(f"{uen!r} has none of the shapes of a UEN")
    check, pieces = _sums_for(uen)
    number = uen[:-1]
    total = sum(
        piece[number[start : start + 3]] for start, piece in zip((0, 3, 6), pieces, strict=True)
    )
    return check.letters[(total - check.minus) % 11] if total >= 0 else ""


def has_good_letter(uen: str) -> bool:
    """Whether the check letter of a well-shaped ``uen`` is the right one. Half a microsecond."""
    check, (first, second, third) = _sums_for(uen)
    total = first[uen[:3]] + second[uen[3:6]] + third[uen[6:-1]]
    return total >= 0 and check.letters[(total - check.minus) % 11] == uen[-1]


def wrong_letters(uens: Sequence[str]) -> list[str]:
    """Those of well-shaped ``uens`` whose check letter is wrong. A third of a microsecond each."""
    businesses = [uen for uen in uens if len(uen) == 9]
    others = [uen for uen in uens if uen[0] in "RST"]
    companies = [uen for uen in uens if len(uen) == 10 and uen[0] not in "RST"]
    found: list[str] = []
    for some, halves in zip((businesses, companies, others), _HALVES, strict=True):
        if some and not halves.fit(some):
            found += [uen for uen in some if not has_good_letter(uen)]
    return found


def find_uens(text: str) -> list[str]:
    """Texts of UEN shape with a good check letter in running text, once each, in order.

    Strict, because nine digits and a letter are often something else. Lower case and spaces inside
    the number are not recognised.
    """
    found = dict.fromkeys(match[0] for match in _IN_TEXT.finditer(text))
    return [uen for uen in found if has_good_letter(uen)]


class _Sums(dict[str, int]):
    """Three characters -> their share of the weighted sum; very negative where one has no value."""

    def __init__(self, check: Check, *, start: int) -> None:
        super().__init__()
        self._check, self._start = check, start

    def __missing__(self, piece: str) -> int:
        values = [self._check.alphabet.find(character) for character in piece]
        weights = self._check.weights[self._start :]
        self[piece] = result = (
            -10_000
            if -1 in values
            else sum(value * weight for value, weight in zip(values, weights, strict=False))
        )
        return result


_BUSINESS, _COMPANY, _OTHER = (
    (check, tuple(_Sums(check, start=start) for start in (0, 3, 6))) for check in CHECKS
)


def _sums_for(uen: str) -> tuple[Check, tuple[_Sums, ...]]:
    if len(uen) == 9:
        return _BUSINESS
    return _OTHER if uen[0] in "RST" else _COMPANY


class _Halves:
    """The check of one shape for many numbers at once: four digits at the end, and what is before.

    Both have few values, so that their share of the sum is looked up.
    """

    def __init__(self, check: Check) -> None:
        first = len(check.weights) - 4
        self._before = _Rests(check, check.weights[:first], minus=check.minus)
        self._digits = _Rests(check, check.weights[first:], minus=0)
        # Two rests below 11 add up to 20 at most; beyond are characters without a value.
        self._letters = (*(check.letters[rest % 11] for rest in range(21)), *[""] * 22)

    def fit(self, uens: Sequence[str]) -> bool:
        before = map(self._before.__getitem__, [uen[:-5] for uen in uens])
        digits = map(self._digits.__getitem__, [uen[-5:-1] for uen in uens])
        letters = map(self._letters.__getitem__, map(add, before, digits))
        return list(letters) == [uen[-1] for uen in uens]


class _Rests(dict[str, int]):
    """Some characters of a number -> the rest of their share by 11; 21 where one has no value."""

    def __init__(self, check: Check, weights: tuple[int, ...], *, minus: int) -> None:
        super().__init__()
        self._alphabet, self._weights, self._minus = check.alphabet, weights, minus

    def __missing__(self, piece: str) -> int:
        values = [self._alphabet.find(character) for character in piece]
        total = sum(value * weight for value, weight in zip(values, self._weights, strict=True))
        self[piece] = rest = 21 if -1 in values else (total - self._minus) % 11
        return rest


_HALVES = tuple(map(_Halves, CHECKS))
