"""Addresses of the console's pages, with the filters a number on another page stands for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

LEADS = "icp_lead_changelist"


def link(page: str, *args: Any, **filters: Any) -> str:
    """Path of an admin page by its name; empty when this installation has no such page."""
    try:
        path = reverse(f"admin:{page}", args=args)
    except NoReverseMatch:
        return ""
    return f"{path}?{urlencode(filters)}" if filters else path
