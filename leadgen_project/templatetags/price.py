"""The price of a night on pages of rooms below, which may not import the night."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from leadgen_project.price import Price, price_of
from tenants.context import current_schema, is_public
from tenants.models import TenantSettings

register = template.Library()


@register.simple_tag
def price_of_companies(companies: Any) -> Price | None:
    """What a night costs at most that works on these many companies, as far as its cap goes.

    None where no vendor is asked at all, so that the page says nothing.
    """
    if is_public():
        return None
    chosen = TenantSettings.objects.filter(tenant_id=current_schema()).first()
    leads = min(int(companies or 0), chosen.candidates_per_night if chosen else 0)
    price = price_of(leads, now=timezone.now())
    return price if price.vendors else None
