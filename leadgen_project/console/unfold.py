"""Unfold's settings: names, colours, sidebar."""

from __future__ import annotations

from typing import Any

from django.templatetags.static import static

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
    "BORDER_RADIUS": "6px",
}
