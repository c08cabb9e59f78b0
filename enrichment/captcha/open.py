"""Put a page that stands behind a wall into the queue of the CAPTCHA desk."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from enrichment.captcha.stop import stop_if_walled
from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import HarvestSource, Listing
from enrichment.observation import storable
from icp.models import Lead
from tenants.clock import database_now


def open_challenge(
    *,
    lead: Lead | None = None,
    listing: Listing | None = None,
    source: HarvestSource | None = None,
    url: str,
    make: str,
    host: str,
    now: datetime | None = None,
) -> CaptchaChallenge:
    """The challenge that waits for this lead, listing or list page; a second call gives the same.

    It is what the page met last: a wall that moved takes its challenge along, and one opened for a
    listing takes on the lead made of it later. ``source`` is the listing's; alone it means a list
    page. Moves neither lead nor listing: the caller puts the lead into NEEDS_OPERATOR, or the
    listing to WALLED, in the same transaction. A source with too many walls pauses itself here.
    Two statements or three, one or two more for a source.
    """
    source_id = listing.source_id if listing else source.pk if source else None
    if lead is None and source_id is None:
        raise ValueError("A challenge is of a lead, a listing or a source.")
    now = now or database_now()
    place = {"url": storable(url)[:2000], "host": host[:255].lower(), "make": make[:40]}
    of = {"lead_id": lead and lead.pk, "listing_id": listing and listing.pk, "source_id": source_id}
    known = _waiting_for(lead, listing, source_id)
    if known is None:
        due_at = now + timedelta(days=settings.CAPTCHA_DEADLINE_DAYS)
        try:
            with transaction.atomic():
                made = CaptchaChallenge.objects.create(
                    **of, **place, opened_at=now, queued_at=now, due_at=due_at
                )
        except IntegrityError:  # somebody met the same wall at the same moment
            known = _waiting_for(lead, listing, source_id)
            if known is None:
                raise
        else:
            if source_id is not None:
                stop_if_walled(source_id, now=now)
            return made
    _bring_up_to_date(known, {**{name: each for name, each in of.items() if each}, **place})
    return known


def _waiting_for(
    lead: Lead | None, listing: Listing | None, source_id: int | None
) -> CaptchaChallenge | None:
    rows = CaptchaChallenge.objects.filter(state__in=CaptchaChallenge.WAITING).order_by("pk")
    if lead is not None and (of_lead := rows.filter(lead=lead).first()):
        return of_lead
    if listing is not None:
        return rows.filter(lead=None, listing=listing).first()
    return None if lead else rows.filter(lead=None, listing=None, source=source_id).first()


def _bring_up_to_date(challenge: CaptchaChallenge, values: dict[str, Any]) -> None:
    changed = {name: each for name, each in values.items() if getattr(challenge, name) != each}
    if changed:
        CaptchaChallenge.objects.filter(pk=challenge.pk).update(**changed)
        for name, value in changed.items():
            setattr(challenge, name, value)
