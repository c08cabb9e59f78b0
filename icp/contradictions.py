"""Name what can never be met together: rules that would silently select nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from icp.conditions import Place
from icp.payload import Problems

DATED = ("incorporation_year", "age_months", "age_years", "registered_since",
         "registered_within_days")  # fmt: skip
COMPANY_ONLY = "Local Company"


def name_contradictions(
    asked: dict[str, Any], problems: Problems, *, place: Place, as_of: date
) -> None:
    """Add an error for each pair of keys no company can meet; ``asked`` holds the values read."""
    _dates(asked, problems, as_of=as_of)
    _codes(asked, problems, place=place)
    _places(asked, problems)
    _types(asked, problems)
    _names(asked, problems)
    for key in ("districts", "postal_sectors", "entity_types", "company_types"):
        _excluded(key, asked, problems)


def _dates(asked: dict[str, Any], problems: Problems, *, as_of: date) -> None:
    """All keys about the day of registration must leave at least one day in common."""
    given = [key for key in DATED if key in asked]
    first, last = date.min, as_of
    for key in given:
        low, high = asked[key]
        first, before = max(first, low or date.min), first
        last, after = min(last, high or date.max), last
        if first > last:
            others = given[: given.index(key)]
            if low and low > as_of and not others:
                problems.add(key, f"This begins after today ({as_of}), so nobody is in it yet.")
            else:
                problems.add(
                    key,
                    f"No day of registration is left: {' and '.join(others) or 'today'} allows "
                    f"{before if before > date.min else 'the beginning'} to {after}, "
                    f"this asks for {low or 'the beginning'} to {high or 'today'}.",
                )
            return


def _codes(asked: dict[str, Any], problems: Problems, *, place: Place) -> None:
    industries, codes = asked.get("industries"), asked.get("ssic")
    if industries and codes and place != Place.EITHER and not _common(industries, codes):
        problems.add("ssic", "None of these codes belongs to the industries asked for "
                             f"(SSIC {', '.join(industries)}).")  # fmt: skip
    excluded = asked.get("exclude.ssic")
    for key in ("industries", "ssic"):
        wanted = asked.get(key)
        if wanted and excluded and all(_begins(code, excluded) for code in wanted):
            problems.add("exclude.ssic", f"This excludes every code that {key} asks for.")


def _places(asked: dict[str, Any], problems: Problems) -> None:
    codes, sectors = asked.get("postal_codes"), asked.get("postal_sectors")
    if codes and sectors and not any(code[:2] in sectors for code in codes):
        problems.add("postal_codes", "None of these lies in the postal sectors asked for.")


def _types(asked: dict[str, Any], problems: Problems) -> None:
    types = asked.get("entity_types")
    if types and asked.get("company_types") and COMPANY_ONLY not in types:
        problems.add("company_types", f"Only a {COMPANY_ONLY} has a company type, and entity_types "
                                      "does not ask for one.")  # fmt: skip


def _names(asked: dict[str, Any], problems: Problems) -> None:
    if "renamed_within_months" in asked and asked.get("has_former_names") is False:
        problems.add("has_former_names", "A renamed company has a former name; take one of the "
                                         "two keys away.")  # fmt: skip


def _excluded(key: str, asked: dict[str, Any], problems: Problems) -> None:
    wanted, excluded = asked.get(key), asked.get(f"exclude.{key}")
    if wanted and excluded and set(wanted) <= set(excluded):
        problems.add(f"exclude.{key}", f"This excludes everything that {key} asks for.")


def _common(some: Sequence[str], others: Sequence[str]) -> bool:
    return any(_begins(one, others) for one in some) or any(_begins(one, some) for one in others)


def _begins(code: str, beginnings: Sequence[str]) -> bool:
    return any(code.startswith(each) for each in beginnings)
