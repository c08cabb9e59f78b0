"""How a tenant stands with each vendor: key, switch, stop, budgets and their use, turns, price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from tenants.context import current_schema, in_public
from tenants.paid import balances, breaker
from tenants.paid.balances import Limit
from tenants.paid.credentials import VendorKey, key_of
from tenants.paid.turn_at_vendor import account_of, lane_of
from tenants.permits import Vendor
from tenants.secrets import SecretUnreadableError
from tenants.vendor_models import RateLimit, VendorBalance, VendorBudget, VendorCredential


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit and what is used of it. ``most`` None: no limit, only the use."""

    title: str
    used: int
    most: int | None
    is_money: bool
    is_own: bool  # the tenant's limit, not the deployment's

    @property
    def percent(self) -> int:
        return min(self.used * 100 // self.most, 100) if self.most else 100 * (self.most == 0)

    @property
    def mark(self) -> int:
        """The highest of 80, 90 and 100 % reached, else 0."""
        return max((mark for mark in balances.MARKS if mark <= self.percent), default=0)


@dataclass(frozen=True, slots=True)
class KeyState:
    """Where the key comes from. ``ending`` is all that is ever shown of it."""

    is_own: bool
    ending: str
    set_at: datetime | None = None
    set_by: str = ""
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class VendorState:
    """What a page shows of one vendor. ``stopped_reason`` empty: not stopped."""

    vendor: Vendor
    key: KeyState | None
    budget: VendorBudget
    is_off_everywhere: bool
    stopped_reason: str
    breaker: breaker.State
    gauges: list[Gauge]
    calls: int  # the rate limit: so many
    seconds: int  # in so many

    @property
    def condition(self) -> tuple[str, str]:
        """Kind of tag and the word on it."""
        if self.is_off_everywhere:
            return "bad", "Off everywhere"
        if not self.budget.is_on:
            return "bad", "Switched off"
        if self.key is None:
            return "wait", "No key"
        if self.key.is_unreadable:
            return "bad", "Key unreadable"
        if self.stopped_reason:
            return "bad", "Stopped"
        if self.breaker.shut_for:
            return "wait", "Does not answer"
        if any(gauge.mark == balances.MARKS[-1] for gauge in self.gauges):
            return "wait", "Budget used up"
        return "good", "On"

    @property
    def unit_micros(self) -> int:
        return int(settings.VENDOR_UNIT_MICROS[self.vendor])

    @property
    def default(self) -> dict[str, int | None]:
        """The deployment's limits, which hold where the tenant leaves its own empty."""
        limits = settings.VENDOR_LIMITS[self.vendor]
        return {name: getattr(limits, name) for name in limits.__slots__}


def states(*, now: datetime) -> list[VendorState]:
    """Of the current tenant, one for each vendor. One query for what is spent, about four each."""
    tenant = current_schema()
    with in_public():
        spent = _spent(tenant, now=now)
        return [_state(tenant, vendor, spent.get(vendor, {}), now=now) for vendor in Vendor]


def marked_gauges(*, now: datetime) -> list[tuple[Vendor, Gauge]]:
    """Limits of the current tenant used to 80 % or more, for a notice. Two queries."""
    budgets = {row.vendor: row for row in VendorBudget.objects.filter(tenant_id=current_schema())}
    found = []
    spent = _spent(current_schema(), now=now)
    for vendor in Vendor:
        budget = budgets.get(vendor) or VendorBudget(tenant_id=current_schema(), vendor=vendor)
        gauges = _gauges(budget, spent.get(vendor, {}), now=now)
        found += [(vendor, gauge) for gauge in gauges if gauge.mark]
    return found


def stops(*, now: datetime) -> list[tuple[Vendor, str]]:
    """Vendors that refused the current tenant's key, and why. One query when there are none."""
    tenant, found = current_schema(), []
    with in_public():
        rows = VendorBudget.objects.filter(tenant_id=tenant, stopped_at__isnull=False)
        for budget in rows.order_by("vendor"):
            try:
                key = key_of(tenant, Vendor(budget.vendor))
            except SecretUnreadableError:
                continue  # its page says that first
            if key is not None and budget.is_stopped(key.fingerprint, now=now):
                found.append((Vendor(budget.vendor), budget.stopped_reason))
    return found


def _state(
    tenant: str, vendor: Vendor, spent: dict[str, VendorBalance], *, now: datetime
) -> VendorState:
    budget = VendorBudget.objects.filter(tenant_id=tenant, vendor=vendor).first()
    budget = budget or VendorBudget(tenant_id=tenant, vendor=vendor)
    own = VendorCredential.objects.filter(tenant_id=tenant, vendor=vendor).first()
    try:
        key, unreadable = key_of(tenant, vendor), False
    except SecretUnreadableError:
        key, unreadable = None, True
    calls, seconds = rate_of(vendor, key)
    stopped = key is not None and budget.is_stopped(key.fingerprint, now=now)
    return VendorState(
        vendor=vendor,
        key=_key_state(key, own, unreadable=unreadable),
        budget=budget,
        is_off_everywhere=vendor in settings.VENDORS_OFF,
        stopped_reason=budget.stopped_reason if stopped else "",
        breaker=breaker.look(account_of(vendor, key)) if key else breaker.State(),
        gauges=_gauges(budget, spent, now=now),
        calls=calls,
        seconds=seconds,
    )


def rate_of(vendor: Vendor, key: VendorKey | None) -> tuple[int, int]:
    """Calls and seconds of the vendor's rate limit, as it holds for ``key``. As the platform."""
    default: tuple[int, int] = settings.VENDOR_RATES[vendor]
    if key is None and vendor is not Vendor.LLM:
        return default
    lane = vendor.value if key is None else lane_of(vendor, key)
    row = RateLimit.objects.filter(lane=lane).first()
    return (row.calls, row.seconds) if row else default


def _key_state(
    key: VendorKey | None, own: VendorCredential | None, *, unreadable: bool
) -> KeyState | None:
    if own is not None:
        return KeyState(True, own.ending, own.set_at, own.set_by, unreadable)
    return KeyState(False, key.ending) if key else None


def _spent(tenant: str, *, now: datetime) -> dict[str, dict[str, VendorBalance]]:
    names = balances.periods(balances.local_day(now), None)
    rows = VendorBalance.objects.filter(tenant_id=tenant, period__in=names)
    found: dict[str, dict[str, VendorBalance]] = {}
    for row in rows:
        found.setdefault(row.vendor, {})[row.period] = row
    return found


def _gauges(budget: VendorBudget, spent: dict[str, VendorBalance], *, now: datetime) -> list[Gauge]:
    """Today, this month, and money this month where it has a limit or a price."""
    day = balances.local_day(now)
    today, month = balances.periods(day, None)
    limits = balances.limits_of(budget, day=day, run_id=None)
    rows = [
        ("Today", today, False, budget.daily_units),
        ("This month", month, False, budget.monthly_units),
        ("Money this month", month, True, budget.monthly_micros),
    ]
    gauges = []
    for title, period, is_money, own in rows:
        row = spent.get(period)
        used = 0 if row is None else row.micros if is_money else row.units
        most = _most(limits, period, is_money=is_money)
        if not is_money or most is not None or used:
            gauges.append(Gauge(title, used, most, is_money, own is not None))
    return gauges


def _most(limits: list[Limit], period: str, *, is_money: bool) -> int | None:
    found = [one.most for one in limits if one.period == period and one.is_money == is_money]
    return found[0] if found else None
