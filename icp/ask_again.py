"""Ask the keys of a rule again that the register could not answer, once the lead's site was read.

Until then a missing fact never rejected anybody. Now a number of employees may be known and lie
outside the range: then the lead leaves, with what was wanted and found. Words (technologies,
signals, titles) can only be found: that a site does not name them proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from icp.current_rule import read_version
from icp.models import Lead
from icp.payload import Range
from icp.rules import InvalidRuleError, Rule

FAILS_RULE = "fails_rule"
# Key of the rule -> facts of a lead that may answer it.
ANSWERS = {
    "employee_range": ("headcount",),
    "technologies": ("technologies",),
    "titles": ("titles", "people"),
    "signals": ("signals", "hiring"),
    "revenue_bucket": ("revenue_bucket",),
}
NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a lead is worth to its rule now. ``failing`` is empty unless a known fact is wrong."""

    fit: str
    trace: list[dict[str, Any]]
    failing: str = ""


def ask_again(lead: Lead, facts: Mapping[str, Any], *, now: datetime) -> Verdict:
    """Judge ``lead`` by ``facts`` (as ``Lead.facts``), by the rule that selected it.

    Stores nothing. Costs no statement unless the rule asks for what the register lacks.
    """
    rule = _rule_of(lead, now=now)
    if rule is None:
        return Verdict(lead.fit, lead.trace)
    return judge(rule, trace=lead.trace, facts=facts)


def judge(rule: Rule, *, trace: list[dict[str, Any]], facts: Mapping[str, Any]) -> Verdict:
    """The verdict of ``rule`` on a lead with this ``trace``, open items answered by ``facts``."""
    wanted = {each.key: rule.payload[each.key] for each in rule.conditions if each.never_known}
    trace = [_judge(item, wanted.get(item["key"]), facts) for item in trace]
    fails = next((item for item in trace if item["outcome"] == "fails"), None)
    failing = f"Wanted: {fails['wanted']}. Found: {fails['value']}." if fails else ""
    is_open = any(item["outcome"] == "unknown" for item in trace)
    return Verdict(Lead.Fit.UNKNOWN if is_open else Lead.Fit.MEETS, trace, failing)


def _rule_of(lead: Lead, *, now: datetime) -> Rule | None:
    open_keys = {item.get("key") for item in lead.trace if item.get("outcome") == "unknown"}
    if not open_keys & ANSWERS.keys() or lead.rule is None:
        return None
    try:
        return read_version(lead.rule, now=now)
    except InvalidRuleError:
        return None  # a version of an older release: what it decided then stands


def _judge(item: dict[str, Any], wanted: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The trace item, answered where a fact answers it."""
    said = [text for name in ANSWERS.get(item["key"], ()) for text in _texts(facts.get(name))]
    if wanted is None or item["outcome"] != "unknown" or not said:
        return item
    if item["key"] == "employee_range":
        outcome = _of_range(Range(wanted.get("min"), wanted.get("max")), said)
    else:
        words = [wanted] if isinstance(wanted, str) else wanted
        outcome = "meets" if _any_named(words, said) else "unknown"
    if outcome == "unknown":
        return item
    return {**item, "value": ", ".join(said)[:200], "outcome": outcome}


def _of_range(asked: Range, said: list[str]) -> str:
    """Whether "60", "51-200" or "1,200 people" can lie within; overlapping is enough."""
    numbers = [int(number) for text in said for number in NUMBER.findall(text.replace(",", ""))]
    if not numbers:
        return "unknown"
    above = asked.most is not None and min(numbers) > asked.most
    below = asked.least is not None and max(numbers) < asked.least
    return "fails" if above or below else "meets"


def _any_named(words: Iterable[str], said: list[str]) -> bool:
    texts = [text.casefold() for text in said]
    return any(word.casefold() in text for word in words for text in texts)


def _texts(entry: Any) -> list[str]:
    if isinstance(entry, Mapping) and entry.get("by") == "LLM":
        return []  # a model's proposal decides nothing
    value = entry.get("value") if isinstance(entry, Mapping) else entry
    values = value if isinstance(value, list) else [value]
    return [str(each) for each in values if each not in (None, "", {})]
