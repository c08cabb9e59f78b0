"""The only door to paid vendors: reserve, wait for the turn, call, settle.

What a call may cost at most is booked and committed before it is made, so a worker killed in the
middle has paid, not lost, its units: the entry stays charged until ``tenants.reconcile`` learns
better. The door works as the platform, because a tenant's role can only read its ledger.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tenants import balances, breaker
from tenants.context import current_schema, in_public
from tenants.credentials import VendorKey, key_for
from tenants.outage import outlast
from tenants.permits import (
    _SEAL,
    Charge,
    Halt,
    NoPermitError,
    Permit,
    RateLimitError,
    Vendor,
    VendorDownError,
    VendorError,
    VendorOffError,
)
from tenants.process_name import process_name
from tenants.turn_at_vendor import take_turn
from tenants.vendor_models import VendorBudget, VendorUsage

logger = logging.getLogger(__name__)
T = TypeVar("T")

PATIENCE = timedelta(seconds=75)  # a window of a minute, and the queue before it
PAUSES_SECONDS = (1.0, 4.0)  # before the second and the third try of one question
LONGEST_PAUSE_SECONDS = 60.0  # a vendor that asks for more is left for later


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a call is for: stands in the ledger and in messages."""

    name: str
    run_id: int | None = None
    lead_id: int | None = None


@contextmanager
def permit(
    vendor: Vendor,
    *,
    units: int,
    purpose: Purpose,
    micros: int | None = None,
    lane: str = "",
    patience: timedelta = PATIENCE,
) -> Iterator[Permit]:
    """Reserve ``units`` for one call of the current tenant; settle when the block ends.

    ``units`` is the most the call can cost, in the vendor's own units; ``micros`` its price when it
    is not ``units`` times the unit's price. ``lane`` names a second rate limit of the vendor, e.g.
    its batch calls. Raises a ``NoPermitError`` before anything is asked: switched off or no key,
    vendor down, budget used up, turn too far off. May sleep up to ``patience`` for the turn.

    Must not stand inside a transaction. Costs two short ones. A ``VendorError`` that says the call
    was not charged refunds it; any other end without ``settle`` leaves it charged.
    """
    key = ready(vendor)
    own_lane = _lane(vendor, key, lane)
    granted, wait = _reserve(vendor, key, own_lane, units, micros, purpose, patience, lane)
    time.sleep(wait.total_seconds())
    began = time.monotonic()
    error: VendorError | None = None
    try:
        yield granted
    except VendorError as exc:
        error = exc
        raise
    finally:
        granted.is_open = False
        took = round((time.monotonic() - began) * 1000)
        outlast(lambda: _close(granted, key, own_lane, error=error, milliseconds=took))


def ask(
    vendor: Vendor,
    question: Callable[[Permit], T],
    *,
    units: int,
    purpose: Purpose,
    micros: int | None = None,
    lane: str = "",
    tries: int = 3,
    patience: timedelta = PATIENCE,
) -> T:
    """``question``'s answer; passing errors are tried again, each time on a permit of its own.

    Raises the last ``VendorError``, or a ``NoPermitError`` as ``permit`` does.
    """
    for left in reversed(range(tries)):
        try:
            with permit(vendor, units=units, purpose=purpose, micros=micros, lane=lane,
                        patience=patience) as granted:  # fmt: skip
                return question(granted)
        except VendorError as exc:
            pause = _pause(exc, tries - left)
            if not left or not exc.retryable or pause > LONGEST_PAUSE_SECONDS:
                raise
            logger.info("%s is asked again in %.0f s: %s", vendor.label, pause, exc)
            time.sleep(pause)
    raise AssertionError("tries must be at least 1")


def ready(vendor: Vendor) -> VendorKey:
    """The key to ask ``vendor`` with, or why it cannot be asked at all now.

    Raises ``VendorOffError`` (switched off, stopped, no key) or ``VendorDownError``. Reserves
    nothing; three statements.
    """
    tenant = current_schema()
    key = key_for(vendor)
    if key is None:
        raise VendorOffError(
            f"{tenant}: there is no {vendor.label} key. Enter one under Vendors,"
            f" or set {vendor}_API_KEY for the whole deployment.".replace("LLM_API", "OPENAI_API"),
            code="no_key",
        )
    with in_public():
        budget = VendorBudget.objects.filter(tenant_id=tenant, vendor=vendor).first()
        closed, error = breaker.may_ask(_lane(vendor, key, ""))
    if vendor in settings.VENDORS_OFF or (budget and not budget.is_on):
        raise VendorOffError(f"{tenant}: {vendor.label} is switched off. See Vendors.")
    if budget and budget.stopped_at and budget.stopped_key in {"", key.fingerprint}:
        raise VendorOffError(f"{tenant}: {budget.stopped_reason}", code="stopped")
    if closed:
        raise VendorDownError(
            f"{vendor.label} did not answer several times in a row (last: {error})."
            f" It is asked again in {closed.total_seconds():.0f} s."
        )
    return key


def is_ready(vendor: Vendor) -> bool:
    """Whether ``vendor`` could be asked now, budgets left aside."""
    try:
        ready(vendor)
    except NoPermitError:
        return False
    return True


def _lane(vendor: Vendor, key: VendorKey, name: str) -> str:
    """Rate limits and failures belong to an account; the language model's limit is everybody's."""
    lane = vendor.value if vendor is Vendor.LLM else f"{vendor.value}/{key.fingerprint}"
    return f"{lane}/{name}" if name else lane


def _reserve(
    vendor: Vendor,
    key: VendorKey,
    lane: str,
    units: int,
    micros: int | None,
    purpose: Purpose,
    patience: timedelta,
    lane_name: str,
) -> tuple[Permit, timedelta]:
    """Book the call and take its turn in one transaction; the wait until the turn."""
    tenant = current_schema()
    price = units * settings.VENDOR_UNIT_MICROS[vendor] if micros is None else micros
    now = timezone.now()
    calls, seconds = settings.VENDOR_RATES[f"{vendor}/{lane_name}" if lane_name else vendor]
    with in_public(), transaction.atomic(durable=True):
        budget = _locked_budget(tenant, vendor)
        if not budget.is_on:
            raise VendorOffError(f"{tenant}: {vendor.label} is switched off. See Vendors.")
        balances.book(budget, units=units, micros=price, run_id=purpose.run_id,
                      day=local_day(now), purpose=purpose.name)  # fmt: skip
        wait, is_mine = take_turn(lane, calls=calls, seconds=seconds, patience=patience)
        if not is_mine:
            raise RateLimitError(
                f"{tenant}: {vendor.label} may be asked again in {wait.total_seconds():.0f} s,"
                f" which is longer than {purpose.name} waits. It is tried again later."
            )
        entry = VendorUsage.objects.create(
            tenant_id=tenant, vendor=vendor, purpose=purpose.name, run_id=purpose.run_id,
            lead_id=purpose.lead_id, at=now, day=local_day(now), own_key=key.is_own,
            reserved_units=units, reserved_micros=price, units=units, micros=price,
            caller=process_name(),
        )  # fmt: skip
    granted = Permit(vendor, units, price, entry.pk, key.secret, _SEAL)
    return granted, wait


def _locked_budget(tenant: str, vendor: Vendor) -> VendorBudget:
    """The budget row, which orders all bookings of one tenant and vendor."""
    VendorBudget.objects.bulk_create(
        [VendorBudget(tenant_id=tenant, vendor=vendor)], ignore_conflicts=True
    )
    return VendorBudget.objects.select_for_update(of=("self",)).get(tenant_id=tenant, vendor=vendor)


def _close(
    granted: Permit,
    key: VendorKey,
    lane: str,
    *,
    error: VendorError | None,
    milliseconds: int,
) -> None:
    """Write down how the call ended. A second time changes nothing."""
    units, micros, outcome = _cost(granted, error)
    with in_public(), transaction.atomic():
        entry = VendorUsage.objects.select_for_update().get(pk=granted.call_id)
        if entry.outcome != VendorUsage.Outcome.RESERVED:
            return
        balances.correct(entry, units=units, micros=micros)
        entry.outcome = outcome
        entry.milliseconds = milliseconds
        entry.reference = granted.reference
        entry.note = str(error)[:300] if error else ""
        entry.settled_at = timezone.now()
        entry.save(update_fields=["units", "micros", "outcome", "milliseconds", "reference",
                                  "note", "settled_at"])  # fmt: skip
        if error is None:
            breaker.answered(lane)
        elif error.halt is not Halt.NO:
            _stop(entry, key, error)
        elif error.retryable:
            breaker.failed(lane, error=str(error))


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


def _stop(entry: VendorUsage, key: VendorKey, error: VendorError) -> None:
    """Ask no more with this key until an operator has seen to it."""
    VendorBudget.objects.filter(tenant_id=entry.tenant_id, vendor=entry.vendor).update(
        stopped_at=timezone.now(), stopped_reason=str(error)[:300], stopped_key=key.fingerprint
    )
    logger.error("%s: %s", entry.tenant_id, error)


def _pause(error: VendorError, tries_made: int) -> float:
    if error.retry_after is not None:
        return error.retry_after
    return PAUSES_SECONDS[min(tries_made, len(PAUSES_SECONDS)) - 1]


def local_day(now: datetime) -> date:
    """The day budgets count by: that of the nightly time zone."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY)).date()
