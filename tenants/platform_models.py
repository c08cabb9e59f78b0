"""Public-schema table of whom no tenant may mail, for example after a legal demand."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class PlatformSuppression(models.Model):
    """Somebody no tenant may write to. Rows are added; lifting one keeps the row and says why.

    A tenant cannot read the table: it asks ``platform_forbids`` by hash (``tenants.isolation``). Of
    an address only the hash and a hint are kept, so the list is no address book.
    """

    class Kind(models.TextChoices):
        EMAIL = "EMAIL", "E-mail address"
        DOMAIN = "DOMAIN", "Domain"

    kind = models.CharField(max_length=10, choices=Kind)
    hint = models.CharField(max_length=320, help_text="A domain; of an address its first letter.")
    value_hash = models.CharField(max_length=64, editable=False, help_text="Keyed; what is asked.")
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    lift_asked_at = models.DateTimeField(null=True, blank=True)
    lift_asked_by = models.CharField(max_length=150, blank=True)
    lift_asked_reason = models.CharField(max_length=500, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    lift_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["value_hash"],
                condition=Q(lifted_at=None),
                name="platform_suppression_once_per_value",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by="", lift_reason="")
                | (Q(lifted_at__isnull=False) & ~Q(lifted_by="") & ~Q(lift_reason="")),
                name="platform_suppression_lifted_iff_by_whom_and_why",
            ),
            models.CheckConstraint(
                condition=Q(lift_asked_at=None, lift_asked_by="", lift_asked_reason="")
                | (
                    Q(lift_asked_at__isnull=False) & ~Q(lift_asked_by="") & ~Q(lift_asked_reason="")
                ),
                name="platform_suppression_lift_asked_iff_by_whom_and_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.hint}"
