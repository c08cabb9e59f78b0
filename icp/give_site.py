"""An operator says which web site is a company's; the next night reads that one and no other."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F, Q, QuerySet

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
    look_again(Lead.objects.filter(pk=lead.pk), even_rejected=True, now=now)
    audit.record(
        "icp.lead.give_site", actor=actor, subject=subject or str(lead),
        before={"website": before}, after={"website": site},
    )  # fmt: skip
    return site


def look_again(
    leads: QuerySet[Lead], *, even_rejected: bool = False, now: datetime | None = None
) -> None:
    """Have ``leads`` read anew; a worker that is reading one at this moment loses it.

    Accepted leads stay as they were reviewed, and so do rejected ones, unless it is their site that
    kept them out or ``even_rejected``.
    """
    if not even_rejected:
        kept_out = Q(rejection_code="enrichment_broke_off")
        leads = leads.filter(~Q(stage=Lead.Stage.REJECTED) | kept_out, review=Lead.Review.OPEN)
    pks = list(leads.values_list("pk", flat=True))
    Lead.objects.filter(pk__in=pks).in_stage(Lead.Stage.CANDIDATE).update(
        held_until=None, held_by="", not_before=None, attempts=0, lease=F("lease") + 1
    )
    send_back(Lead.objects.filter(pk__in=pks), now=now)


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
