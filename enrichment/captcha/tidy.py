"""Bring the queue in line with its leads: open what is missing, close what is needless or too late.

Called where somebody takes the next challenge, and by every tick; a second call changes nothing.
"""

from __future__ import annotations

import re
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from enrichment.captcha.move_on import move_on
from enrichment.captcha.open import open_challenge
from enrichment.captcha_models import CaptchaChallenge
from enrichment.models import EnrichmentRun
from enrichment.web.host_of import host_of
from icp.models import Lead, LeadQuerySet
from tenants import audit

State = CaptchaChallenge.State
AT_ONCE = 200  # of each kind, so that nobody waits long for a claim
BY_ITSELF = "leadgen"  # who settles what ran out
_SENTENCE = re.compile(r"(?P<url>\S+) is a (?P<kind>[A-Z]+) wall \((?P<make>.*)\)")


def tidy(*, now: datetime) -> None:
    """Three looks on indexes; writes only where something is amiss."""
    open_missing(now=now)
    close_needless(now=now)
    give_up_late(now=now)


def without_challenge() -> QuerySet[Lead]:
    """Leads that wait for an operator whom nothing tells where to go."""
    waiting = CaptchaChallenge.objects.filter(
        lead=OuterRef("pk"), state__in=CaptchaChallenge.WAITING
    )
    leads: LeadQuerySet = Lead.objects.in_stage(Lead.Stage.NEEDS_OPERATOR)
    return leads.exclude(Exists(waiting))


def open_missing(*, now: datetime) -> int:
    """Open challenges for leads that waited before there were any; returns how many."""
    leads = list(without_challenge().order_by("stage_since", "pk")[:AT_ONCE])
    for lead in leads:
        _open(lead, now=now)
    return len(leads)


def challenge_of(lead: Lead, *, now: datetime) -> CaptchaChallenge | None:
    """The challenge that keeps ``lead``, else the last it had, if any."""
    if without_challenge().filter(pk=lead.pk).exists():
        return _open(lead, now=now)
    rows = CaptchaChallenge.objects.filter(lead=lead)
    waiting = rows.filter(state__in=CaptchaChallenge.WAITING)
    return waiting.first() or rows.order_by("-pk").first()


def close_needless(*, now: datetime) -> int:
    """Close challenges whose lead has gone on without them; returns how many."""
    gone = CaptchaChallenge.objects.filter(state__in=CaptchaChallenge.WAITING, lead__isnull=False)
    gone = gone.exclude(lead__stage=Lead.Stage.NEEDS_OPERATOR)
    with transaction.atomic():
        rows = list(gone.select_for_update(skip_locked=True, of=("self",))[:AT_ONCE])
        CaptchaChallenge.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=State.CANCELLED, claimed_by="", held_until=None, settled_at=now,
            settled_by=BY_ITSELF,
        )  # fmt: skip
        if rows:
            audit.record_many(
                "enrichment.challenge.cancel", actor=BY_ITSELF,
                changes=[(f"CAPTCHA challenge {row.pk}", {"state": row.state}, None)
                         for row in rows],
                reason="its lead has gone on without it",
            )  # fmt: skip
    return len(rows)


def give_up_late(*, now: datetime) -> int:
    """Give up what nobody came to before its deadline; its leads go on. Returns how many."""
    late = CaptchaChallenge.objects.free(now=now).filter(due_at__lte=now)
    ids = list(late.order_by("due_at", "pk").values_list("pk", "lead_id")[:AT_ONCE])
    given_up = 0
    for pk, lead_id in ids:
        with transaction.atomic():
            Lead.objects.select_for_update().filter(pk=lead_id).first()
            row = late.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
            if row is not None:
                give_up(row, actor=BY_ITSELF, why="nobody came to it in time", now=now)
                given_up += 1
    return given_up


def give_up(row: CaptchaChallenge, *, actor: str, why: str, now: datetime) -> None:
    """End a challenge without a find; its lead goes on with what is known. The rows are locked."""
    CaptchaChallenge.objects.filter(pk=row.pk).update(
        state=State.GIVEN_UP, claimed_by="", held_until=None, settled_at=now, settled_by=actor,
        tries=row.tries,
    )  # fmt: skip
    move_on(row, now=now)
    audit.record("enrichment.challenge.give_up", actor=actor, reason=why,
                 subject=f"CAPTCHA challenge {row.pk}", before={"state": row.state})  # fmt: skip


def _open(lead: Lead, *, now: datetime) -> CaptchaChallenge:
    url, make = _wall_of(lead)
    return open_challenge(lead=lead, url=url, host=host_of(url), make=make, now=now)


def _wall_of(lead: Lead) -> tuple[str, str]:
    """(address, make) of the wall the lead's last attempt met, as far as it is on record."""
    last = lead.enrichment_runs.filter(outcome=EnrichmentRun.Outcome.WALL).order_by("-pk").first()
    said = _SENTENCE.match(last.error) if last else None
    if said is not None:
        return said["url"], "log-in" if said["kind"] == "LOGIN" else said["make"]
    site = lead.website
    return (site if not site or "://" in site else f"https://{site}"), "unknown"
