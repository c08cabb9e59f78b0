"""Settle a call whose end nobody saw, by what a person read on the vendor's invoice.

For vendors that tell no figure of their own, as servers of language models, nobody else ever does;
the call would stay charged for good.
"""

from __future__ import annotations

from django.db import transaction

from tenants import audit
from tenants.clock import database_now
from tenants.context import current_schema, in_public
from tenants.paid.reconcile import close_call
from tenants.paid.reserve import locked_budget
from tenants.permits import Vendor
from tenants.vendor_models import VendorUsage


class NotSettledError(Exception):
    """The call stays as it was; the text says why."""


def settle_by_hand(call_id: int, *, units: int, actor: str, reason: str) -> None:
    """Charge the current tenant's unknown call ``units`` of what was reserved; 0 makes it free.

    Audited, with the reason, which must say where the figure is from. Raises ``NotSettledError``
    when the call is not unknown (any more), so a second run changes nothing.
    """
    if not reason:
        raise NotSettledError("Say where the figure is from: it is kept beside the call.")
    tenant = current_schema()
    with transaction.atomic():
        with in_public():
            entry = _locked(tenant, call_id)
            if entry.outcome != VendorUsage.Outcome.UNKNOWN:
                raise NotSettledError("This call is settled already.")
            unit = Vendor(entry.vendor).unit
            if not 0 <= units <= entry.reserved_units:
                most = f"{entry.reserved_units:,} {unit}"
                raise NotSettledError(f"The call cost from 0 to {most}: no more was reserved.")
            before = {"outcome": entry.outcome, "units": entry.units, "micros": entry.micros}
            words = f"Settled by hand: {units:,} of {entry.reserved_units:,} {unit}."
            close_call(entry, units=units, note=f"{words} {entry.note}", now=database_now())
        after = {"outcome": entry.outcome, "units": entry.units, "micros": entry.micros}
        audit.record("tenants.vendor.settled", actor=actor, subject=f"vendor call {entry.pk}",
                     before=before, after=after, reason=reason)  # fmt: skip


def _locked(tenant: str, call_id: int) -> VendorUsage:
    """The call, after its budget's row, which everybody locks first."""
    mine = VendorUsage.objects.filter(tenant_id=tenant, pk=call_id)
    vendor = mine.values_list("vendor", flat=True).first()
    if vendor is None:
        raise NotSettledError("There is no such call here.")
    locked_budget(tenant, Vendor(vendor))
    return mine.select_for_update(of=("self",)).get()
