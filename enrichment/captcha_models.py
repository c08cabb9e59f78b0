"""Pages that a person has to pass: the queue of the CAPTCHA desk."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from enrichment.harvest_models import HarvestSource, Listing
from icp.models import Lead


class ChallengeQuerySet(models.QuerySet["CaptchaChallenge"]):
    def waiting(self) -> Self:
        """Those a person is still wanted for: what they stand before has not gone on without it."""
        return self.filter(
            Q(lead=None) | Q(lead__stage=Lead.Stage.NEEDS_OPERATOR),
            state__in=CaptchaChallenge.WAITING,
        )

    def free(self, *, now: datetime) -> Self:
        """Waiting, and nobody has it in hand; a claim ends by itself."""
        return self.waiting().filter(Q(held_until=None) | Q(held_until__lte=now))

    def held_by(self, person: str, *, now: datetime) -> Self:
        return self.filter(
            state=CaptchaChallenge.State.CLAIMED, claimed_by=person, held_until__gt=now
        )


class CaptchaChallenge(models.Model):
    """A page that somebody has to open in their own browser. Never passed by a program.

    A claim that ran out keeps its name until somebody else takes the challenge: so a late answer
    can be told from one by a person who never claimed it.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "Waiting"
        CLAIMED = "CLAIMED", "In hand"
        SOLVED = "SOLVED", "Passed"
        GIVEN_UP = "GIVEN_UP", "Given up"
        CANCELLED = "CANCELLED", "No longer needed"

    WAITING = (State.OPEN, State.CLAIMED)
    SETTLED = (State.SOLVED, State.GIVEN_UP, State.CANCELLED)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    lead = models.ForeignKey(Lead, models.CASCADE, null=True, related_name="challenges")
    listing = models.ForeignKey(Listing, models.CASCADE, null=True, related_name="challenges")
    source = models.ForeignKey(
        HarvestSource, models.CASCADE, null=True, related_name="challenges",
        help_text="Of its listing; of a list page, the source alone.",
    )  # fmt: skip
    url = models.CharField(max_length=2000, blank=True, help_text="What the person opens.")
    host = models.CharField(max_length=255, blank=True)
    make = models.CharField(max_length=40, help_text="Of the wall, as the rules know it.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(
        default=timezone.now, help_text="Its place in the queue; later once it was skipped."
    )
    due_at = models.DateTimeField(help_text="Given up then, whoever has not come to it.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Times somebody could not pass.")
    claimed_by = models.CharField(max_length=150, blank=True)
    held_until = models.DateTimeField(null=True)
    lease = models.PositiveIntegerField(default=0, help_text="Number of the claim.")
    failed_by = models.CharField(max_length=150, blank=True, help_text="Who could not pass last.")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=150, blank=True)
    found = models.CharField(
        max_length=40, blank=True, help_text="Kinds of what was found, never the values."
    )

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        verbose_name = "CAPTCHA challenge"
        constraints = [
            models.UniqueConstraint(
                fields=["lead"], condition=Q(state__in=["OPEN", "CLAIMED"]),
                name="challenge_waits_once_per_lead",
            ),
            models.UniqueConstraint(
                fields=["listing"], condition=Q(state__in=["OPEN", "CLAIMED"], lead=None),
                name="challenge_waits_once_per_listing",
            ),
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(state__in=["OPEN", "CLAIMED"], lead=None, listing=None),
                name="challenge_waits_once_per_list_page",
            ),
            models.CheckConstraint(
                condition=Q(lead__isnull=False) | Q(source__isnull=False),
                name="challenge_is_of_a_lead_or_a_source",
            ),
            models.CheckConstraint(
                condition=(Q(state="CLAIMED", held_until__isnull=False) & ~Q(claimed_by=""))
                | (~Q(state="CLAIMED") & Q(claimed_by="", held_until=None)),
                name="challenge_claimed_iff_by_whom_and_until",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["OPEN", "CLAIMED"], settled_at=None, settled_by="")
                | (Q(state__in=["SOLVED", "GIVEN_UP", "CANCELLED"], settled_at__isnull=False)
                   & ~Q(settled_by="")),
                name="challenge_settled_iff_when_and_by_whom",
            ),
            models.CheckConstraint(
                condition=(Q(state="SOLVED") & ~Q(found="")) | (~Q(state="SOLVED") & Q(found="")),
                name="challenge_passed_iff_says_what_was_found",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["queued_at", "id"], name="challenge_queue",
                         condition=Q(state__in=["OPEN", "CLAIMED"])),
            models.Index(fields=["host"], name="challenge_by_host"),
            models.Index(fields=["source", "opened_at"], name="challenge_by_source"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.make} at {self.host or 'an unknown place'}"
