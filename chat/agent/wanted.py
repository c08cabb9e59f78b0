"""Which companies are meant: words of the chat as keys of an ICP rule, and what those take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen

from chat.agent.arguments import Name
from chat.agent.say import said
from chat.agent.toolbox import Row, ToolError
from icp.current_rule import day_of
from icp.preview import Preview, PreviewedCompany
from icp.rules import InvalidRuleError, Rule, read_rule
from icp.taxonomy import SsicTitles, titles_of

Months = Annotated[int, Ge(1), Le(2400)]
Year = Annotated[int, Ge(1800), Le(2200)]
Words = Annotated[list[Name], MaxLen(20)]
AGE_KEYS = ("age_months", "age_years", "incorporation_year", "registered_since",
            "registered_within_days")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Companies by what they do, where and how old they are."""

    activities: Words | None = None
    ssic_codes: Words | None = None
    districts: Annotated[list[Annotated[int, Ge(1), Le(28)]], MaxLen(28)] | None = None
    younger_than_months: Months | None = None
    older_than_months: Months | None = None
    registered_from_year: Year | None = None
    registered_to_year: Year | None = None
    status: list[Literal["LIVE", "AT_RISK", "PENDING", "UNKNOWN"]] | None = None
    entity_types: Words | None = None


def payload_of(wanted: Wanted) -> dict[str, Any]:
    """The keys of a rule that ``wanted`` names, and no others."""
    payload: dict[str, Any] = {
        "industries": [_known(word) for word in wanted.activities or []],
        "ssic": wanted.ssic_codes,
        "districts": wanted.districts,
        "age_months": _range(
            wanted.older_than_months,
            wanted.younger_than_months - 1 if wanted.younger_than_months else None,
        ),
        "incorporation_year": _range(wanted.registered_from_year, wanted.registered_to_year),
        "status": wanted.status,
        "entity_types": wanted.entity_types,
    }
    return {key: value for key, value in payload.items() if value}


def merged(standing: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    """``standing`` with the keys of ``payload`` in place of its own; ages replace ages."""
    replaced = set(payload)
    if replaced & set(AGE_KEYS):
        replaced |= set(AGE_KEYS)
    if replaced & {"industries", "ssic"}:
        replaced |= {"industries", "ssic", "ssic_codes"}
    return {key: value for key, value in standing.items() if key not in replaced} | payload


def rule_of(payload: dict[str, Any], *, now: datetime) -> Rule:
    """The rule of ``payload``. Raises ``ToolError`` with all that is wrong in it."""
    try:
        return read_rule(payload, taxonomy=SsicTitles(), as_of=day_of(now))
    except InvalidRuleError as exc:
        raise ToolError(" ".join(said(problem.sentence) for problem in exc.problems)) from exc


def words_of(rule: Rule) -> str:
    """The rule's conditions as a Markdown list."""
    return "\n".join(f"- {said(part)}" for part in rule.words())


def total_of(preview: Preview) -> str:
    unsure = f", {preview.unknown:,} of them with a fact not known yet" if preview.unknown else ""
    noun = "company" if preview.total == 1 else "companies"
    return f"**{preview.total:,}** {noun} of the register{unsure}"


def rows_of(companies: Sequence[PreviewedCompany]) -> list[Row]:
    known = titles_of(each.primary_ssic for each in companies)
    return [
        {
            "name": each.name, "uen": each.uen,
            "registered": each.registered_on.isoformat() if each.registered_on else "",
            "district": each.district,
            "activity": f"{each.primary_ssic} {known.get(each.primary_ssic, '')}".strip(),
        }
        for each in companies
    ]  # fmt: skip


def _range(least: int | None, most: int | None) -> dict[str, int]:
    return {end: value for end, value in (("min", least), ("max", most)) if value is not None}


def without_meaning(words: Sequence[str]) -> list[str]:
    """Those of ``words`` that no title of the classification holds."""
    titles = SsicTitles()
    return [word for word in words if not titles.codes_of(word)]


def _known(word: str) -> str:
    """``word``, or its singular where only that one means something: fintechs, bakeries."""
    titles = SsicTitles()
    spellings = [word]
    if word.casefold().endswith("ies"):
        spellings.append(word[:-3] + "y")
    if word.casefold().endswith("s"):
        spellings.append(word[:-1])
    return next((each for each in spellings if titles.codes_of(each)), word)
