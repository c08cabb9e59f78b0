"""An operator says which web site is a company's; the next night reads that one and no other."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction

from icp.decide import send_back
from icp.models import Lead
from icp.suppressions import is_suppressed
from tenants import audit


class SiteError(ValueError):
    """The address cannot be a company's web site; the text says why."""


@transaction.atomic
def give_site(
    lead: Lead, address: str, *, actor: str, subject: str = "", now: datetime | None = None
) -> str:
    """Set or (with an empty ``address``) take back the site of ``lead``; returns what is stored.

    The lead becomes a candidate again, and its next enrichment judges the site like any other: one
    that names another company is refused in spite of the operator. ``subject`` names the lead
    in the audit. Raises ``SiteError``.
    """
    site = read_address(address) if address.strip() else ""
    if site and is_suppressed(domain=site):
        raise SiteError(f"{site} is on the suppression list; lift that first.")
    before, lead.website = lead.website, site
    lead.save(update_fields=["website"])
    send_back(Lead.objects.filter(pk=lead.pk), now=now)
    audit.record(
        "icp.lead.give_site", actor=actor, subject=subject or str(lead),
        before={"website": before}, after={"website": site},
    )  # fmt: skip
    return site


def read_address(text: str) -> str:
    """``Example.com.sg/about`` -> ``example.com.sg/about``: a host with a dot, http or https.

    What may be fetched at all is the crawler's guard's business; this catches what was mistyped.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host = (parts.hostname or "").lower()
        port = parts.port
    except ValueError as exc:
        raise SiteError(f"{text!r} is not a web address ({exc}).") from exc
    if parts.scheme not in ("", "http", "https"):
        raise SiteError(f"{text!r}: only http and https addresses can be read.")
    if "." not in host.strip(".") or any(char.isspace() for char in text):
        raise SiteError(f"{text!r} is not a web address such as www.company.com.sg.")
    if "@" in parts.netloc or port not in (None, 80, 443):
        raise SiteError(f"{text!r}: leave out user names and port numbers.")
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    return f"{scheme}{host}{parts.path.rstrip('/')}"
