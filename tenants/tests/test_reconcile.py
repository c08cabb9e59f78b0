"""The ledger against the vendor's own figure: what was unknown is settled as far as proven."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.context import in_public, in_tenant
from tenants.paid import balances, governor
from tenants.paid.credentials import set_key
from tenants.paid.governor import Purpose
from tenants.paid.reconcile import (
    UsageReader,
    give_up_calls_of,
    give_up_orphans,
    reconcile,
    reconcile_all,
)
from tenants.permits import Permit, Vendor, VendorError
from tenants.process_name import process_name
from tenants.vendor_models import VendorBalance, VendorReading, VendorUsage

TEST = Purpose("a test", run_id=7)
AT_ONCE = timedelta(0)


@pytest.fixture
def keyed(acme, settings):
    settings.VENDOR_KEYS = {vendor: f"key-of-{vendor}" for vendor in Vendor}
    return acme


def says(used: int) -> UsageReader:
    def read(permit: Permit) -> int:
        permit.use(Vendor.TAVILY)
        return used

    return read


def call(*, settle: int | None = None, units: int = 1) -> None:
    with governor.permit(Vendor.TAVILY, units=units, purpose=TEST) as permit:
        permit.use(Vendor.TAVILY)
        if settle is not None:
            permit.settle(settle)


def spent(tenant: str = "acme") -> int:
    with in_public():
        return VendorBalance.objects.get(
            tenant_id=tenant, vendor="TAVILY", period__startswith="day"
        ).units


def outcomes() -> list[str]:
    calls = VendorUsage.objects.exclude(purpose="read usage").order_by("pk")
    return list(calls.values_list("outcome", flat=True))


def test_the_first_figure_is_what_later_ones_are_measured_from(keyed):
    call()

    reading = reconcile(Vendor.TAVILY, says(1000), lag=AT_ONCE)

    assert reading.is_conclusive
    assert reading.vendor_units is None
    assert outcomes() == ["UNKNOWN"]


def test_what_the_vendor_did_not_charge_is_refunded_and_what_it_did_stays(keyed):
    reconcile(Vendor.TAVILY, says(1000), lag=AT_ONCE)
    call(settle=1)
    for _ in range(3):
        call()

    reading = reconcile(Vendor.TAVILY, says(1002), lag=AT_ONCE)

    assert (reading.vendor_units, reading.ledger_units, reading.difference) == (2, 4, 0)
    assert reading.refunded_units == 2
    assert sorted(outcomes()) == ["REFUNDED", "REFUNDED", "SETTLED", "SETTLED"]
    assert spent() == 2
    with in_public():
        assert balances.drift() == []


def test_a_part_of_a_reservation_is_refunded_too(keyed):
    reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)
    call(units=10)

    reconcile(Vendor.TAVILY, says(4), lag=AT_ONCE)

    entry = VendorUsage.objects.get(run_id=7)
    assert (entry.outcome, entry.units, entry.micros) == ("SETTLED", 4, 32_000)


def test_settled_calls_are_never_refunded_by_a_figure(keyed):
    reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)
    call(settle=1)

    reading = reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)

    assert reading.difference == -1
    assert "settled 1 credits more than the vendor's figure shows" in reading.note
    assert spent() == 1


def test_more_than_the_calls_explain_is_booked_on_the_tenants_own_key_and_named(keyed):
    set_key(Vendor.TAVILY, secret="tvly-own", actor="olga")
    reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)
    call(settle=1)

    reading = reconcile(Vendor.TAVILY, says(6), lag=AT_ONCE)

    beyond = VendorUsage.objects.get(purpose="beyond the ledger")
    assert (beyond.units, beyond.outcome, reading.difference) == (5, "SETTLED", 0)
    assert "charged 5 credits more" in beyond.note
    assert spent() == 6
    assert reconcile(Vendor.TAVILY, says(6), lag=AT_ONCE).difference == 0


def test_more_on_the_deployments_key_is_nobodys_but_shown(keyed):
    reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)

    reading = reconcile(Vendor.TAVILY, says(5), lag=AT_ONCE)

    assert (reading.difference, reading.booked_units, reading.tenant_id) == (5, 0, None)
    assert not VendorUsage.objects.filter(purpose="beyond the ledger").exists()


def test_tenants_on_one_account_each_keep_what_may_be_their_own(keyed):
    reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)
    call()
    with in_tenant("beta"):
        call()
        call()

    reading = reconcile(Vendor.TAVILY, says(1), lag=AT_ONCE)

    assert (spent("acme"), spent("beta")) == (1, 1)
    assert (reading.refunded_units, reading.difference) == (1, -1)


def test_a_figure_read_while_a_call_is_under_way_proves_nothing(keyed):
    reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)
    call()
    with governor.permit(Vendor.TAVILY, units=1, purpose=TEST):
        reading = reconcile(Vendor.TAVILY, says(0), lag=AT_ONCE)

    assert not reading.is_conclusive
    assert outcomes()[0] == "UNKNOWN"


def test_a_figure_right_after_a_call_proves_nothing_yet(keyed):
    reconcile(Vendor.TAVILY, says(0))
    call()

    assert not reconcile(Vendor.TAVILY, says(0)).is_conclusive
    assert outcomes() == ["UNKNOWN"]


def test_a_figure_that_fell_starts_anew(keyed):
    reconcile(Vendor.TAVILY, says(900), lag=AT_ONCE)
    call()

    reading = reconcile(Vendor.TAVILY, says(3), lag=AT_ONCE)

    assert reading.is_conclusive
    assert "its month turned" in reading.note
    assert outcomes() == ["UNKNOWN"]


def test_calls_nobody_ends_become_unknown_and_may_still_be_settled_late(keyed):
    with governor.permit(Vendor.TAVILY, units=1, purpose=TEST) as permit:
        permit.use(Vendor.TAVILY)
        assert give_up_orphans(now=timezone.now()) == 0
        assert give_up_orphans(now=timezone.now() + timedelta(hours=1)) == 1
        assert outcomes() == ["UNKNOWN"]
        permit.settle(1)

    assert outcomes() == ["SETTLED"]


def test_a_dead_process_is_refunded_what_it_had_not_asked_yet(keyed):
    me = process_name()
    with (
        governor.permit(Vendor.TAVILY, units=1, purpose=TEST),
        governor.permit(Vendor.TAVILY, units=1, purpose=TEST),
    ):
        with in_public():
            newest = VendorUsage.objects.order_by("-pk").first()
            VendorUsage.objects.filter(pk=newest.pk).update(
                due_at=timezone.now() + timedelta(minutes=1)
            )
        assert give_up_calls_of(me.rpartition(":")[0]) == 2

        assert outcomes() == ["UNKNOWN", "REFUNDED"]
        assert spent() == 1


def test_a_vendor_that_does_not_tell_is_passed_by(keyed):
    def silent(permit: Permit) -> int:
        permit.use(Vendor.LUSHA)
        raise VendorError("Lusha did not answer", retryable=True)

    found = reconcile_all({Vendor.LUSHA: silent, Vendor.TAVILY: says(3)}, lag=AT_ONCE)

    assert found == []
    with in_public():
        assert list(VendorReading.objects.values_list("vendor", "used")) == [("TAVILY", 3)]
