"""Unique Entity Numbers that are valid in form and cannot belong to anybody.

The check letters follow python-stdnum's ``stdnum.sg.uen`` (weights in
``contracts/register-facts.md``, section 3). The made-up ranges lie above every number issued
in sequence: local companies 90000 to 99999 of a year, businesses from 90000000, the others
9000 to 9999 of a year.
"""

from collections import Counter

BUSINESS = "SP"
COMPANY = "LC"
FIRST_YEAR, LAST_YEAR = 1900, 2026

_OTHER_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWX0123456789"


def check_letter(body: str) -> str:
    """Return the last letter of a UEN, given everything before it.

    Eight digits make a business, nine a local company, anything else is of the third kind.
    """
    if body.isdigit() and len(body) == 8:
        return "XMKECAWLJDB"[_weigh(body, (10, 4, 9, 3, 8, 2, 7, 1)) % 11]
    if body.isdigit():
        return "ZKCMDNERGWH"[_weigh(body, (10, 8, 6, 4, 9, 7, 5, 3, 1)) % 11]
    weights = (4, 3, 5, 3, 10, 2, 2, 5, 7)
    total = sum(
        weight * _OTHER_ALPHABET.index(sign) for weight, sign in zip(weights, body, strict=True)
    )
    return _OTHER_ALPHABET[(total - 5) % 11]


def _weigh(digits: str, weights: tuple[int, ...]) -> int:
    return sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=True))


def is_made_up(uen: str) -> bool:
    """Say whether a UEN lies in the sandbox's ranges."""
    body = uen[:-1]
    if body.isdigit() and len(body) == 8:
        return body[0] == "9"
    if body.isdigit():
        return body[4] == "9"
    return body[5:6] == "9"


class UenBook:
    """Gives each entity the next free number of its kind and year."""

    def __init__(self) -> None:
        self._given: Counter[tuple[str, int]] = Counter()
        self._businesses = 0

    def next(self, kind: str, year: int) -> tuple[str, int]:
        """Return a new UEN and the year it stands for.

        ``kind`` is ``LC``, ``SP`` or a two-letter code such as ``LL``. When a year's made-up
        range is used up the year before serves, so that two million entities fit.
        """
        if kind == BUSINESS:
            self._businesses += 1
            return _close(str(90_000_000 + self._businesses)), year
        size = 10_000 if kind == COMPANY else 1_000
        for _ in range(LAST_YEAR - FIRST_YEAR + 1):
            taken = self._given[kind, year]
            if taken < size:
                self._given[kind, year] = taken + 1
                # 7 shares no factor with the sizes: neighbours do not look numbered in a row.
                serial = taken * 7 % size
                return _close(_body(kind, year, serial)), year
            year = year - 1 if year > FIRST_YEAR else LAST_YEAR
        raise ValueError(f"the made-up range of {kind} numbers is used up")


def _body(kind: str, year: int, serial: int) -> str:
    if kind == COMPANY:
        return f"{year}{90_000 + serial}"
    century = "T" if year >= 2000 else "S"
    return f"{century}{year % 100:02d}{kind}{9_000 + serial}"


def _close(body: str) -> str:
    return body + check_letter(body)
