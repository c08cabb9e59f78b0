"""What each key of a rule asks of one row of the register, as SQL with three outcomes.

A condition holds, fails, or is not known yet; the row is ``c``, a registered company. What may be
asked and what it can answer: register-facts section 7. Dates and codes are compared as ranges of
the plain column, so that the partial indexes on live companies serve them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from icp.payload import Range

LIVE = "c.status_class IN ('LIVE', 'AT_RISK')"
FORMER_NAMES = "(SELECT string_agg(n, '; ') FROM jsonb_array_elements_text(c.former_names) n)"


class Policy(StrEnum):
    """What becomes of a company while a fact is not known."""

    MATCH = "match"
    NO_MATCH = "no_match"
    MATCH_LOWER = "match_lower"


class Sql(NamedTuple):
    text: str
    params: tuple[Any, ...] = ()


NOTHING = Sql("NULL")


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of a rule. ``holds`` is ``None`` when the register cannot answer it at all."""

    key: str
    words: str  # for a person, e.g. "Registered 2000 to 2025"
    policy: Policy
    holds: Sql | None
    lacks: Sql | None = None  # true where the register has no such fact; None: it always has
    value: Sql = NOTHING  # text: what the register says, for the trace
    is_known_when_it_holds: bool = False  # it may hold although the fact is lacking

    @property
    def never_known(self) -> bool:
        return self.holds is None


def not_in_register(key: str, words: str, policy: Policy) -> Condition:
    return Condition(key, words, policy, holds=None)


def among(
    key: str, words: str, policy: Policy, *, column: str, values: Sequence[Any], missing: str
) -> Condition:
    """The column has one of ``values``; ``missing`` is SQL that is true where it is not filled."""
    return Condition(
        key, words, policy, Sql(f"{column} = ANY(%s)", (list(values),)), Sql(missing),
        Sql(f"{column}::text"),
    )  # fmt: skip


def in_class(key: str, words: str, *, classes: Sequence[str]) -> Condition:
    """Its status class is one of ``classes``."""
    if len(classes) == 1:  # the usual case, and asked of every row: a tenth quicker so
        holds = Sql("c.status_class = %s", (classes[0],))
    else:
        holds = Sql("c.status_class = ANY(%s)", (list(classes),))
    return Condition(key, words, Policy.MATCH, holds, value=Sql("c.status"))


SECTOR = "(length(c.postal_code) = 6 AND left(c.postal_code, 2) = ANY(%s))"


def in_sector(key: str, words: str, policy: Policy, *, sectors: Sequence[str]) -> Condition:
    """Its postal code begins with one of ``sectors``; the old four-digit codes tell no sector."""
    return Condition(key, words, policy, Sql(SECTOR, (list(sectors),)),
                     Sql("length(c.postal_code) <> 6"), Sql("c.postal_code"))  # fmt: skip


def not_in_sector(key: str, words: str, *, sectors: Sequence[str]) -> Condition:
    return Condition(key, words, Policy.MATCH, Sql(f"NOT {SECTOR}", (list(sectors),)),
                     value=Sql("c.postal_code"))  # fmt: skip


def not_among(key: str, words: str, *, column: str, values: Sequence[Any]) -> Condition:
    """An exclusion. A row without the value is not excluded by it."""
    holds = Sql(f"({column} IS NULL OR {column} <> ALL(%s))", (list(values),))
    return Condition(key, words, Policy.MATCH, holds, value=Sql(f"{column}::text"))


def between(key: str, words: str, policy: Policy, *, column: str, asked: Range) -> Condition:
    return Condition(
        key, words, policy, _within(column, asked.least, asked.most), Sql(f"{column} IS NULL"),
        Sql(f"{column}::text"),
    )  # fmt: skip


def dated(
    key: str, words: str, policy: Policy, *, column: str, first: date | None, last: date | None
) -> Condition:
    """The date lies between ``first`` and ``last``, both included."""
    return Condition(
        key, words, policy, _within(column, first, last), Sql(f"{column} IS NULL"),
        Sql(f"{column}::text"),
    )  # fmt: skip


class Place(StrEnum):
    """Which of a company's two activities a code is looked for in."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    EITHER = "either"


def has_code(
    key: str, words: str, policy: Policy, *, codes: Iterable[str], place: Place
) -> Condition:
    """Its SSIC code begins with one of ``codes``. No secondary code means no second activity."""
    primary = _begins("c.primary_ssic", codes)
    secondary = _begins("c.secondary_ssic", codes)
    if place == Place.PRIMARY:
        return Condition(key, words, policy, primary, Sql("c.primary_ssic = ''"),
                         Sql("c.primary_ssic"))  # fmt: skip
    if place == Place.SECONDARY:
        return Condition(key, words, policy, secondary, value=Sql("c.secondary_ssic"))
    either = Sql(f"({primary.text} OR {secondary.text})", (*primary.params, *secondary.params))
    value = Sql("concat_ws(', ', nullif(c.primary_ssic, ''), nullif(c.secondary_ssic, ''))")
    return Condition(key, words, policy, either, Sql("c.primary_ssic = ''"), value,
                     is_known_when_it_holds=True)  # fmt: skip


def has_no_code(key: str, words: str, *, codes: Iterable[str], place: Place) -> Condition:
    found = has_code(key, words, Policy.MATCH, codes=codes, place=place)
    assert found.holds is not None  # noqa: S101 -- has_code always gives one
    return Condition(key, words, Policy.MATCH, Sql(f"NOT {found.holds.text}", found.holds.params),
                     value=found.value)  # fmt: skip


def folded_among(
    key: str, words: str, policy: Policy, *, column: str, values: Sequence[str], missing: str
) -> Condition:
    """As ``among``, capitals aside: the register changes them between releases."""
    folded = [value.lower() for value in values]
    holds = Sql(f"lower({column}) = ANY(%s)", (folded,))
    return Condition(key, words, policy, holds, Sql(missing), Sql(column))


def not_folded_among(key: str, words: str, *, column: str, values: Sequence[str]) -> Condition:
    holds = Sql(f"lower({column}) <> ALL(%s)", ([value.lower() for value in values],))
    return Condition(key, words, Policy.MATCH, holds, value=Sql(column))


def returned_since(key: str, words: str, policy: Policy, *, since: date) -> Condition:
    """Its last annual return is not older. Businesses file none, new companies not yet."""
    return dated(key, words, policy, column="c.annual_return_on", first=since, last=None)


def renamed_since(key: str, words: str, policy: Policy, *, since: date) -> Condition:
    """A load since then found another name. Of a renaming before our first load nothing is known.

    Without any former name it has never been renamed, whatever the loads saw.
    """
    holds = (
        "c.uen IN (SELECT ch.uen FROM acra_registerimport im JOIN acra_registerchange ch"
        " ON ch.load_id = im.id AND ch.kind IN ('CHANGED', 'CEASED') WHERE im.started_at >= %s"
        " AND ch.fields ?| ARRAY['name', 'entity_name'])"
    )
    return Condition(key, words, policy, Sql(holds, (since,)), Sql("c.former_names_count > 0"),
                     Sql(FORMER_NAMES), is_known_when_it_holds=True)  # fmt: skip


def has_former_names(key: str, words: str, policy: Policy, *, wanted: bool) -> Condition:
    sign = ">" if wanted else "="
    return Condition(key, words, policy, Sql(f"c.former_names_count {sign} 0"),
                     value=Sql(FORMER_NAMES))  # fmt: skip


class Addresses(NamedTuple):
    """Stands among parameters for the address keys of so many live companies, once looked up."""

    least: int
    most: int | None = None


def shares_address(key: str, words: str, policy: Policy, *, asked: Range) -> Condition:
    """So many live companies, itself included, stand at its postal code, level and unit.

    Above about five it is mostly the address of a registration service.
    """
    if (asked.least or 1) <= 1 and asked.most is not None:
        # "at most": name the crowded addresses, which are few, instead of the lonely ones
        holds = Sql("c.address_key <> ALL(%s)", (Addresses(asked.most + 1),))
    else:
        holds = Sql("c.address_key = ANY(%s)", (Addresses(asked.least or 1, asked.most),))
    value = Sql(
        "(SELECT count(*)::text FROM acra_registeredcompany o"
        f" WHERE {LIVE.replace('c.', 'o.')} AND o.address_key = c.address_key)"
    )
    lacks = Sql("c.address_key = ''")
    filled = Sql(f"(c.address_key <> '' AND {holds.text})", holds.params)
    return Condition(key, words, policy, filled, lacks, value)


def months_before(day: date, months: int) -> date:
    """The same day of the month ``months`` earlier; the last of the month where there is none."""
    number = day.year * 12 + day.month - 1 - months
    if number < 12:
        return date.min
    year, month = divmod(number, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError(day, months)


def dates_of_age(asked: Range, *, as_of: date) -> tuple[date | None, date | None]:
    """First and last day of registration of companies ``asked`` full months old on ``as_of``."""
    first = None
    if asked.most is not None:
        oldest = months_before(as_of, asked.most + 1)
        first = oldest if oldest == date.min else oldest + timedelta(days=1)
    return first, None if asked.least is None else months_before(as_of, asked.least)


def _within(column: str, least: Any, most: Any) -> Sql:
    parts = [(f"{column} >= %s", least), (f"{column} <= %s", most)]
    asked = [(text, value) for text, value in parts if value is not None]
    return Sql(
        "(" + " AND ".join(text for text, _ in asked) + ")", tuple(value for _, value in asked)
    )


def _begins(column: str, codes: Iterable[str]) -> Sql:
    """The code begins with one of ``codes``, as ranges that an index serves in any collation."""
    ranges = _ranges(codes)
    texts: list[str] = []
    params: list[Any] = []
    exact = [low for low, high in ranges if high is None]
    if exact:
        texts.append(f"{column} = ANY(%s)")
        params.append(exact)
    for low, high in ranges:
        if high is not None:
            texts.append(f"({column} >= %s AND {column} < %s)")
            params += [low, high]
    return Sql("(" + " OR ".join(texts) + ")", tuple(params))


def _ranges(codes: Iterable[str]) -> list[tuple[str, str | None]]:
    """Whole codes stand alone; beginnings become from and up to but not; neighbours join."""
    ranges: list[tuple[str, str | None]] = []
    for code in sorted(set(codes)):
        whole = len(code) == 5
        if ranges and _covers(ranges[-1], code):
            continue
        if whole:
            ranges.append((code, None))
            continue
        after = _after(code)
        if ranges and ranges[-1][1] == code:
            ranges[-1] = (ranges[-1][0], after)
        else:
            ranges.append((code, after))
    return ranges


def _after(code: str) -> str:
    """The first text behind all that begins with ``code``: 62 -> 63, 69 -> 70, 99 -> ``:``."""
    head = code.rstrip("9")
    if not head:
        return ":"  # the character behind 9
    return head[:-1] + chr(ord(head[-1]) + 1)


def _covers(known: tuple[str, str | None], code: str) -> bool:
    low, high = known
    return code == low if high is None else low <= code < high
