"""Points, the scores they give, and the night's shortlist."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from enrichment.models import Evidence
from icp.models import Lead


class ScoreCard(models.Model):
    """One version of the points a tenant gives. A saved version never changes."""

    name = models.CharField(max_length=60, default="default")
    version = models.PositiveIntegerField()
    payload = models.JSONField(help_text="See scoring.cards for the keys.")
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "score card"
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="score_card_version_once"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(is_current=True), name="score_card_one_current_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class LeadScore(models.Model):
    """What one lead scored in one run. It never changes; the next run adds its own."""

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="scores")
    run_id = models.BigIntegerField()
    card = models.ForeignKey(ScoreCard, models.PROTECT, related_name="scores")
    total = models.SmallIntegerField(help_text="0 to 100; the sum of the lines.")
    bucket = models.CharField(max_length=20)
    rationale = models.TextField()
    features = models.JSONField(help_text="Feature -> value the lines were computed from.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "score"
        constraints = [
            models.UniqueConstraint(fields=["lead", "run_id"], name="score_once_per_lead_and_run"),
            models.CheckConstraint(
                condition=Q(total__gte=0) & Q(total__lte=100), name="score_between_0_and_100"
            ),
        ]
        indexes = [models.Index(fields=["run_id", "-total"], name="score_by_run_total")]

    def __str__(self) -> str:
        return f"{self.total} ({self.bucket})"


class ScoreLine(models.Model):
    """One line of the invoice: a rule, the input it saw, the points it gave."""

    score = models.ForeignKey(  # no index of its own: the constraint below begins with it
        LeadScore, models.CASCADE, related_name="lines", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=60, help_text="The card's rule.")
    label = models.CharField(max_length=200)
    points = models.SmallIntegerField()
    evidence = models.ForeignKey(Evidence, models.SET_NULL, null=True, related_name="score_lines")
    detail = models.CharField(max_length=300, blank=True, help_text="The value it saw, in words.")

    class Meta:
        verbose_name = "score line"
        constraints = [
            models.UniqueConstraint(fields=["score", "position"], name="score_line_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.label}"


class Shortlist(models.Model):
    """The best leads of one run, at most ``cap``. Reopened later, it is unchanged."""

    run_id = models.BigIntegerField(unique=True)
    cap = models.PositiveIntegerField()
    card = models.ForeignKey(ScoreCard, models.PROTECT, related_name="shortlists")
    considered = models.PositiveIntegerField(help_text="Leads that competed.")
    withheld = models.JSONField(
        default=list, help_text="Leads good enough that did not compete: they are suppressed."
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"shortlist of run {self.run_id}"


class ShortlistEntry(models.Model):
    """One place on a shortlist."""

    shortlist = models.ForeignKey(Shortlist, models.CASCADE, related_name="entries")
    rank = models.PositiveIntegerField()
    lead = models.ForeignKey(Lead, models.CASCADE, related_name="shortlist_entries")
    score = models.ForeignKey(LeadScore, models.PROTECT, related_name="shortlist_entries")
    previous_rank = models.PositiveIntegerField(null=True)
    decision = models.CharField(
        max_length=10,
        choices=[("OPEN", "Not reviewed"), ("ACCEPTED", "Accepted"), ("REJECTED", "Rejected")],
        default="OPEN",
    )
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "shortlist entry"
        verbose_name_plural = "shortlist entries"
        constraints = [
            models.UniqueConstraint(fields=["shortlist", "rank"], name="shortlist_rank_once"),
            models.UniqueConstraint(fields=["shortlist", "lead"], name="shortlist_lead_once"),
            models.CheckConstraint(
                condition=Q(decision="OPEN", decided_at=None)
                | (~Q(decision="OPEN") & Q(decided_at__isnull=False)),
                name="shortlist_decided_iff_decided_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.lead}"


class Explanation(models.Model):
    """What a language model said of one place, or the note why it said nothing.

    The rule's sentence (``LeadScore.rationale``) stands beside it and is what a replay compares.
    """

    class Outcome(models.TextChoices):
        WRITTEN = "WRITTEN", "Written by a model"
        REFUSED = "REFUSED", "Refused: not from the lines"
        SKIPPED = "SKIPPED", "Skipped"

    entry = models.OneToOneField(ShortlistEntry, models.CASCADE, related_name="explanation")
    outcome = models.CharField(max_length=10, choices=Outcome)
    code = models.CharField(max_length=40, blank=True, help_text="Why not; for counting.")
    text = models.CharField(max_length=400, blank=True, help_text="The words, or the note.")
    model = models.CharField(max_length=100, blank=True)
    prompt = models.CharField(max_length=60, blank=True, help_text="Its name and version.")
    cache_key = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(outcome="WRITTEN") | (~Q(text="") & ~Q(model="") & ~Q(prompt="")),
                name="explanation_written_says_by_what",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="SKIPPED") | ~Q(text=""), name="explanation_skipped_says_why"
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]
