"""Uploaded files of e-mail templates."""

from __future__ import annotations

from django.db import models

from icp.models import Upload


class TemplateImport(Upload):
    """An uploaded file of templates. ``changed``: templates there were, with a new version."""

    changed = models.PositiveIntegerField(default=0)
    applied_rows = models.BinaryField(
        null=True, editable=False, help_text="Compressed; which versions were made, to undo it."
    )
    conflicts = models.JSONField(
        default=list, blank=True, help_text="Rows an undo left as they are: number and why."
    )

    class Meta:
        verbose_name = "template import"
