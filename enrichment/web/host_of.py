"""The host of an address, for comparing: one spelling for all who ask. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_of(site: str) -> str:
    """The host of an address or a bare name, in lower case without leading ``www.``.

    ``""`` when there is none. For comparing: what is to be asked goes through ``parse_url``.
    """
    try:
        host = urlsplit(site if "//" in site else f"//{site}").hostname or ""
    except ValueError:  # an unbalanced bracket
        return ""
    return host.removeprefix("www.").rstrip(".")
