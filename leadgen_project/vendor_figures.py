"""Which call tells what an account has used: for reconciliation, and to test a key for free."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

from django.conf import settings

from enrichment.clients.lusha import LushaClient
from enrichment.clients.tavily import TavilyClient
from enrichment.clients.zerobounce import ZeroBounceClient
from tenants.paid import governor
from tenants.paid.reconcile import LAG, PATIENCE, UsageReader, reconcile_all
from tenants.permits import Permit, Purpose, Vendor
from tenants.tasks import enqueue, tenant_task

TEST = Purpose("test the key")


def tavily_used(permit: Permit) -> int:
    """Credits of this key in the present cycle."""
    reading = TavilyClient(settings.TAVILY_BASE_URL, seconds=settings.VENDOR_READ_SECONDS)
    with closing(reading) as client:
        return client.usage(permit).key


def lusha_used(permit: Permit) -> int:
    """Credits of the account in the present cycle."""
    reading = LushaClient(settings.LUSHA_BASE_URL, seconds=settings.VENDOR_READ_SECONDS)
    with closing(reading) as client:
        return client.usage(permit).used


def zerobounce_used(permit: Permit) -> int:
    """What the account has left, as a negative number: there is no figure of what was used."""
    return -ZeroBounceClient(settings.ZEROBOUNCE_BASE_URL).credits(permit)


READERS: dict[Vendor, UsageReader] = {
    Vendor.TAVILY: tavily_used,
    Vendor.LUSHA: lusha_used,
    Vendor.ZEROBOUNCE: zerobounce_used,
}


def try_key(vendor: Vendor) -> str:
    """Ask ``vendor`` something that costs nothing; its answer in a sentence.

    Raises a ``NoPermitError`` or ``VendorError`` whose text says what is wrong.
    """
    read: Callable[[Permit], int] = READERS[vendor]
    with governor.permit(vendor, units=0, purpose=TEST, lane="usage", patience=PATIENCE) as granted:
        used = read(granted)
    figure = f"{used:,} {vendor.unit} used" if used >= 0 else f"{-used:,} {vendor.unit} left"
    return f"{vendor.label} accepts the key. Its own figure: {figure}."


@tenant_task
def reconcile_vendors() -> None:
    """Compare the tenant's ledger with the vendors' figures: once a day, and after a run."""
    reconcile_all(READERS)


def reconcile_after_run() -> str:
    """Queue the comparison for when the figures hold the run's last calls; the queue's id.

    Called inside the tenant, when its run has ended.
    """
    return enqueue(reconcile_vendors.name, delay=LAG + timedelta(minutes=1))
