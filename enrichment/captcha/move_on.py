"""What waited before a wall goes on."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import HarvestRequest, Listing
from enrichment.listings.take import take
from icp.models import Lead


def move_on(challenge: CaptchaChallenge, *, now: datetime) -> bool:
    """Make the lead a candidate again, or the listing one to be taken; whether anything moved.

    A listing whose harvest is over is taken at once; one of which nothing is known is refused.

    The next night takes the lead through every step. Meets it the same wall again, it passes by:
    see ``captcha.settled``. So what a person found is verified, scored and shown like the rest, and
    nothing is paid for by a click at the desk.
    """
    if challenge.lead_id:
        waiting = Lead.objects.filter(pk=challenge.lead_id, stage=Lead.Stage.NEEDS_OPERATOR)
        return bool(
            waiting.update(
                stage=Lead.Stage.CANDIDATE, stage_since=now, held_until=None, held_by="",
                not_before=None, attempts=0, lease=F("lease") + 1,
            )
        )  # fmt: skip
    walled = Listing.objects.filter(pk=challenge.listing_id or 0, outcome=Listing.Outcome.WALLED)
    if walled.filter(record={}).exists():  # to read it again would end at the same wall
        text = "Nobody could pass the wall before its page."
        return bool(walled.update(outcome=Listing.Outcome.REFUSED, code="walled", sentence=text))
    if not walled.update(outcome=Listing.Outcome.FOUND, code="", sentence=""):
        return False
    listing = Listing.objects.select_related("request").get(pk=challenge.listing_id or 0)
    if listing.request is None or listing.request.status not in HarvestRequest.OPEN:
        take(listing, now=now)  # its harvest, which takes what it finds, is over
    return True
