"""Uploaded lists of people."""

from __future__ import annotations

from django.db import models

from icp.models import Upload


class ContactImport(Upload):
    """An uploaded list of contacts. ``changed``: contacts there were, with something new."""

    changed = models.PositiveIntegerField(default=0)
    applied_rows = models.BinaryField(
        null=True, editable=False, help_text="Compressed; what was changed, to undo it."
    )
    conflicts = models.JSONField(
        default=list, blank=True, help_text="Rows an undo left as they are: number and why."
    )

    class Meta:
        verbose_name = "contact import"
