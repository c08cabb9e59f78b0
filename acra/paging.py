"""Pages of a filtered register with one pass over it, not one to count and one to fetch.

A search for words that many names have stops at the first 1,000 that the index gives: sorting a
hundred thousand hits to show fifty takes a second, and the way on is another word, not page 200.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page
from django.utils.functional import cached_property

from acra.estimate import estimated_rows
from tenants.paging import EXACT_UP_TO, EstimatedPaginator

__all__ = ["MANY", "RegisterPaginator"]

MANY = 200_000  # rows; where so many fit, the first fifty are found at once
MOST_FOUND = 1_000  # by a search


class RegisterPaginator(EstimatedPaginator):
    """Where few rows fit, their keys are read once, sorted, and serve the count and the page."""

    is_search = False

    @property
    def is_estimated(self) -> bool:
        return self.count > self._most

    @cached_property
    def num_pages(self) -> int:
        pages = super().num_pages
        if self._keys is None or not self.is_estimated:
            return pages
        return min(pages, -(-self._most // self.per_page))

    @property
    def _most(self) -> int:
        return MOST_FOUND if self.is_search else EXACT_UP_TO

    @cached_property
    def count(self) -> int:
        if self._keys is None:
            return self._estimate
        if len(self._keys) <= self._most:
            return len(self._keys)
        return max(self._estimate, len(self._keys))

    @cached_property
    def _estimate(self) -> int:
        rows: Any = self.object_list
        return estimated_rows(rows)

    @cached_property
    def _keys(self) -> list[str] | None:
        """The keys of all pages that can be looked at; nothing where many fit."""
        if self._estimate > MANY:
            return None
        rows: Any = self.object_list
        if not self.is_search:
            return list(rows.values_list("pk", flat=True)[: EXACT_UP_TO + 1])
        found = rows.order_by().values_list("pk", flat=True)[: self._most + 1]
        return sorted(found, reverse=True)

    def page(self, number: int | str) -> Page[Any]:
        if self._keys is None:
            return super().page(number)
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows: Any = self.object_list
        shown = rows.filter(pk__in=self._keys[first : first + self.per_page])
        return Page(shown, number, self)
