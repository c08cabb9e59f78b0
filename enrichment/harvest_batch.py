"""One batch of a harvest: read entries and their pages, hand them on; killed anywhere, it resumes.

Everything a batch learns is written before the next question is asked, and every write asks whether
the claim still holds. So a worker that dies loses one question, and one that slept too long changes
nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final, cast

from django.db import transaction

from enrichment.captcha.open import open_challenge
from enrichment.harvest.claim import Status, claim, end, hold_longer, let_go, mine
from enrichment.harvest.open_source import open_source
from enrichment.harvest.reading import (
    Entry,
    GoneError,
    NotNowError,
    Pictures,
    Reader,
    SourceError,
    UnclearError,
    WalledError,
    Wish,
)
from enrichment.harvest.see_image import image_to_see, note_image, see_image
from enrichment.harvest.store_page import fill, note_about_source, refuse, store_page
from enrichment.harvest_models import HarvestRequest, Listing
from enrichment.listings.take import take
from tenants.clock import database_now
from tenants.places import place_of_city
from tenants.stopping import is_stopping

logger = logging.getLogger(__name__)

SECONDS: Final = 45.0
ROOM: Final = 500
MAX_DEATHS: Final = 5  # claims in a row that got nowhere: then what was in hand is put aside
MAX_TROUBLES: Final = 10  # in a row, of the source
MAX_TROUBLES_OF_ONE: Final = 3  # in a row, of one entry's page
LONGEST_WAIT: Final = timedelta(hours=25)
Outcome = Listing.Outcome


class Ending(Enum):
    """How a batch ended: go on, not before ``not_before``, or nothing is left to do."""

    AGAIN = "again"
    LATER = "later"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Report:
    """What a batch came to. ``seconds``: how long to wait before the next one."""

    ending: Ending
    seconds: float = 0.0


def work_on(
    request_id: int,
    *,
    seconds: float = SECONDS,
    reader: Reader | None = None,
    stopping: Callable[[], bool] = is_stopping,
) -> Report:
    """One batch of the harvest, about ``seconds`` long; DONE when it is not to be had now.

    A second worker meanwhile finds it held. No transaction is open while a source is asked.
    """
    request = claim(request_id)
    if request is None:
        return Report(Ending.DONE)
    if request.attempts > MAX_DEATHS and not _put_aside(request):
        return Report(Ending.DONE)
    give_up_at = time.monotonic() + seconds
    batch = _Batch(request, reader)
    try:
        while batch.step():
            if time.monotonic() > give_up_at or stopping():
                let_go(request)
                return Report(Ending.AGAIN)
    except SourceError as exc:
        return _wait(request, exc)
    return Report(Ending.DONE)


def taken_of(request: HarvestRequest) -> int:
    """Leads the harvest has made so far."""
    return request.listings.filter(outcome=Outcome.TAKEN).count()


@dataclass(slots=True)
class _Batch:
    request: HarvestRequest
    reader: Reader | None

    def step(self) -> bool:
        """One question and what comes of it; False when the harvest is over, or not ours."""
        request = self.request
        if not hold_longer(request):
            let_go(request)
            return False
        if (taken := taken_of(request)) >= request.wanted:
            end(request, Status.COMPLETED, sentence=f"All {taken:,} leads that were wanted.")
            return False
        listing = request.listings.filter(outcome=Outcome.FOUND).order_by("position").first()
        if listing is not None:
            self._work_on(listing)
            return True
        if "end" in request.cursor:
            end(request, Status.COMPLETED, sentence=_fell_short(request, taken))
            return False
        return (
            store_page(request, self._open().read(self._wish(), cursor=request.cursor))
            or self._lost()
        )

    def _work_on(self, listing: Listing) -> None:
        if not listing.record:
            self._read(listing)
        elif (url := image_to_see(listing)) and isinstance(self._open(), Pictures):
            self._see(listing, url)
        else:
            take(listing)
            refuse(listing, code="not_taken", sentence="It came to nothing; see the log.")
        if self.request.attempts or self.request.troubles:
            mine(self.request).update(attempts=0, troubles=0)
            self.request.attempts = self.request.troubles = 0

    def _read(self, listing: Listing) -> None:
        """Read an entry's own page."""
        entry = Entry(listing.source_key, listing.url)
        try:
            fill(listing, self._open().detail(self._wish(), entry=entry))
        except WalledError as exc:
            _wall(listing, exc)
        except GoneError as exc:
            refuse(listing, code=exc.code, sentence=str(exc))
        except NotNowError:
            raise
        except SourceError as exc:
            if self._may_pass(exc):
                raise
            refuse(listing, code="not_readable", sentence=str(exc))

    def _see(self, listing: Listing, url: str) -> None:
        """Look at an entry's picture; it is taken without one that is not to be had."""
        try:
            see_image(listing, url, source=cast(Pictures, self._open()))
        except (WalledError, GoneError) as exc:
            note_image(listing, sentence=str(exc))
        except NotNowError:
            raise
        except SourceError as exc:
            if self._may_pass(exc):
                raise
            note_image(listing, sentence=str(exc))

    def _may_pass(self, trouble: SourceError) -> bool:
        """Whether one entry's page or picture is asked for again."""
        is_first = self.request.troubles + 1 < MAX_TROUBLES_OF_ONE
        return is_first and trouble.retry_after is not None

    def _lost(self) -> bool:
        let_go(self.request)
        return False

    def _open(self) -> Reader:
        if self.reader is None:
            self.reader = open_source(self.request.source)
        return self.reader

    def _wish(self) -> Wish:
        request = self.request
        place = place_of_city(request.city)
        return Wish(request.city, place.country, request.category, room=ROOM, now=database_now(),
                    region=place.region)  # fmt: skip


def _put_aside(request: HarvestRequest) -> bool:
    """After too many deaths: refuse the entry in hand, or give up a source that cannot be read."""
    listing = request.listings.filter(outcome=Outcome.FOUND).order_by("position").first()
    told = f"{request.attempts - 1} workers died or broke off over it. See the log."
    if listing is None:
        end(request, Status.FAILED, sentence=told)
        return False
    refuse(listing, code="broke_off", sentence=told)
    return True


def _wait(request: HarvestRequest, error: SourceError) -> Report:
    """Note trouble with the source: try again later, or fail with what it said."""
    is_theirs = not isinstance(error, NotNowError)
    if isinstance(error, WalledError):
        open_challenge(source=request.source, url=error.url, make=error.make, host=error.host)
    if isinstance(error, UnclearError):
        note_about_source(request, error.notes)
    if error.retry_after is None or (is_theirs and request.troubles + 1 >= MAX_TROUBLES):
        logger.warning("harvest %s failed: %s", request.pk, error)
        end(request, Status.FAILED, sentence=str(error))
        return Report(Ending.DONE)
    wait = min(timedelta(seconds=error.retry_after), LONGEST_WAIT)
    let_go(
        request, not_before=database_now() + wait, error=str(error)[:500], attempts=0,
        troubles=request.troubles + is_theirs,
    )  # fmt: skip
    return Report(Ending.LATER, wait.total_seconds())


@transaction.atomic
def _wall(listing: Listing, wall: WalledError) -> None:
    """A person has to look: the listing waits, and so does its challenge."""
    open_challenge(listing=listing, url=wall.url, make=wall.make, host=wall.host)
    Listing.objects.filter(pk=listing.pk, outcome=Outcome.FOUND).update(
        outcome=Outcome.WALLED, code="captcha", sentence=str(wall)[:300]
    )


def _fell_short(request: HarvestRequest, taken: int) -> str:
    return f"{taken:,} of {request.wanted:,} leads: {request.cursor['end']}"
