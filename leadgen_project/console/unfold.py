"""Unfold's settings: names, colours, sidebar, search. Nothing is loaded from other hosts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def environment(_request: HttpRequest) -> list[str] | None:
    """The label beside the page title; none in production, so that it is noticed elsewhere."""
    if urlsplit(settings.DATA_GOV_SG_BASE_URL).hostname in LOOPBACK or settings.CRAWL_PROXY:
        return ["Sandbox: made-up companies", "warning"]
    if settings.DEBUG:
        return ["Development", "danger"]
    if urlsplit(settings.BASE_URL).hostname in LOOPBACK:
        return ["This machine", "info"]
    return None


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "leadgen",
    "SITE_HEADER": "leadgen",
    "SITE_ICON": lambda _request: static("console/logo.svg"),
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("console/favicon.svg"),
        }
    ],
    "STYLES": [lambda _request: static("leadgen.css")],
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT": "leadgen_project.console.unfold.environment",
    "COLORS": {
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bfdbfe",
            "300": "#93c5fd",
            "400": "#60a5fa",
            "500": "#3b82f6",
            "600": "#1d4ed8",
            "700": "#1d4ed8",
            "800": "#1e40af",
            "900": "#1e3a8a",
            "950": "#172554",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "leadgen_project.console.sidebar.navigation",
    },
    "ACCOUNT": {
        "navigation": [
            {
                "title": "Second factor",
                "link": lambda _request: reverse("second-factor"),
            }
        ]
    },
    "COMMAND": {
        "search_models": False,
        "search_callback": "leadgen_project.console.search.find",
        "show_history": False,
    },
}
