"""What the Do Not Call registers said of telephone numbers."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from icp.models import Upload


class DncImport(Upload):
    """An uploaded list of what the registers answered. ``present``: known already."""

    sha256 = models.CharField(max_length=64, help_text="Of the file, as evidence.")

    class Meta:
        verbose_name = "Do Not Call import"
        indexes = [models.Index(fields=["sha256"], name="dnc_import_by_file")]


class DncResult(models.Model):
    """What one look at a register said of one number. The newest counts; older ones stay.

    One that came by an import which was undone stays too, and no longer opens a number.

    A number that is a business's own line needs no look (PDPA, Part 9 speaks of telephone marketing
    to persons); why it counts as one is written down instead.
    """

    class Register(models.TextChoices):
        VOICE = "VOICE", "No voice calls"
        TEXT = "TEXT", "No text messages"
        FAX = "FAX", "No faxes"

    class Result(models.TextChoices):
        CLEAR = "CLEAR", "Not registered"
        LISTED = "LISTED", "Registered"
        BUSINESS = "BUSINESS", "A business's own line"

    number = models.CharField(max_length=16, help_text="E.164.")
    register = models.CharField(max_length=5, choices=Register, default=Register.VOICE)
    result = models.CharField(max_length=8, choices=Result)
    checked_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: it does not.")
    reasoning = models.CharField(max_length=300, blank=True)
    evidence_name = models.CharField(max_length=200, help_text="The file it was read from.")
    evidence_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=150)
    upload = models.ForeignKey(DncImport, models.PROTECT, null=True, related_name="results")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "Do Not Call result"
        constraints = [
            models.UniqueConstraint(
                fields=["number", "register", "checked_at", "result"],
                condition=Q(withdrawn_at=None),
                name="dnc_result_once",
            ),
            models.CheckConstraint(
                condition=~Q(result="BUSINESS") | ~Q(reasoning=""),
                name="dnc_business_line_says_why",
            ),
            models.CheckConstraint(
                condition=Q(result="BUSINESS") | Q(expires_at__isnull=False),
                name="dnc_result_expires",
            ),
        ]
        indexes = [
            models.Index(fields=["number", "register", "-checked_at"], name="dnc_result_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_register_display()} result {self.pk}"
