"""What a night costs at most. Only the app above knows; it says here how to ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

PriceSentences = Callable[[datetime], list[str]]
_ASKED: list[PriceSentences] = []


def use(function: PriceSentences) -> None:
    """Ask ``function`` (the moment -> sentences, the sum last) from now on."""
    _ASKED[:] = [function]


def price_sentences(now: datetime) -> list[str]:
    """What the next night costs at most, in sentences; none where nobody knows."""
    return _ASKED[0](now) if _ASKED else []
