"""Filters of the register's list. Their choices are known: reading them from two million rows, as
Django does, would take a second each."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, TextFilter

from acra.models import RegisteredCompany, RegisterImport
from acra.postal import district_names
from acra.values import SSIC_EDITION

__all__ = ["DistrictFilter", "EditionFilter", "EntityTypeFilter", "LevelFilter", "LoadStatusFilter",
           "SsicFilter", "StatusClassFilter", "YearFilter"]  # fmt: skip

ENTITY_TYPES = (
    "Local Company",
    "Sole Proprietorship/ Partnership",
    "Limited Liability Partnership",
    "Limited Partnership",
    "Foreign Company Branch",
)
FIRST_YEAR = 1819


class _Known(DropdownFilter):
    field: str
    known: tuple[tuple[str, str], ...]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.known

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value not in dict(self.known):
            return queryset
        return queryset.filter(**{self.field: value})


class StatusClassFilter(_Known):
    title, parameter_name, field = "status", "status", "status_class"
    known = tuple(RegisteredCompany.StatusClass.choices)


class EntityTypeFilter(_Known):
    title, parameter_name, field = "entity type", "type", "entity_type"
    known = tuple((name, name) for name in ENTITY_TYPES)


class DistrictFilter(_Known):
    title, parameter_name, field = "postal district", "district", "district"
    known = tuple(
        (str(number), f"{number}: {place[:40]}") for number, place in district_names().items()
    )


class LoadStatusFilter(_Known):
    title, parameter_name, field = "outcome", "status", "status"
    known = tuple(RegisterImport.Status.choices)


class LevelFilter(_Known):
    title, parameter_name, field = "level", "level", "level"
    known = tuple((name, name) for name in ("section", "division", "group", "class", "sub-class"))


class EditionFilter(_Known):
    title, parameter_name, field = "edition", "edition", "edition"
    known = ((SSIC_EDITION, SSIC_EDITION),)


class SsicFilter(TextFilter):
    """Companies whose primary code starts with the digits: 62 takes all of division 62."""

    title, parameter_name = "SSIC code starts with", "ssic"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        digits = (self.value() or "").strip()
        if not digits.isdecimal() or len(digits) > 5:
            return queryset
        low, high = digits.ljust(5, "0"), digits.ljust(5, "9")
        return queryset.filter(primary_ssic__gte=low, primary_ssic__lte=high)


class YearFilter(TextFilter):
    """One year, or two with a dash between."""

    title, parameter_name = "registered in (2020 or 2015-2020)", "year"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, _, last = (self.value() or "").replace(" ", "").partition("-")
        last = last or first
        if not (first.isdecimal() and last.isdecimal() and len(first) == len(last) == 4):
            return queryset
        if int(first) < FIRST_YEAR:
            return queryset
        return queryset.filter(
            registered_on__gte=f"{first}-01-01", registered_on__lte=f"{last}-12-31"
        )
