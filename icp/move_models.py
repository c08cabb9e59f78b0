"""What was moved in from the former program's files: each move, its rows, the way back.

In the tenant's schema. Originals are kept as text, so that an erasure finds people in them; of
suppressed people nothing is kept at all.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Move(models.Model):
    """One take-over of files: what was read, what became of it, whether it was undone."""

    class Status(models.TextChoices):
        PREVIEWED = "PREVIEWED", "Looked at, not moved"
        RUNNING = "RUNNING", "Under way"
        DONE = "DONE", "Moved in"
        UNDOING = "UNDOING", "Being undone"
        UNDONE = "UNDONE", "Undone"

    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    files = models.JSONField(default=list, help_text="Name, kind and SHA-256 of each.")
    options = models.JSONField(default=dict)
    report = models.JSONField(default=dict, help_text="See moving_in.report.")
    progress = models.JSONField(default=dict, help_text="How far each table was read.")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.CharField(max_length=150, blank=True)
    undo_report = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(undone_at=None, undone_by="")
                | (Q(undone_at__isnull=False) & ~Q(undone_by="")),
                name="move_undone_iff_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"move {self.pk}"


class MovedRow(models.Model):
    """One row of a moved table: as it was, what became of it, and what has to go to undo it."""

    class Outcome(models.TextChoices):
        CREATED = "CREATED", "Created"
        UPDATED = "UPDATED", "Updated what was there"
        LINKED = "LINKED", "Same as another row"
        REFUSED = "REFUSED", "Not taken"

    move = models.ForeignKey(Move, models.CASCADE, related_name="rows")
    file = models.PositiveSmallIntegerField(help_text="Which file of the move.")
    table = models.CharField(max_length=20)
    position = models.BigIntegerField(help_text="Of the row in its table, from 1.")
    outcome = models.CharField(max_length=8, choices=Outcome)
    key_hash = models.CharField(
        max_length=64, blank=True, help_text="What the row is about, keyed: finds a newer state."
    )
    row_hash = models.CharField(max_length=64, help_text="SHA-256 of ``original``.")
    original = models.TextField(
        help_text="JSON: column -> text, to the byte; empty cells left out."
    )
    reasons = models.TextField(blank=True, help_text="Why it was refused, or what to know of it.")
    lead = models.ForeignKey(
        "icp.Lead", models.SET_NULL, null=True, related_name="moved_rows"
    )  # fmt: skip
    made_lead = models.BooleanField(default=False)
    object_id = models.BigIntegerField(null=True, help_text="Template, message or harvest.")
    added = models.JSONField(default=dict, help_text="What else it added or set: to undo it.")
    print_hash = models.CharField(
        max_length=32, blank=True, help_text="Of the lead it made, to tell whether it was edited."
    )
    conflict = models.CharField(max_length=300, blank=True, help_text="Why an undo left it.")

    class Meta:
        verbose_name = "moved row"
        constraints = [
            models.UniqueConstraint(
                fields=["move", "file", "table", "position"], name="moved_row_once_per_move"
            ),
            models.CheckConstraint(
                condition=~Q(outcome="REFUSED") | ~Q(reasons=""),
                name="moved_row_refused_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["row_hash"], name="moved_row_by_hash"),
            models.Index(
                fields=["key_hash"], name="moved_row_by_key", condition=~Q(key_hash="")
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.table} {self.position} of move {self.move_id}"
