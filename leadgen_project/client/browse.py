"""Show a page in the person's own browser."""

from __future__ import annotations

import os
import sys
import webbrowser


def open_page(address: str) -> bool:
    """Whether a browser took it. False on machines without a screen, and for anything but a page:
    addresses may come from strangers' lists.
    """
    if not address.startswith(("http://", "https://")):
        return False
    if not os.environ.get("BROWSER") and not _has_screen():
        return False  # a text browser would take the terminal over
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False


def _has_screen() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
