"""Permits for tests of clients, which know no database. Elsewhere only the governor makes them."""

from __future__ import annotations

from tenants.permits import _SEAL, Permit, Vendor


def permit(vendor: Vendor, *, key: str = "", units: int = 1) -> Permit:
    return Permit(vendor, units, units, 1, key, _SEAL)
