"""Lists that were taken out as files, and who in them has opted out since."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone


class TakenOut(models.Model):
    """A file somebody took out of the console, and by what those in it are found again."""

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    title = models.CharField(max_length=200, help_text="The list, as the console calls it.")
    file_name = models.CharField(max_length=250)
    filter = models.CharField(max_length=1000, blank=True, help_text="The list's query string.")
    rows = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    keys = ArrayField(
        models.CharField(max_length=64), editable=False,
        help_text="Keyed hashes of who was in it, as suppressions are kept.",
    )  # fmt: skip

    class Meta:
        verbose_name = "list taken out"
        verbose_name_plural = "lists taken out"
        indexes = [
            GinIndex(fields=["keys"], name="taken_out_by_key"),
            models.Index(fields=["-at"], name="taken_out_by_time"),
        ]

    def __str__(self) -> str:
        return self.file_name


class FileRecall(models.Model):
    """Somebody opted out after they left in a file: whoever has the file is to be told."""

    taken_out = models.ForeignKey(TakenOut, models.CASCADE, related_name="recalls")
    suppression = models.ForeignKey("icp.Suppression", models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name = "file recall"
        constraints = [
            models.UniqueConstraint(fields=["taken_out", "suppression"], name="file_recall_once"),
            models.CheckConstraint(
                condition=Q(done_at=None, done_by="") | (Q(done_at__isnull=False) & ~Q(done_by="")),
                name="file_recall_done_iff_by_whom",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="file_recall_open", condition=Q(done_at=None))
        ]

    def __str__(self) -> str:
        return f"recall of {self.taken_out}"
