"""Whether a person has had to do with a wall already, so that nobody is sent there twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import Listing
from icp.models import Lead

STANDS = timedelta(days=90)  # as long as a verification: after that the page is another one

_DONE = (CaptchaChallenge.State.SOLVED, CaptchaChallenge.State.GIVEN_UP)


def is_settled(of: Lead | Listing, *, host: str, now: datetime) -> bool:
    """Whether somebody passed the wall at ``host`` for this lead or listing, or gave it up.

    Within 90 days. Then what is behind the wall is known, as far as anybody will know it.
    """
    mine = {"lead": of} if isinstance(of, Lead) else {"listing": of}
    return CaptchaChallenge.objects.filter(
        **mine, host=host[:255].lower(), state__in=_DONE, settled_at__gt=now - STANDS
    ).exists()
