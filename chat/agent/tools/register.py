"""Look into the register of companies."""

from __future__ import annotations

from dataclasses import dataclass

from acra.models import RegisteredCompany
from acra.search import find_companies, matching
from chat.agent.arguments import Rows, Text
from chat.agent.say import code, said
from chat.agent.toolbox import Answer, Caller, Row, Tool, ToolError
from chat.agent.wanted import (
    Wanted,
    payload_of,
    rows_of,
    rule_of,
    total_of,
    without_meaning,
    words_of,
)
from icp.preview import SAMPLE_SIZE, preview_rule

MOST_COUNTED = 1_000  # hits of a name: more say no more
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Find(Wanted):
    """Companies by name or UEN, or by what they do, where and how old they are."""

    name: Text | None = None  # or a UEN, or its beginning
    show: Rows | None = None


def find(asked: Find, caller: Caller) -> Answer:
    """By name: companies of any status, best fit first. Else: living ones, counted exactly.

    A word alone that is no activity is taken for a name.
    """
    if asked.name:
        return _by_name(asked.name, show=asked.show or SHOWN)
    payload = payload_of(asked)
    if set(payload) == {"industries"} and (names := without_meaning(payload["industries"])):
        return _by_name(" ".join(names), show=asked.show or SHOWN)
    if not payload:
        raise ToolError("Say what to look for: a name, an activity, a district, an age.")
    rule = rule_of(payload, now=caller.now)
    preview = preview_rule(rule)
    shown = preview.sample[: min(asked.show or SHOWN, SAMPLE_SIZE)]
    told = f"{total_of(preview)}, suppressed ones not counted:\n\n{words_of(rule)}"
    if preview.total and len(shown) < preview.total:
        told += f"\n\nAbove are the first {len(shown)} that are not among your leads yet."
    return Answer(told, rows_of(shown))


def _by_name(name: str, *, show: int) -> Answer:
    hits = matching(name, RegisteredCompany.objects.all()).order_by()
    number = len(hits.values_list("pk", flat=True)[: MOST_COUNTED + 1])
    if not number:
        return Answer(f"No company of the register is called {code(name)}, now or before.")
    many = f"more than {MOST_COUNTED:,}" if number > MOST_COUNTED else f"{number:,}"
    rows = [_row(each) for each in find_companies(name, limit=show)]
    noun = "company" if number == 1 else "companies"
    best = " The best fits are above." if number > len(rows) else ""
    return Answer(f"**{many}** {noun} of the register may be meant by {said(name)}.{best}", rows)


def _row(company: RegisteredCompany) -> Row:
    return {
        "name": company.name, "uen": company.uen, "status": company.status,
        "registered": company.registered_on.isoformat() if company.registered_on else "",
        "district": company.district, "activity": company.primary_ssic,
    }  # fmt: skip


FIND = Tool(
    "find_companies",
    "Find companies of the register by name or UEN, or count and show those of an activity (plain"
    " words or SSIC codes), postal districts, age or year of registration.",
    Find,
    find,
)
