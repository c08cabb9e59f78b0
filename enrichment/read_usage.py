"""What data vendors say an account has used, for ``tenants.reconcile``. Free, but rate-limited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing

from django.conf import settings

from enrichment.clients.lusha import LushaClient
from enrichment.clients.tavily import TavilyClient
from tenants.permits import Permit, Vendor


def tavily_usage(permit: Permit) -> int:
    """Credits used by the key in its billing cycle."""
    reading = TavilyClient(settings.TAVILY_BASE_URL, seconds=settings.VENDOR_READ_SECONDS)
    with closing(reading) as client:
        return client.usage(permit).key


def lusha_usage(permit: Permit) -> int:
    """Credits used by the account."""
    reading = LushaClient(settings.LUSHA_BASE_URL, seconds=settings.VENDOR_READ_SECONDS)
    with closing(reading) as client:
        return client.usage(permit).used


READERS: Mapping[Vendor, Callable[[Permit], int]] = {
    Vendor.TAVILY: tavily_usage,
    Vendor.LUSHA: lusha_usage,
}
