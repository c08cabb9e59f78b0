"""Addresses and numbers of people do not go to the model: it sees ``[contact 1]`` instead.

What it says of them is turned back for the person, who has typed or seen them. The same value has
the same place while one question is answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_REACH = re.compile(
    r"[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+"  # an e-mail address
    r"|\+\d[\d ().-]{6,18}\d"  # a number with its country
    r"|(?<![\w.])(?:\(?65\)?[ -]?)?[3689]\d{3}[ -]?\d{4}(?!\w|\.\d)"  # a number of Singapore
)
_PLACE = re.compile(r"\[contact (\d{1,4})\]")


@dataclass(slots=True)
class Hidden:
    """What was hidden, in order."""

    values: list[str] = field(default_factory=list)

    def hide(self, text: str) -> str:
        """``text`` with a place for each address and number."""
        text = _PLACE.sub(r"contact \1", text)  # nobody writes places but we
        return _REACH.sub(lambda hit: f"[contact {self._place(hit[0])}]", text)

    def show(self, told: Any) -> Any:
        """``told`` (text, or JSON of it) with the values in their places."""
        if isinstance(told, str):
            return _PLACE.sub(self._value, told)
        if isinstance(told, list):
            return [self.show(each) for each in told]
        if isinstance(told, dict):
            return {name: self.show(each) for name, each in told.items()}
        return told

    def _place(self, value: str) -> int:
        if value not in self.values:
            self.values.append(value)
        return self.values.index(value) + 1

    def _value(self, hit: re.Match[str]) -> str:
        place = int(hit[1])
        return self.values[place - 1] if 0 < place <= len(self.values) else hit[0]
