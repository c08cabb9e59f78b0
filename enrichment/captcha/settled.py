"""Whether a person has had to do with a wall already, so that nobody is sent there twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from enrichment.captcha_models import CaptchaChallenge
from enrichment.harvest_models import Listing
from icp.models import Lead

STANDS = timedelta(days=90)  # as long as a verification: after that the page is another one
IN_VAIN = 10

_DONE = (CaptchaChallenge.State.SOLVED, CaptchaChallenge.State.GIVEN_UP)


def is_settled(of: Lead | Listing, *, host: str, now: datetime) -> bool:
    """Whether somebody passed the wall at ``host`` for this lead or listing, or gave it up.

    Within 90 days. Then what is behind the wall is known, as far as anybody will know it. Also true
    of a host where people looked in vain so often that nobody is sent there any more.
    """
    mine = {"lead": of} if isinstance(of, Lead) else {"listing": of}
    return _done_at(host, now=now).filter(**mine).exists() or is_in_vain(host, now=now)


def is_in_vain(host: str, *, now: datetime) -> bool:
    """Whether ``IN_VAIN`` pages of the host were settled within 90 days and not one was useful."""
    done = _done_at(host, now=now)
    useful = done.filter(state=CaptchaChallenge.State.SOLVED).exclude(found="nothing")
    return bool(host) and done.count() >= IN_VAIN and not useful.exists()


def _done_at(host: str, *, now: datetime) -> QuerySet[CaptchaChallenge]:
    return CaptchaChallenge.objects.filter(
        host=host[:255].lower(), state__in=_DONE, settled_at__gt=now - STANDS
    )
