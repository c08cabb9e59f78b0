"""What an owner may change about a vendor, and a platform admin about its lanes. All audited."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from tenants import audit
from tenants.context import current_schema
from tenants.permits import Vendor
from tenants.vendor_models import CircuitBreaker, RateLimit, VendorBudget

LIMITS = ("daily_units", "monthly_units", "run_units", "monthly_micros")


@transaction.atomic
def switch_vendor(vendor: Vendor, *, is_on: bool, actor: str, reason: str = "") -> None:
    """The kill switch of the current tenant. Holds with the next call; waiting ones are let go."""
    budget = _locked(vendor)
    if budget.is_on == is_on:
        return
    budget.is_on = is_on
    budget.save(update_fields=["is_on"])
    _record(f"tenants.vendor.{'on' if is_on else 'off'}", vendor, actor=actor, reason=reason)


@transaction.atomic
def set_limits(
    vendor: Vendor, *, limits: dict[str, int | None], actor: str, reason: str = ""
) -> None:
    """Set the limits named in ``limits`` (see ``LIMITS``); None is the deployment's default.

    Holds with the next call. What is spent already stays spent.
    """
    budget = _locked(vendor)
    before = {name: getattr(budget, name) for name in LIMITS}
    after = {name: limits[name] for name in LIMITS if name in limits}
    was, is_now = audit.changes(before, after)
    if not is_now:
        return
    for name, value in is_now.items():
        setattr(budget, name, value)
    budget.save(update_fields=list(is_now))
    _record("tenants.vendor.limits", vendor, actor=actor, reason=reason, before=was, after=is_now)


@transaction.atomic
def lift_stop(vendor: Vendor, *, actor: str, reason: str = "") -> bool:
    """Let the vendor be asked again after it refused the key or was out of credits."""
    budget = _locked(vendor)
    if budget.stopped_at is None:
        return False
    before = {"stopped": budget.stopped_reason}
    budget.stopped_at = budget.stopped_until = None
    budget.stopped_reason = budget.stopped_key = ""
    budget.save(update_fields=["stopped_at", "stopped_until", "stopped_reason", "stopped_key"])
    _record("tenants.vendor.lift", vendor, actor=actor, reason=reason, before=before)
    return True


@transaction.atomic
def set_rate(lane: str, *, calls: int, seconds: int, actor: str, reason: str = "") -> None:
    """At most ``calls`` in any ``seconds`` of ``lane``, from the next call on. As the platform."""
    RateLimit.objects.bulk_create(
        [RateLimit(lane=lane, calls=calls, seconds=seconds)], ignore_conflicts=True
    )
    row = RateLimit.objects.select_for_update().get(lane=lane)
    before = {"calls": row.calls, "seconds": row.seconds}
    RateLimit.objects.filter(lane=lane).update(calls=calls, seconds=seconds)
    audit.record("tenants.vendor.rate", actor=actor, subject=f"rate limit {lane}", before=before,
                 after={"calls": calls, "seconds": seconds}, reason=reason)  # fmt: skip


@transaction.atomic
def close_breaker(lane: str, *, actor: str, reason: str = "") -> bool:
    """Ask a vendor again at once that did not answer, or wished to be left. As the platform."""
    changed = CircuitBreaker.objects.filter(lane=lane).update(
        failures=0, open_until=None, not_before=None, last_error=""
    )
    if changed:
        audit.record("tenants.vendor.breaker", actor=actor, subject=f"breaker {lane}",
                     reason=reason)  # fmt: skip
    return bool(changed)


def _locked(vendor: Vendor) -> VendorBudget:
    tenant = current_schema()
    VendorBudget.objects.bulk_create(
        [VendorBudget(tenant_id=tenant, vendor=vendor)], ignore_conflicts=True
    )
    rows = VendorBudget.objects.select_for_update(of=("self",))
    return rows.get(tenant_id=tenant, vendor=vendor)


def _record(
    action: str,
    vendor: Vendor,
    *,
    actor: str,
    reason: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    audit.record(action, actor=actor, subject=vendor.label, before=before, after=after,
                 reason=reason)  # fmt: skip
