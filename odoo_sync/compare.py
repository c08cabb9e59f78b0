"""What may be written over what stands there: never what a person has changed. Pure.

Three values of a field decide: what Odoo held after our last push, what it holds now, and what we
would say. A field we have never written is the sales team's unless it is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from odoo_sync.values import Value, alike


@dataclass(slots=True)
class Plan:
    """``write``: field -> ours; ``agreed``: equal already; ``conflicts``: -> (ours, theirs)."""

    write: dict[str, Value] = field(default_factory=dict)
    agreed: dict[str, Value] = field(default_factory=dict)
    conflicts: dict[str, tuple[Value, Value]] = field(default_factory=dict)


def compare(
    ours: Mapping[str, Value], *, now: Mapping[str, Value], pushed: Mapping[str, Value],
    held: Mapping[str, Value], kinds: Mapping[str, str], forced: frozenset[str] = frozenset(),
) -> Plan:  # fmt: skip
    """``forced``: fields of which a person has said that ours is to be written."""
    plan = Plan()
    for name, value in ours.items():
        kind, there = kinds.get(name, "char"), now.get(name, "")
        if alike(value, there, kind):
            plan.agreed[name] = value
        elif name in forced or kind == "many2many":
            plan.write[name] = value  # tags are added and take nothing away
        elif name not in pushed:
            if _is_empty(there):
                plan.write[name] = value
        elif not _is_same(held.get(name, ""), there, kind):
            plan.conflicts[name] = (value, there)
        elif not alike(value, pushed[name], kind):
            plan.write[name] = value
    return plan


def _is_same(before: Value, there: Value, kind: str) -> bool:
    if isinstance(before, list) and isinstance(there, list):
        return set(before) == set(there)
    return before == there or (kind == "html" and alike(before, there, kind))


def _is_empty(value: Value) -> bool:
    return value in ("", 0, False) or value == []
