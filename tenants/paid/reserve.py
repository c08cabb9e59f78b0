"""Book a paid call and take its turn, in one short transaction, before it is made.

Rows are locked in one order by everybody: budget, balances, breaker, lane, ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from tenants.clock import database_now
from tenants.context import in_public
from tenants.paid import balances, breaker
from tenants.paid.credentials import VendorKey, key_of
from tenants.paid.turn_at_vendor import NEVER, account_of, lane_of, take_turn
from tenants.permits import (
    _SEAL,
    BudgetExhaustedError,
    Permit,
    Purpose,
    RateLimitError,
    Vendor,
    VendorDownError,
    VendorOffError,
)
from tenants.process_name import process_name
from tenants.vendor_models import VendorBudget, VendorUsage


@dataclass(frozen=True, slots=True)
class Wish:
    """A call somebody would like to make. ``micros`` None: the units at their price."""

    tenant: str
    vendor: Vendor
    units: int
    micros: int | None
    purpose: Purpose
    lane: str
    patience: timedelta

    @property
    def price(self) -> int:
        if self.micros is not None:
            return self.micros
        return self.units * int(settings.VENDOR_UNIT_MICROS[self.vendor])


@dataclass(frozen=True, slots=True)
class Reservation:
    """A booked call: its permit, the account it is for, and how long to wait before it."""

    permit: Permit
    tenant: str
    account: str
    fingerprint: str
    wait: timedelta
    had_failures: bool  # the account, in a row, when this was booked


def check_open(tenant: str, vendor: Vendor) -> VendorKey:
    """The key to ask ``vendor`` with, or why it cannot be asked at all now.

    Raises ``VendorOffError`` (switched off, stopped, no key) or ``VendorDownError``. Changes
    nothing. As the platform; three statements.
    """
    key = _key(tenant, vendor)
    budget = VendorBudget.objects.filter(tenant_id=tenant, vendor=vendor).first()
    _refuse_if_off(tenant, vendor, budget, key, now=None)
    state = breaker.look(account_of(vendor, key))
    if state.shut_for:
        raise VendorDownError(_down(vendor, state))
    return key


def _key(tenant: str, vendor: Vendor) -> VendorKey:
    key = key_of(tenant, vendor)
    if key is None:
        raise VendorOffError(
            f"{tenant}: there is no {vendor.label} key. Enter one under Vendors,"
            f" or set {key_setting(vendor)} for the whole deployment.",
            code="no_key",
        )
    return key


def key_setting(vendor: Vendor) -> str:
    """The setting that holds the deployment's key."""
    return "OPENAI_API_KEY" if vendor is Vendor.LLM else f"{vendor}_API_KEY"


def reserve(wish: Wish) -> Reservation:
    """Book ``wish`` and take its turn; what it may cost at most counts from now on.

    Raises a ``NoPermitError``; then nothing is booked and no turn taken.
    """
    with in_public():
        key = _key(wish.tenant, wish.vendor)
        try:
            with transaction.atomic(durable=True):
                return _book(wish, key)
        except BudgetExhaustedError as exc:
            if exc.period:
                balances.tell_used_up(wish.tenant, wish.vendor, period=exc.period)
            raise


def _book(wish: Wish, key: VendorKey) -> Reservation:
    vendor, purpose, account = wish.vendor, wish.purpose, account_of(wish.vendor, key)
    budget = locked_budget(wish.tenant, vendor)
    now = database_now()
    _refuse_if_off(wish.tenant, vendor, budget, key, now=now)
    state = breaker.look(account)
    if state.shut_for:
        raise VendorDownError(_down(vendor, state))
    day = balances.local_day(now)
    balances.book(budget, units=wish.units, micros=wish.price, run_id=purpose.run_id, day=day,
                  purpose=purpose.name)  # fmt: skip
    wait = _turn(wish, key, state)
    if state.is_tripped and not breaker.take_trial(account, wait=wait):
        raise VendorDownError(_down(vendor, state))
    entry = VendorUsage.objects.create(
        tenant_id=wish.tenant, vendor=vendor, purpose=purpose.name[:40], run_id=purpose.run_id,
        lead_id=purpose.lead_id, at=now, due_at=now + wait, day=day, account=key.fingerprint,
        own_key=key.is_own, reserved_units=wish.units, reserved_micros=wish.price,
        units=wish.units, micros=wish.price, caller=process_name(),
    )  # fmt: skip
    granted = Permit(vendor, wish.units, wish.price, entry.pk, key.secret, _SEAL)
    return Reservation(granted, wish.tenant, account, key.fingerprint, wait, state.failures > 0)


def locked_budget(tenant: str, vendor: Vendor | str) -> VendorBudget:
    """The budget row, which orders all bookings and settlements of one tenant and vendor."""
    rows = VendorBudget.objects.select_for_update(of=("self",)).filter(
        tenant_id=tenant, vendor=vendor
    )
    found = rows.first()
    if found is None:
        made = VendorBudget(tenant_id=tenant, vendor=vendor)
        VendorBudget.objects.bulk_create([made], ignore_conflicts=True)
        found = rows.get()
    return found


def _refuse_if_off(
    tenant: str,
    vendor: Vendor,
    budget: VendorBudget | None,
    key: VendorKey,
    *,
    now: datetime | None,
) -> None:
    if vendor in settings.VENDORS_OFF or (budget and not budget.is_on):
        raise VendorOffError(f"{tenant}: {vendor.label} is switched off. See Vendors.")
    if (
        budget
        and budget.stopped_at
        and budget.is_stopped(key.fingerprint, now=now or database_now())
    ):
        raise VendorOffError(f"{tenant}: {budget.stopped_reason}", code="stopped")


def _turn(wish: Wish, key: VendorKey, state: breaker.State) -> timedelta:
    """The wait until the call's turn, which is taken."""
    rate = f"{wish.vendor}/{wish.lane}" if wish.lane else wish.vendor
    calls, seconds = settings.VENDOR_RATES[rate]
    wait, is_mine = take_turn(
        lane_of(wish.vendor, key, wish.lane), calls=calls, seconds=seconds,
        patience=wish.patience, after=state.held_for,
    )  # fmt: skip
    if is_mine:
        return wait
    if wait >= NEVER:
        raise RateLimitError(
            f"{wish.tenant}: {wish.vendor.label} may not be called at all: its limit of calls is 0."
            " A platform admin raises it under Vendors."
        )
    raise RateLimitError(
        f"{wish.tenant}: {wish.vendor.label} may be asked again in {wait.total_seconds():.0f} s,"
        f" which is longer than {wish.purpose.name} waits. It is tried again later."
    )


def _down(vendor: Vendor, state: breaker.State) -> str:
    when = f"in {state.shut_for.total_seconds():.0f} s" if state.shut_for else "in a moment"
    return (
        f"{vendor.label} did not answer several times in a row (last: {state.error})."
        f" It is asked again {when}."
    )
