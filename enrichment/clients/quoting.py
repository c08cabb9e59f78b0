"""A vendor's own words, made fit for logs and screens."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_WORDS = 160
_SPACES = re.compile(r"\s+")
_TELLING = re.compile(r"\S*@\S*|\S*://\S*|\S{24,}|\+?\d[\d ()-]{6,}\d")


def words_of(text: str, *, asked: Iterable[str]) -> str:
    """``text`` on one line with addresses, numbers and long codes taken out.

    Nothing at all where it repeats any of ``asked``: what the request held is nobody's business.
    """
    plain = _SPACES.sub(" ", text).strip()
    lowered = plain.lower()
    if any(part and part.lower() in lowered for part in asked):
        return ""
    return _TELLING.sub("...", plain)[:MAX_WORDS]
