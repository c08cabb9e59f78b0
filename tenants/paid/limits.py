"""What a deployment lets every tenant spend with a vendor unless the tenant says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """None is no limit."""

    daily_units: int | None = None
    monthly_units: int | None = None
    run_units: int | None = None
    monthly_micros: int | None = None
