"""What every page of the console shows around its content: whose data this is, and where else."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from tenants.context import in_public
from tenants.models import Tenant, TenantSettings
from tenants.room import room_here
from tenants.sign_in.resolve import tenants_of

PLATFORM_COLOUR = "#475569"
IN_SWITCHER = 12  # more tenants than these are on the page behind "All tenants"


def tenant_of(request: HttpRequest) -> Tenant | None:
    """The tenant the request is in; None on the platform and for strangers."""
    return getattr(request, "tenant", None)


def colour_of(tenant: Tenant | None) -> str:
    """The colour that marks the tenant's pages. One small query."""
    if tenant is None:
        return PLATFORM_COLOUR
    found = TenantSettings.objects.filter(tenant=tenant).values_list("colour", flat=True).first()
    return found or PLATFORM_COLOUR


def console_context(request: HttpRequest) -> dict[str, Any]:
    """What the templates around a page's content need.

    ``frame`` keeps whose data this is out of reach of a page that calls something of its own
    ``place`` or ``colour``.
    """
    tenant = tenant_of(request)
    place = tenant.name if tenant else "Platform"
    context: dict[str, Any] = {
        "tenant": tenant,
        "frame": {"place": place, "colour": colour_of(tenant), "room": room_here()},
        "site_title": f"{place} · leadgen"
        if tenant or request.user.is_authenticated
        else "leadgen",
    }
    if request.user.is_authenticated:
        with in_public():
            mine = tenants_of(request.user)
        context["switcher"] = [other for other in mine if tenant is None or other.pk != tenant.pk]
        context["switcher_shown"] = context["switcher"][:IN_SWITCHER]
        context["site_dropdown"] = True  # Unfold asks it before it shows the switcher
    return context
