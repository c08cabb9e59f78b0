"""Leads that may be one business, what was merged, and companies of the register a lead may be."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from icp.models import Lead


class LeadTwin(models.Model):
    """Two leads that share something. A person says whether they are one; the answer stays."""

    class State(models.TextChoices):
        OPEN = "OPEN", "To be decided"
        MERGED = "MERGED", "Merged"
        APART = "APART", "Kept apart"

    first = models.ForeignKey(Lead, models.CASCADE, related_name="twins_after")
    second = models.ForeignKey(Lead, models.CASCADE, related_name="twins_before")
    reasons = models.JSONField(default=list, help_text="What they share: {kind, value} each.")
    score = models.PositiveSmallIntegerField(help_text="0 to 100; see enrichment.listings.keys.")
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    found_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "duplicate"
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="twins_once_per_pair"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="twins_in_one_order"),
            models.CheckConstraint(
                condition=Q(state="OPEN", decided_at=None)
                | (~Q(state="OPEN") & Q(decided_at__isnull=False)),
                name="twins_decided_iff_when",
            ),
        ]
        indexes = [models.Index(fields=["state", "-score"], name="twins_by_state")]

    def __str__(self) -> str:
        return f"duplicate {self.pk}"


class LeadMerge(models.Model):
    """One lead taken into another, with all that is needed to take it out again."""

    kept = models.ForeignKey(Lead, models.CASCADE, related_name="merges")
    gone = models.ForeignKey(Lead, models.CASCADE, related_name="merged_into")
    moved = models.JSONField(default=dict, help_text="Kind -> ids that went over.")
    before = models.JSONField(default=dict, help_text="What both leads were before.")
    merged_at = models.DateTimeField(default=timezone.now)
    merged_by = models.CharField(max_length=150)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=150, blank=True)
    conflicts = models.JSONField(
        default=list, help_text="What could not be put back when it was undone, in sentences."
    )

    class Meta:
        verbose_name = "merge"
        constraints = [
            models.UniqueConstraint(
                fields=["gone"], condition=Q(undone_at=None), name="lead_merged_away_once"
            ),
            models.CheckConstraint(
                condition=~Q(kept=F("gone")), name="lead_not_merged_into_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"merge {self.pk}"


class RegisterMatch(models.Model):
    """A company of the register that a lead from elsewhere may be."""

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", "To be decided"
        SURE = "SURE", "Taken by rule"
        CONFIRMED = "CONFIRMED", "Confirmed by a person"
        REFUSED = "REFUSED", "Refused by a person"

    TAKEN = (State.SURE, State.CONFIRMED)

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="register_matches")
    uen = models.CharField("UEN", max_length=20)
    name = models.CharField(max_length=500, help_text="In the register, when it was compared.")
    score = models.PositiveSmallIntegerField(help_text="0 to 100: the sum of the lines.")
    lines = models.JSONField(default=list, help_text="Why: {reason, points, words} each.")
    state = models.CharField(max_length=9, choices=State, default=State.PROPOSED)
    found_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name = "register match"
        constraints = [
            models.UniqueConstraint(fields=["lead", "uen"], name="register_match_once_per_company"),
            models.UniqueConstraint(
                fields=["lead"], condition=Q(state__in=["SURE", "CONFIRMED"]),
                name="lead_is_one_company_of_the_register",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["state"], name="register_match_by_state")]

    def __str__(self) -> str:
        return f"{self.name} ({self.uen})"
