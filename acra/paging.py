"""Pages of a filtered register with one pass over it, not one to count and one to fetch."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page
from django.utils.functional import cached_property

from acra.estimate import estimated_rows
from tenants.paging import EXACT_UP_TO, EstimatedPaginator

__all__ = ["MANY", "RegisterPaginator"]

MANY = 200_000  # rows; where so many fit, the first fifty are found at once


class RegisterPaginator(EstimatedPaginator):
    """Where few rows fit, their keys are read once, sorted, and serve the count and the page."""

    @cached_property
    def count(self) -> int:
        if self._keys is None:
            return super().count
        if len(self._keys) <= EXACT_UP_TO:
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
        return list(rows.values_list("pk", flat=True)[: EXACT_UP_TO + 1])

    def page(self, number: int | str) -> Page[Any]:
        if self._keys is None:
            return super().page(number)
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows: Any = self.object_list
        shown = rows.filter(pk__in=self._keys[first : first + self.per_page])
        return Page(shown, number, self)
