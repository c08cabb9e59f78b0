"""What measured shares must reach: ``floors.toml``, one group for each kind of measurement."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

PLACE = Path(__file__).with_name("floors.toml")
HEAD = (
    "# What shares measured by ``python -m bench`` must reach. Raise freely; lower with a reason.\n"
)


def floors_of(group: str) -> dict[str, float]:
    """Name -> floor; empty for a group nobody has measured."""
    return _all().get(group, {})


def keep(measured: Mapping[str, Mapping[str, float]]) -> None:
    """Write the groups of ``measured`` as floors, rounded down to a thousandth; others stay."""
    groups = {**_all(), **measured}
    lines = [HEAD]
    for group, floors in groups.items():
        lines.append(f"\n[{group}]\n")
        lines += [f"{name} = {int(value * 1000) / 1000}\n" for name, value in floors.items()]
    PLACE.write_text("".join(lines))


def _all() -> dict[str, dict[str, float]]:
    return tomllib.loads(PLACE.read_text()) if PLACE.exists() else {}
