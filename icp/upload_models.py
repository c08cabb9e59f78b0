"""Uploaded lists: what they would do, did, and whether it was undone."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Upload(models.Model):
    """One uploaded list: what it would do, what it did, whether it was undone."""

    class Status(models.TextChoices):
        PREVIEWED = "PREVIEWED", "Waiting for your decision"
        IMPORTED = "IMPORTED", "Imported"
        UNDONE = "UNDONE", "Undone"
        DISCARDED = "DISCARDED", "Discarded"

    file_name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status, default=Status.PREVIEWED)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    new = models.PositiveIntegerField(default=0)
    present = models.PositiveIntegerField("already there", default=0)
    refused = models.PositiveIntegerField(default=0)
    accepted_rows = models.BinaryField(
        null=True, editable=False, help_text="Compressed; gone once decided."
    )
    refused_rows = models.BinaryField(
        null=True, editable=False, help_text="Compressed; original columns and the reason."
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"import {self.pk} of {self.file_name}"


class ChangingUpload(Upload):
    """A list that may change what is there. ``changed``: rows there were, with something new."""

    changed = models.PositiveIntegerField(default=0)
    applied_rows = models.BinaryField(
        null=True, editable=False, help_text="Compressed; what was changed, to undo it."
    )
    conflicts = models.JSONField(
        default=list, blank=True, help_text="Rows an undo left as they are: number and why."
    )

    class Meta:
        abstract = True


class SuppressionImport(Upload):
    """An uploaded list of suppressions."""

    class Meta:
        verbose_name = "suppression import"

    @property
    def source(self) -> str:
        """What its suppressions carry as their source."""
        return f"import {self.pk}"


class SiteImport(Upload):
    """An uploaded list of companies' web sites. ``present``: the site stood there already."""

    applied_rows = models.BinaryField(
        null=True, editable=False, help_text="Compressed; what was changed, to undo it."
    )

    class Meta:
        verbose_name = "site import"


class GivenSite(models.Model):
    """The web site of a company that is no lead yet; the lead takes it over when it is selected."""

    uen = models.CharField("UEN", max_length=20, primary_key=True)
    site = models.CharField(max_length=500)
    upload = models.ForeignKey(SiteImport, models.CASCADE, related_name="given")

    def __str__(self) -> str:
        return f"{self.uen}: {self.site}"
