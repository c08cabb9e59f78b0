"""Settle what was unknown: compare the ledger with the vendor's own figure of what was used.

A call whose end nobody saw (timeout, reset, killed worker) stays charged. The vendor knows better:
between two of its figures, both taken while nothing was under way, every charge belongs to a call
of the ledger. What the settled calls do not explain was charged for the unknown ones; the rest of
those is refunded. So nobody is refunded more, or charged less, than the figures prove.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum

from tenants.clock import database_now
from tenants.context import connection, current_schema, in_public
from tenants.paid import balances, governor
from tenants.paid.credentials import VendorKey
from tenants.paid.reserve import locked_budget
from tenants.permits import NoPermitError, Permit, Purpose, Vendor, VendorError
from tenants.vendor_models import VendorReading, VendorUsage

logger = logging.getLogger(__name__)

# Units the account has used so far, in any counting: only its growth is looked at. A figure of what
# is left is returned as a negative number.
UsageReader = Callable[[Permit], int]

READ = "read usage"
BEYOND = "beyond the ledger"
# No call lives this long: a wait for its turn, and the longest time-out of a client, many times.
STALE = timedelta(minutes=15)
# How long after a call the vendor's figure may not hold it yet. None of them states it.
LAG = timedelta(minutes=5)
PATIENCE = timedelta(seconds=5)
Outcome = VendorUsage.Outcome


@dataclass(frozen=True, slots=True)
class _Interval:
    """What two figures and the ledger say of the time between."""

    account: str
    begin: datetime
    end: datetime
    charged: int  # by the vendor


def give_up_orphans(*, now: datetime, older_than: timedelta = STALE) -> int:
    """Mark calls as unknown that are under way for longer than any call can be; how many.

    Their process is gone, or lost the database for good. For all tenants; as the platform.
    """
    with in_public():
        return VendorUsage.objects.filter(
            outcome=Outcome.RESERVED, due_at__lt=now - older_than
        ).update(outcome=Outcome.UNKNOWN, note=_ORPHAN)


def give_up_calls_of(process: str) -> int:
    """The same at once for a process or group of processes that is known to be dead.

    A call whose turn had not come yet was never made and is refunded. Returns how many calls it
    held.
    """
    theirs = Q(caller=process) | Q(caller__startswith=f"{process}:")
    with in_public():
        held = VendorUsage.objects.filter(theirs, outcome=Outcome.RESERVED)
        count = 0
        for tenant, vendor in sorted(set(held.values_list("tenant_id", "vendor"))):
            with transaction.atomic():
                locked_budget(tenant, vendor)
                mine = held.filter(tenant_id=tenant, vendor=vendor).select_for_update(of=("self",))
                now = database_now()
                for entry in mine:
                    was_made = entry.due_at is None or entry.due_at <= now
                    close_call(entry, units=entry.units if was_made else 0, note=_ORPHAN,
                           now=None if was_made else now)  # fmt: skip
                    count += 1
    return count


def reconcile(vendor: Vendor, read: UsageReader, *, lag: timedelta = LAG) -> VendorReading:
    """Ask ``vendor`` what the current tenant's account has used, and settle what that proves.

    The reading is kept. It proves nothing while calls are under way or fresher than ``lag``; then
    the next one does. Raises a ``NoPermitError`` or ``VendorError`` when the figure cannot be had.
    Costs no units, and one call of the vendor's lane ``usage``. Settles all tenants that use the
    same account, which is the deployment's unless the tenant has a key of its own.
    """
    tenant = current_schema()
    key = governor.ready(vendor)
    asked_at = database_now()
    with governor.permit(
        vendor, units=0, purpose=Purpose(READ), lane="usage", patience=PATIENCE
    ) as granted:
        used = read(granted)
        granted.settle(0)
    with in_public(), transaction.atomic():
        return _conclude(tenant, vendor, key, used=used, at=asked_at, lag=lag)


def reconcile_all(readers: Mapping[Vendor, UsageReader], *, lag: timedelta = LAG) -> list[str]:
    """``reconcile`` for each vendor that can be asked, and what was found, in sentences.

    Vendors that cannot be asked now are passed by. For the end of a run and once a day.
    """
    give_up_orphans(now=database_now())
    found = []
    for vendor, read in readers.items():
        try:
            reading = reconcile(vendor, read, lag=lag)
        except NoPermitError as exc:
            logger.info("%s was not read: %s", vendor.label, exc)
        except VendorError as exc:
            logger.warning("%s: %s did not say what was used: %s", current_schema(), vendor, exc)
        else:
            if reading.note:
                found.append(f"{vendor.label}: {reading.note}")
    return found


def _conclude(
    tenant: str, vendor: Vendor, key: VendorKey, *, used: int, at: datetime, lag: timedelta
) -> VendorReading:
    account = key.fingerprint
    with connection.cursor() as cursor:  # two readings of one account are judged one by one
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"{vendor}/{account}"])
    reading = VendorReading(
        tenant_id=tenant if key.is_own else None, vendor=vendor, account=account, at=at, used=used,
        is_conclusive=False,
    )  # fmt: skip
    calls = VendorUsage.objects.filter(vendor=vendor, account=account).exclude(purpose=READ)
    fresh = Q(at__gte=at - lag) | Q(due_at__gte=at - lag) | Q(settled_at__gte=at - lag)
    paid = Q(reserved_units__gt=0) | Q(units__gt=0)
    before = VendorReading.objects.filter(vendor=vendor, account=account, is_conclusive=True)
    last = before.order_by("-at").first()
    if last is not None and last.at >= at:
        reading.note = "A later figure was read meanwhile."
    elif calls.filter(outcome=Outcome.RESERVED).exists():
        reading.note = "Calls were under way, so this figure proves nothing."
    elif lag and calls.filter(fresh, paid).exclude(purpose=BEYOND).exists():
        reading.note = "The last call is too fresh to be in the figure for certain."
    else:
        reading.is_conclusive = True
        if last is not None and used < last.used:
            reading.note = "The figure fell: the account was topped up, or its month turned."
        elif last is not None:
            _settle(reading, _Interval(account, last.at, at, used - last.used), tenant=tenant,
                    vendor=vendor, key=key)  # fmt: skip
    reading.save()
    return reading


def _settle(
    reading: VendorReading, span: _Interval, *, tenant: str, vendor: Vendor, key: VendorKey
) -> None:
    """Spread what the vendor charged over the calls between the two figures."""
    calls = VendorUsage.objects.filter(
        vendor=vendor, account=span.account, at__gt=span.begin, at__lte=span.end
    ).exclude(purpose=BEYOND)
    for holder in sorted(set(calls.values_list("tenant_id", flat=True))):
        locked_budget(holder, vendor)
    unknown: dict[str, list[VendorUsage]] = defaultdict(list)
    # Oldest days first: a budget that still counts gets back only what none of the older can.
    doubtful = calls.filter(outcome=Outcome.UNKNOWN).select_for_update(of=("self",))
    for entry in doubtful.order_by("day", "pk"):
        unknown[entry.tenant_id].append(entry)
    known = _units(calls.exclude(outcome=Outcome.UNKNOWN))
    in_doubt = sum(entry.units for entries in unknown.values() for entry in entries)
    reading.vendor_units, reading.ledger_units = span.charged, known + in_doubt
    proven = max(span.charged - known, 0)  # of the doubtful, over all tenants
    for entries in unknown.values():
        reading.refunded_units += _spread(entries, charged=proven, vendor=vendor, now=span.end)
    beyond = span.charged - (known + in_doubt - reading.refunded_units)
    if beyond > 0 and key.is_own:
        _book_beyond(tenant, vendor, key, units=beyond, span=span)
        reading.booked_units, beyond = beyond, 0
    reading.difference = beyond
    reading.note = _sentence(reading, vendor)


def _spread(entries: list[VendorUsage], *, charged: int, vendor: Vendor, now: datetime) -> int:
    """Charge one tenant's doubtful calls ``charged`` units, at most; returns what is refunded.

    With several tenants on one account each keeps all that may be its own.
    """
    free = max(sum(entry.units for entry in entries) - charged, 0)
    refunded = 0
    for entry in entries:
        back = min(entry.units, free - refunded)
        refunded += back
        words = f"By {vendor.label}'s own figure: {entry.units - back} of {entry.units} charged."
        close_call(entry, units=entry.units - back, note=f"{entry.note} {words}".strip(), now=now)
    return refunded


def close_call(entry: VendorUsage, *, units: int, note: str, now: datetime | None) -> None:
    """Write what became of a call; ``now`` None leaves it unknown. Its budget's row is locked.

    Inside that transaction; the balances follow.
    """
    micros = entry.micros * units // entry.units if entry.units else entry.micros
    if now is None:
        entry.outcome = Outcome.UNKNOWN
    else:
        entry.outcome = Outcome.SETTLED if units else Outcome.REFUNDED
    balances.correct(entry, units=units, micros=micros if units else 0)
    entry.note = note[:300]
    entry.settled_at = now
    entry.save(update_fields=["units", "micros", "outcome", "note", "settled_at"])


def _book_beyond(
    tenant: str, vendor: Vendor, key: VendorKey, *, units: int, span: _Interval
) -> None:
    """An entry of its own for what the vendor charged and no call explains."""
    now = database_now()
    micros = units * int(settings.VENDOR_UNIT_MICROS[vendor])
    day = balances.local_day(now)
    locked_budget(tenant, vendor)
    balances.add(tenant, vendor, units=units, micros=micros, day=day)
    VendorUsage.objects.create(
        tenant_id=tenant, vendor=vendor, purpose=BEYOND, run_id=None, lead_id=None, at=now,
        due_at=now, day=day, account=key.fingerprint, own_key=True, reserved_units=0,
        reserved_micros=0, units=units, micros=micros, outcome=Outcome.SETTLED, settled_at=now,
        note=f"{vendor.label} charged {units} {vendor.unit} more from {span.begin:%Y-%m-%d %H:%M}"
        f" to {span.end:%Y-%m-%d %H:%M} UTC than our calls explain.",
    )  # fmt: skip


def _units(calls: object) -> int:
    return int(calls.aggregate(units=Sum("units"))["units"] or 0)  # type: ignore[attr-defined]


def _sentence(reading: VendorReading, vendor: Vendor) -> str:
    unit = vendor.unit
    parts = []
    if reading.refunded_units:
        parts.append(f"{reading.refunded_units} {unit} were never charged and are refunded.")
    if reading.booked_units:
        parts.append(f"{reading.booked_units} {unit} were charged beyond our calls and are booked.")
    if reading.difference and reading.difference > 0:
        parts.append(
            f"The vendor charged {reading.difference} {unit} more than our calls explain:"
            " the key is used elsewhere too, or a call cost more than it said."
        )
    elif reading.difference:
        parts.append(
            f"Our calls settled {-reading.difference} {unit} more than the vendor's figure shows."
        )
    return " ".join(parts)


_ORPHAN = "The process that asked ended before it could say what came of it."
