"""Write down how a paid call ended: what it cost, and what it says about the vendor."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction

from tenants.clock import database_now
from tenants.context import in_public
from tenants.paid import balances, breaker
from tenants.paid.reserve import Reservation, locked_budget
from tenants.permits import Charge, Halt, Permit, VendorError
from tenants.vendor_models import VendorBudget, VendorUsage

logger = logging.getLogger(__name__)
TOO_MANY_REQUESTS = 429


def settle_call(
    reserved: Reservation, *, error: VendorError | None, is_whole: bool, milliseconds: int
) -> None:
    """Close the ledger's entry of a call. A second time changes nothing.

    ``is_whole``: the caller's block ran to its end. An entry that ``reconcile`` gave up
    because its process seemed dead is put right too.
    """
    granted = reserved.permit
    units, micros, outcome = _cost(granted, error)
    with in_public(), transaction.atomic():
        # The budget first, as in a reservation: the other way round the two would deadlock.
        budget = locked_budget(reserved.tenant, granted.vendor)
        entry = VendorUsage.objects.select_for_update(of=("self",)).get(pk=granted.call_id)
        if entry.settled_at is not None:
            return
        now = database_now()
        balances.correct(entry, units=units, micros=micros)
        entry.outcome = outcome
        entry.milliseconds = milliseconds
        entry.reference = granted.reference
        entry.note = _note(granted, units, error)
        entry.settled_at = now
        entry.save(update_fields=["units", "micros", "outcome", "milliseconds", "reference",
                                  "note", "settled_at"])  # fmt: skip
        _judge(reserved, budget, error=error, is_whole=is_whole, now=now)


def _cost(granted: Permit, error: VendorError | None) -> tuple[int, int, str]:
    """Units, micros and outcome of a call that is over."""
    outcomes = VendorUsage.Outcome
    if granted.settled_units is not None:
        units = granted.settled_units
        micros = granted.settled_micros
        if micros is None:
            each = granted.micros / granted.units if granted.units else 0
            micros = round(units * each)
        return units, micros, outcomes.SETTLED if units or micros else outcomes.REFUNDED
    if not granted.used or (error is not None and error.charge is Charge.NONE):
        return 0, 0, outcomes.REFUNDED
    return granted.units, granted.micros, outcomes.UNKNOWN


def _note(granted: Permit, units: int, error: VendorError | None) -> str:
    if units > granted.units:
        logger.error(
            "%s charged %s units for a call that was to cost at most %s",
            granted.vendor.label, units, granted.units,
        )  # fmt: skip
        return f"Charged more than the {granted.units} {granted.vendor.unit} it was to cost."
    return str(error)[:300] if error else ""


def _judge(
    reserved: Reservation,
    budget: VendorBudget,
    *,
    error: VendorError | None,
    is_whole: bool,
    now: datetime,
) -> None:
    """What the end of the call means for those after it."""
    if not reserved.permit.used:
        return
    if error is None:
        if is_whole and reserved.had_failures:  # one statement less for nearly all calls
            breaker.answered(reserved.account)
    elif error.halt is not Halt.NO:
        breaker.answered(reserved.account)
        _stop(budget, reserved, error, now=now)
    elif error.status == TOO_MANY_REQUESTS and error.retry_after is not None:
        breaker.hold(reserved.account, seconds=error.retry_after, error=str(error))
    elif error.retryable:
        breaker.failed(reserved.account, error=str(error))
    elif error.status is not None:
        breaker.answered(reserved.account)  # it only did not like this one question


def _stop(
    budget: VendorBudget, reserved: Reservation, error: VendorError, *, now: datetime
) -> None:
    """Ask no more with this key: until an operator has seen to it, or the quota may have turned."""
    budget.stopped_at = now
    budget.stopped_reason = str(error)[:300]
    budget.stopped_key = reserved.fingerprint
    budget.stopped_until = _tomorrow(now) if error.halt is Halt.CREDITS else None
    budget.save(update_fields=["stopped_at", "stopped_reason", "stopped_key", "stopped_until"])
    logger.error("%s: %s", reserved.tenant, error)


def _tomorrow(now: datetime) -> datetime:
    """The next midnight of the nightly zone: one refused call a day is what asking again costs."""
    local = balances.local(now)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)
