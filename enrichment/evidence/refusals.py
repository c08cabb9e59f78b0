"""What suppressions forbid of the findings in hand: each value is asked about once."""

from __future__ import annotations

from collections.abc import Iterable

from icp.suppressions import suppressed_pairs

Pair = tuple[str, str]  # kind of suppression, value


class Refusals:
    """Answers of this tenant's suppressions, kept for the length of one transaction."""

    def __init__(self, asked: Iterable[Pair] = ()) -> None:
        self._asked: set[Pair] = set()
        self._refused: set[Pair] = set()
        self._ask(set(asked))

    def ask(self, kind: str, values: Iterable[str]) -> None:
        """Find out about those of ``values`` not asked about yet; no query when there are none."""
        self._ask({(kind, value) for value in values if value} - self._asked)

    def refuse(self, kind: str, value: str) -> bool:
        """Whether ``value`` is suppressed; it must have been asked about."""
        return (kind, value) in self._refused

    def _ask(self, pairs: set[Pair]) -> None:
        if pairs:
            self._asked |= pairs
            self._refused |= suppressed_pairs(sorted(pairs))
