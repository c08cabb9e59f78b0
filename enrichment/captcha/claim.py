"""Who has a challenge in hand: take it, hold it longer, put it back, pass it on.

A claim is a lease by the database's clock. Nothing has to run for it to end: from that moment the
challenge is free, and whoever comes next may take it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from enrichment.captcha.errors import ClaimEndedError, HeldError, SettledError
from enrichment.captcha.tidy import tidy
from enrichment.captcha_models import CaptchaChallenge
from icp.models import Lead
from tenants import audit
from tenants.clock import database_now

State = CaptchaChallenge.State
FREE: dict[str, Any] = {"claimed_by": "", "held_until": None}


def claim_next(*, actor: str, now: datetime | None = None) -> CaptchaChallenge | None:
    """Give ``actor`` the challenge that waits longest; ``None`` when none is free.

    Whoever has one in hand gets that one again, with its lease begun anew. Two people are never
    given the same: the row is locked, and others pass it by.
    """
    now = now or database_now()
    tidy(now=now)
    with transaction.atomic():
        mine = CaptchaChallenge.objects.waiting().held_by(actor, now=now)
        free = CaptchaChallenge.objects.free(now=now).order_by("queued_at", "pk")
        for rows in (mine.order_by("held_until"), free):
            found = rows.select_for_update(skip_locked=True, of=("self",)).first()
            if found is not None:
                return _take(found, actor=actor, now=now)
    return None


@transaction.atomic
def claim(challenge: CaptchaChallenge, *, actor: str, now: datetime | None = None) -> None:
    """Take this very challenge. Raises ``HeldError`` or ``SettledError``; a second call renews."""
    now = now or database_now()
    row = lock(challenge)
    if _is_held(row, now=now) and row.claimed_by != actor:
        raise HeldError(_whose(row))
    _take(row, actor=actor, now=now)


@transaction.atomic
def release(
    challenge: CaptchaChallenge, *, actor: str, lease: int | None = None,
    now: datetime | None = None,
) -> None:  # fmt: skip
    """Put it back where it was in the queue. Raises as ``lock_mine``."""
    row = lock_mine(challenge, actor=actor, lease=lease, now=now or database_now())
    put_back(row, "release", actor=actor)


@transaction.atomic
def skip(
    challenge: CaptchaChallenge, *, actor: str, lease: int | None = None,
    now: datetime | None = None,
) -> None:  # fmt: skip
    """Put it back as the last of the queue: somebody else may like it better. Counts as no try."""
    now = now or database_now()
    row = lock_mine(challenge, actor=actor, lease=lease, now=now)
    put_back(row, "skip", actor=actor, queued_at=now)


def lock(challenge: CaptchaChallenge) -> CaptchaChallenge:
    """The challenge's row as it stands, locked, and its lead's before it.

    The crawler locks a lead before its challenges; the same order here keeps both from waiting for
    each other. Raises ``SettledError`` when nobody is wanted for it any more.
    """
    stage = None
    if challenge.lead_id:
        held = Lead.objects.select_for_update().filter(pk=challenge.lead_id)
        stage = held.values_list("stage", flat=True).first()
    row = CaptchaChallenge.objects.select_for_update().filter(pk=challenge.pk).first()
    if row is None:
        raise SettledError("It is gone, with its lead or its source.")
    if row.state in CaptchaChallenge.SETTLED:
        word = row.get_state_display().lower()
        raise SettledError(f"It is {word} already, by {row.settled_by}.")
    if row.lead_id and stage != Lead.Stage.NEEDS_OPERATOR:
        raise SettledError("It is no longer needed: its lead has gone on without it.")
    return row


def lock_mine(
    challenge: CaptchaChallenge, *, actor: str, lease: int | None, now: datetime
) -> CaptchaChallenge:
    """``lock`` for who has it in hand. Raises ``HeldError``, ``ClaimEndedError``, ``SettledError``.

    ``lease`` is the number of the claim, for callers that want to be sure that it is still that.
    """
    row = lock(challenge)
    if row.claimed_by != actor:
        raise HeldError(_whose(row) if _is_held(row, now=now) else "You have not claimed it.")
    if not _is_held(row, now=now) or lease not in (None, row.lease):
        raise ClaimEndedError("Your claim has ended. Claim it again; it may still be free.")
    return row


def lock_to_settle(
    challenge: CaptchaChallenge, *, actor: str, lease: int | None, now: datetime
) -> CaptchaChallenge:
    """As ``lock_mine``, but what nobody has in hand is taken at once by who brings an answer."""
    row = lock(challenge)
    is_of_nobody = not _is_held(row, now=now) and row.claimed_by != actor
    if is_of_nobody and lease is None:
        return row
    return lock_mine(challenge, actor=actor, lease=lease, now=now)


def put_back(row: CaptchaChallenge, verb: str, *, actor: str, **also: Any) -> None:
    """Free a locked row, with an event."""
    values = {"state": State.OPEN, **FREE, **also}
    CaptchaChallenge.objects.filter(pk=row.pk).update(**values)
    note(row, verb, actor=actor)


def note(row: CaptchaChallenge, verb: str, *, actor: str, **after: Any) -> None:
    """One event of the audit. Never what was found, only its kind."""
    audit.record(
        f"enrichment.challenge.{verb}", actor=actor, subject=f"CAPTCHA challenge {row.pk}",
        before={"state": row.state, "claimed_by": row.claimed_by}, after=after or None,
    )  # fmt: skip


def _take(row: CaptchaChallenge, *, actor: str, now: datetime) -> CaptchaChallenge:
    until = now + timedelta(seconds=settings.CAPTCHA_LEASE_SECONDS)
    verb = "hold" if _is_held(row, now=now) else "claim"
    note(row, verb, actor=actor, held_until=until.isoformat())
    row.lease += verb == "claim"
    row.state, row.claimed_by, row.held_until, row.failed_by = State.CLAIMED, actor, until, ""
    row.save(update_fields=["state", "claimed_by", "held_until", "failed_by", "lease"])
    return row


def _is_held(row: CaptchaChallenge, *, now: datetime) -> bool:
    return row.held_until is not None and row.held_until > now


def _whose(row: CaptchaChallenge) -> str:
    return f"{row.claimed_by} has it in hand until {row.held_until:%H:%M:%S} UTC."
