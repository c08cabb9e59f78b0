"""The mail providers of the sandbox, and the settings that lead the product to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leadgen_project.sandbox.vendors import google, microsoft


@contextmanager
def mail_providers() -> Iterator[dict[str, str]]:
    """Open both, each on a port of its own; gives the product's environment.

    Whoever signs in is let in: as the address that is asked for, after a page that says so.
    """
    with microsoft.MicrosoftStandIn(asks_first=True) as one, google.GoogleStandIn() as other:
        yield {
            "MICROSOFT_LOGIN_BASE_URL": one.url,
            "GRAPH_BASE_URL": one.url,
            "MICROSOFT_CLIENT_ID": microsoft.CLIENT_ID,
            "MICROSOFT_CLIENT_SECRET": microsoft.CLIENT_SECRET,
            "GOOGLE_OAUTH_BASE_URL": other.url,
            "GMAIL_BASE_URL": other.url,
            "GOOGLE_CLIENT_ID": google.CLIENT_ID,
            "GOOGLE_CLIENT_SECRET": google.CLIENT_SECRET,
        }
