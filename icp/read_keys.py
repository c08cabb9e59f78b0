"""Read each key of a rule's payload into the condition it stands for.

A method per key: it reads the value by its shape, says it in words, and asks ``icp.conditions`` for
the SQL. All mistakes of a payload are collected; a key with a mistake has no condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from icp import conditions as ask
from icp.conditions import Condition, Place, Policy
from icp.keys import COMPANY_TYPES, ENTITY_TYPES, EXCLUDABLE, KEYS, STATUS_CLASSES
from icp.payload import (
    Problems,
    Range,
    is_asked,
    read_choice,
    read_date,
    read_flag,
    read_list,
    read_number,
    read_only,
    read_range,
    read_word,
    shown,
)
from icp.taxonomy import FoundCode, Taxonomy


class KeyReader:
    """Reads one payload. A method per kind of key; each adds its condition or its mistakes."""

    def __init__(
        self,
        payload: dict[str, Any],
        problems: Problems,
        *,
        taxonomy: Taxonomy,
        place: Place,
        as_of: date,
    ) -> None:
        self.payload = payload
        self.problems = problems
        self.taxonomy = taxonomy
        self.place = place
        self.as_of = as_of
        self.asked: dict[str, Any] = {}  # key -> value in order, for the search of contradictions
        self.codes: dict[str, list[FoundCode]] = {}
        self.conditions: list[Condition] = []

    def read(self) -> None:
        """Fill ``conditions``, ``codes`` and ``asked``; mistakes go to ``problems``."""
        self.policies = self._policies()
        for name in KEYS:
            if name == "status" or is_asked(self.payload.get(name)):
                self._read_key(name)
        self._read_exclusions()

    # --- what stands beside the conditions ----------------------------------------------------

    def _policies(self) -> dict[str, Policy]:
        given = self.payload.get("unknown")
        if not is_asked(given):
            return {}
        if not isinstance(given, Mapping):
            self.problems.add("unknown", 'Write {"employee_range": "match_lower"}.')
            return {}
        read_only(given, "unknown", self.problems, known=tuple(KEYS))
        choices = {policy.value: policy.value for policy in Policy}
        read = {
            key: read_choice(value, f"unknown.{key}", self.problems, choices=choices, what="policy")
            for key, value in given.items()
            if key in KEYS
        }
        return {key: Policy(value) for key, value in read.items() if value}

    def _policy(self, key: str) -> Policy:
        return self.policies.get(key, Policy.MATCH_LOWER)

    # --- conditions -----------------------------------------------------------------------------

    def _read_key(self, key: str) -> None:
        before = len(self.problems.errors)
        value = self.payload.get(key)
        reader: Callable[[str, Any], tuple[Any, Condition] | None] = getattr(
            self, f"_read_{key}", self._read_fact
        )
        read = reader(key, value)
        if read is not None and len(self.problems.errors) == before:
            self.asked[key], condition = read
            self.conditions.append(condition)

    def _read_industries(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        words = self._list(key, value, self._text)
        for position, word in enumerate(words):
            found = list(self.taxonomy.codes_of(word))
            if not found:
                near = self.taxonomy.suggestions(word)
                hint = f" Similar: {', '.join(near)}." if near else " Give SSIC codes under ssic."
                self.problems.add(f"{key}[{position}]", f"No SSIC title holds {shown(word)}.{hint}")
            self.codes[word] = found
        codes = sorted({found.code for word in words for found in self.codes[word]})
        if not codes:
            return None
        text = f"Industry: {_any_of(words)} (SSIC {_any_of(codes)}){self._where()}"
        condition = ask.has_code(key, text, self._policy(key), codes=codes, place=self.place)
        return codes, condition

    def _read_ssic(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        codes = self._codes(key, value)
        if not codes:
            return None
        text = f"SSIC {_any_of(codes)}{self._where()}"
        return codes, ask.has_code(key, text, self._policy(key), codes=codes, place=self.place)

    def _read_status(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        value = value if is_asked(value) else ["LIVE"]
        classes = self._list(key, value, self._choose(STATUS_CLASSES, "status class"))
        if not classes:
            return None
        if "CEASED" in classes:
            self.problems.add(key, "A company that has ceased never becomes a lead.")
        words = f"Status: {_any_of([each.replace('_', ' ').lower() for each in classes])}"
        # A status nobody has classed is UNKNOWN, a class that may be asked for: never a guess.
        return classes, ask.in_class(key, words, classes=classes)

    def _read_entity_types(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        types = self._list(key, value, self._choose(ENTITY_TYPES, "entity type"))
        if not types:
            return None
        spellings = [word for word, name in ENTITY_TYPES.items() if name in types]
        condition = ask.folded_among(
            key, f"Entity type: {_any_of(types)}", self._policy(key), column="c.entity_type",
            values=spellings, missing="c.entity_type = ''",
        )  # fmt: skip
        return types, condition

    def _read_company_types(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        types = self._list(key, value, self._choose(COMPANY_TYPES, "company type"))
        if not types:
            return None
        # only companies have a type; at a business its absence is an answer
        missing = "(c.company_type = '' AND lower(c.entity_type) IN ('local company', ''))"
        condition = ask.folded_among(
            key, f"Company type: {_any_of(types)}", self._policy(key), column="c.company_type",
            values=types, missing=missing,
        )  # fmt: skip
        return types, condition

    def _read_incorporation_year(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        asked = read_range(value, key, self.problems, least=1800, most=2100)
        if asked is None:
            return None
        first = date(asked.least, 1, 1) if asked.least is not None else None
        last = date(asked.most, 12, 31) if asked.most is not None else None
        return (first, last), self._registered(key, f"Registered {_span(asked)}", first, last)

    def _read_age_months(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        asked = read_range(value, key, self.problems, least=0, most=12 * 300)
        if asked is None:
            return None
        first, last = ask.dates_of_age(asked, as_of=self.as_of)
        words = f"Age {asked.words('months')}"
        return (first, last), self._registered(key, words, first, last)

    def _read_age_years(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        asked = read_range(value, key, self.problems, least=0, most=300)
        if asked is None:
            return None
        months = Range(
            None if asked.least is None else asked.least * 12,
            None if asked.most is None else asked.most * 12 + 11,
        )
        first, last = ask.dates_of_age(months, as_of=self.as_of)
        words = f"Age {asked.words('years')}"
        return (first, last), self._registered(key, words, first, last)

    def _read_registered_since(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        since = read_date(value, key, self.problems)
        if since is None:
            return None
        return (since, None), self._registered(key, f"Registered since {since}", since, None)

    def _read_registered_within_days(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        days = read_number(value, key, self.problems, least=1, most=36_500)
        if days is None:
            return None
        since = self.as_of - timedelta(days=days)
        words = f"Registered in the last {days} days"
        return (since, None), self._registered(key, words, since, None)

    def _registered(self, key: str, words: str, first: date | None, last: date | None) -> Condition:
        return ask.dated(
            key, words, self._policy(key), column="c.registered_on", first=first, last=last
        )

    def _read_districts(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        districts = self._list(key, value, self._number(1, 28))
        if not districts:
            return None
        condition = ask.among(key, f"Postal district {_any_of(districts)}", self._policy(key),
                              column="c.district", values=districts,
                              missing="c.district IS NULL")  # fmt: skip
        return districts, condition

    def _read_postal_sectors(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        sectors = self._list(key, value, self._digits(2))
        if not sectors:
            return None
        words = f"Postal sector {_any_of(sectors)}"
        condition = ask.in_sector(key, words, self._policy(key), sectors=sectors)
        return sectors, condition

    def _read_postal_codes(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        codes = self._list(key, value, self._digits(6))
        if not codes:
            return None
        condition = ask.among(key, f"Postal code {_any_of(codes)}", self._policy(key),
                              column="c.postal_code", values=codes,
                              missing="length(c.postal_code) <> 6")  # fmt: skip
        return codes, condition

    def _read_officers(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        asked = read_range(value, key, self.problems, least=0, most=100_000)
        if asked is None:
            return None
        words = f"Officers on record: {asked.words()}"
        return asked, ask.between(key, words, self._policy(key), column="c.officers_count",
                                  asked=asked)  # fmt: skip

    def _read_annual_return_within_months(
        self, key: str, value: Any
    ) -> tuple[Any, Condition] | None:
        months = read_number(value, key, self.problems, least=1, most=1200)
        if months is None:
            return None
        since = ask.months_before(self.as_of, months)
        words = f"Annual return filed in the last {months} months"
        return months, ask.returned_since(key, words, self._policy(key), since=since)

    def _read_renamed_within_months(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        months = read_number(value, key, self.problems, least=1, most=1200)
        if months is None:
            return None
        since = ask.months_before(self.as_of, months)
        words = f"Renamed in the last {months} months"
        return months, ask.renamed_since(key, words, self._policy(key), since=since)

    def _read_has_former_names(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        wanted = read_flag(value, key, self.problems)
        if wanted is None:
            return None
        words = "Has had another name" if wanted else "Has never had another name"
        return wanted, ask.has_former_names(key, words, self._policy(key), wanted=wanted)

    def _read_shared_address(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        asked = read_range(value, key, self.problems, least=1, most=1_000_000)
        if asked is None:
            return None
        words = f"Live companies at its address: {asked.words()}"
        return asked, ask.shares_address(key, words, self._policy(key), asked=asked)

    # --- what the register cannot answer -------------------------------------------------------

    def _read_employee_range(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        asked = read_range(value, key, self.problems, least=0, most=10_000_000)
        if asked is None:
            return None
        words = f"Employees: {asked.words()}"
        return asked, ask.not_in_register(key, words, self._policy(key))

    def _read_fact(self, key: str, value: Any) -> tuple[Any, Condition] | None:
        words = self._list(key, value, self._text)
        if not words:
            return None
        text = f"{KEYS[key].label}: {_any_of(words)}"
        return words, ask.not_in_register(key, text, self._policy(key))

    # --- exclusions -----------------------------------------------------------------------------

    def _read_exclusions(self) -> None:
        given = self.payload.get("exclude")
        if not is_asked(given):
            return
        if not isinstance(given, Mapping):
            self.problems.add("exclude", 'Write {"ssic": ["41"], "uens": ["201912345A"]}.')
            return
        read_only(given, "exclude", self.problems, known=EXCLUDABLE)
        for name in EXCLUDABLE:
            if is_asked(given.get(name)):
                self._read_exclusion(name, given[name])

    def _read_exclusion(self, name: str, value: Any) -> None:
        key = f"exclude.{name}"
        before = len(self.problems.errors)
        readers: dict[str, Callable[[object, str], Any]] = {
            "uens": self._upper,
            "districts": self._number(1, 28),
            "postal_sectors": self._digits(2),
            "entity_types": self._choose(ENTITY_TYPES, "entity type"),
            "company_types": self._choose(COMPANY_TYPES, "company type"),
        }
        if name == "ssic":
            values = self._codes(key, value)
        else:
            values = self._list(key, value, readers[name])
        if len(self.problems.errors) > before or not values:
            return
        self.asked[key] = values
        self.conditions.append(self._excluding(name, key, values))

    def _excluding(self, name: str, key: str, values: list[Any]) -> Condition:
        label = {"uens": "UEN", "ssic": "SSIC", "districts": "postal district",
                 "postal_sectors": "postal sector", "entity_types": "entity type",
                 "company_types": "company type"}[name]  # fmt: skip
        words = f"Not {label} {_any_of(values)}"
        if name == "ssic":
            return ask.has_no_code(key, words, codes=values, place=self.place)
        if name == "entity_types":
            values = [word for word, canonical in ENTITY_TYPES.items() if canonical in values]
        if name in {"entity_types", "company_types"}:
            column = "c.entity_type" if name == "entity_types" else "c.company_type"
            return ask.not_folded_among(key, words, column=column, values=values)
        if name == "postal_sectors":
            return ask.not_in_sector(key, words, sectors=values)
        column = {"uens": "c.uen", "districts": "c.district"}[name]
        return ask.not_among(key, words, column=column, values=values)

    # --- items of lists -------------------------------------------------------------------------

    def _list(self, key: str, value: Any, item: Callable[[object, str], Any]) -> list[Any]:
        return read_list(value, key, self.problems, item=item)

    def _codes(self, key: str, value: Any) -> list[str]:
        """SSIC codes and beginnings of codes; a section's letter becomes its divisions."""
        codes: list[str] = []
        items = [value] if isinstance(value, str) else value
        for position, code in enumerate(self._list(key, items, self._code)):
            if code.isdigit():
                codes.append(code)
            elif divisions := self.taxonomy.divisions(code):
                codes += divisions
            else:
                self.problems.add(f"{key}[{position}]", f"There is no SSIC section {code}.")
        unknown = self.taxonomy.unknown(codes)
        for code in sorted(unknown):
            self.problems.add(key, f"No SSIC code is or begins with {code}.")
        return [code for code in dict.fromkeys(codes) if code not in unknown]

    def _code(self, value: object, path: str) -> str | None:
        word = read_word(value, path, self.problems)
        if word is None:
            return None
        word = word.upper().rstrip("*")
        if (word.isascii() and word.isdigit() and 2 <= len(word) <= 5) or (
            len(word) == 1 and word.isascii() and word.isalpha()
        ):
            return word
        self.problems.add(path, f"An SSIC code has 2 to 5 digits, or is a section's letter; "
                                f"not {shown(value)}.")  # fmt: skip
        return None

    def _text(self, value: object, path: str) -> str | None:
        return read_word(value, path, self.problems)

    def _upper(self, value: object, path: str) -> str | None:
        word = read_word(value, path, self.problems)
        return word.upper() if word else None

    def _number(self, least: int, most: int) -> Callable[[object, str], Any]:
        return lambda value, path: read_number(value, path, self.problems, least=least, most=most)

    def _digits(self, count: int) -> Callable[[object, str], Any]:
        def item(value: object, path: str) -> str | None:
            if isinstance(value, str) and len(value) == count and value.isascii() \
                    and value.isdigit():  # fmt: skip
                return value
            self.problems.add(path, f"Write {count} digits in quotes, not {shown(value)}.")
            return None

        return item

    def _choose(self, choices: Mapping[str, str], what: str) -> Callable[[object, str], Any]:
        return lambda value, path: read_choice(
            value, path, self.problems, choices=choices, what=what
        )

    def _where(self) -> str:
        return {
            Place.PRIMARY: "",
            Place.SECONDARY: " as second activity",
            Place.EITHER: " as first or second activity",
        }[self.place]


def _any_of(values: list[Any]) -> str:
    words = [str(value) for value in values]
    most = 12
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _span(asked: Range) -> str:
    if asked.least is None:
        return f"in or before {asked.most}"
    if asked.most is None:
        return f"in or after {asked.least}"
    return f"in {asked.least}" if asked.least == asked.most else f"{asked.least} to {asked.most}"
