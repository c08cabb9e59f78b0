"""What became of a challenge: the person passed and says what is there, or could not pass."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from enrichment.captcha.claim import lock_to_settle, note, put_back
from enrichment.captcha.errors import FoundError, SettledError
from enrichment.captcha.found import NOTHING, Found, read_found
from enrichment.captcha.move_on import move_on
from enrichment.captcha.tidy import give_up
from enrichment.captcha_models import CaptchaChallenge
from enrichment.evidence.add_statements import add_statements
from enrichment.evidence.statements import Statement
from enrichment.harvest_models import Listing
from enrichment.models import Evidence
from icp.models import Lead
from icp.normalise import HOME_REGION
from tenants.clock import database_now
from tenants.places import place_of_city

State = CaptchaChallenge.State
METHOD = "captcha.resolution"
IN_RECORD = "behind_wall"  # of a listing without a lead: {"emails": [...], "phones": [...]}


@transaction.atomic
def resolve(
    challenge: CaptchaChallenge,
    text: str,
    *,
    actor: str,
    lease: int | None = None,
    now: datetime | None = None,
) -> bool:
    """Keep what ``actor`` found behind the wall and let the lead go on; False when that was done.

    ``text`` is the desk's one field (see ``read_found``). Values become evidence of the lead with
    the page as their reference and CAPTCHA as their source. The same answer again changes nothing.
    Raises ``FoundError``, and ``ChallengeError`` when another has it in hand or the claim ended.
    """
    now = now or database_now()
    found = read_found(text, region=region_of(challenge), with_name=wants_name(challenge))
    if _was_said(challenge, found, actor=actor):
        return False
    row = lock_to_settle(challenge, actor=actor, lease=lease, now=now)
    _keep(row, found, now=now)
    CaptchaChallenge.objects.filter(pk=row.pk).update(
        state=State.SOLVED, claimed_by="", held_until=None, settled_at=now, settled_by=actor,
        found=found.kinds,
    )  # fmt: skip
    move_on(row, now=now)
    note(row, "solve", actor=actor, found=found.kinds)
    return True


@transaction.atomic
def fail(
    challenge: CaptchaChallenge,
    *,
    actor: str,
    lease: int | None = None,
    now: datetime | None = None,
) -> bool:
    """``actor`` could not pass: back into the queue as its last; False when that was said before.

    After CAPTCHA_TRIES failures it is given up and the lead goes on without the page. Raises
    ``ChallengeError`` as ``resolve``.
    """
    now = now or database_now()
    if _has_failed(challenge, actor=actor):
        return False
    row = lock_to_settle(challenge, actor=actor, lease=lease, now=now)
    tries = row.tries + 1
    if tries >= settings.CAPTCHA_TRIES:
        row.tries = tries
        give_up(row, actor=actor, why=f"{tries} times somebody could not pass", now=now)
    else:
        put_back(row, "fail", actor=actor, queued_at=now, tries=tries, failed_by=actor)
    return True


def region_of(challenge: CaptchaChallenge) -> str:
    """Where numbers without a country code are at home: the harvest's city, else Singapore."""
    request = challenge.listing.request if challenge.listing else None
    return (place_of_city(request.city).country if request else "") or HOME_REGION


def wants_name(challenge: CaptchaChallenge) -> bool:
    """Whether the wall stands before all that is known of a listing: its page was never read."""
    listing = challenge.listing
    return listing is not None and challenge.lead_id is None and not listing.record.get("name")


def _keep(row: CaptchaChallenge, found: Found, *, now: datetime) -> None:
    if row.lead_id:
        lead = Lead.objects.get(pk=row.lead_id)
        statements = [
            Statement(field, value, Evidence.Source.CAPTCHA, row.url, METHOD, 1, 1.0)
            for field, value in found.values()
        ]
        add_statements(lead, statements, run_id=None, now=now)
    elif not row.listing_id and found.kinds != NOTHING:
        raise FoundError(
            "This is a page of the list itself: what stands there belongs to no one business."
            " Choose Nothing there, and start the harvest again."
        )
    elif row.listing_id:
        listing = Listing.objects.select_for_update().get(pk=row.listing_id)
        asked = listing.request
        known = {"source_url": listing.url, "name": found.name,
                 "city": asked.city if asked else "",
                 "category": asked.category if asked else ""}  # fmt: skip
        known = {name: value for name, value in known.items() if value}
        behind = {"emails": list(found.emails), "phones": list(found.phones)}
        listing.record = {**known, **listing.record, IN_RECORD: behind}
        listing.save(update_fields=["record"])


def _was_said(challenge: CaptchaChallenge, found: Found, *, actor: str) -> bool:
    """Whether this very answer settled it. Raises ``SettledError`` when another one did."""
    row = CaptchaChallenge.objects.filter(pk=challenge.pk, state=State.SOLVED).first()
    if row is None:
        return False
    kept = {("", "")}
    if row.lead_id:
        said = Evidence.objects.filter(
            lead=row.lead_id, source=Evidence.Source.CAPTCHA, method=METHOD, superseded_at=None
        )
        kept = set(said.values_list("field", "value"))
    is_same = row.found == found.kinds and (not row.lead_id or set(found.values()) <= kept)
    if row.settled_by == actor and is_same:
        return True
    raise SettledError(f"It is passed already, by {row.settled_by}, who found: {row.found}.")


def _has_failed(challenge: CaptchaChallenge, *, actor: str) -> bool:
    said = CaptchaChallenge.objects.filter(pk=challenge.pk, failed_by=actor)
    if said.filter(state=State.OPEN).exists():
        return True
    return CaptchaChallenge.objects.filter(
        pk=challenge.pk, state=State.GIVEN_UP, settled_by=actor
    ).exists()
