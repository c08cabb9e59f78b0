"""What was spent so far, and what the budgets leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from annotated_types import Ge, Le

from chat.agent.say import counted, dollars, link, page
from chat.agent.toolbox import Answer, Caller, Row, Tool
from tenants.paid import balances, spend
from tenants.permits import Vendor


@dataclass(frozen=True, slots=True)
class HowLong:
    """So many days up to today; one is today alone."""

    days: Annotated[int, Ge(1), Le(90)] | None = None


def spent(asked: HowLong, caller: Caller) -> Answer:
    """Units and money by vendor, with what today's budgets leave."""
    today = balances.local_day(caller.now)
    days = asked.days or 1
    found = spend.by_day(first=today - timedelta(days=days - 1), last=today)
    rows: list[Row] = []
    for vendor in Vendor:
        used = found.get(vendor, [])
        left, _ = balances.left_of(vendor, days=[today])
        rows.append({
            "vendor": vendor.label, "calls": sum(day.calls for day in used),
            "units": sum(day.units for day in used), "unit": vendor.unit,
            "us_dollars": f"{sum(day.micros for day in used) / 1_000_000:.2f}",
            "left_today": "no limit" if left is None else left,
        })  # fmt: skip
    total = sum(day.micros for used in found.values() for day in used)
    when = "Today" if days == 1 else f"In {counted(days, 'day')}"
    return Answer(f"{when}: **{dollars(total)}** spent. {link('Spend', page('spend'))}", rows)


SPENT = Tool("spend_so_far", "Say what was spent so far, by vendor, and what is left today.",
             HowLong, spent)  # fmt: skip
