"""Uploaded lists of people."""

from __future__ import annotations

from icp.models import ChangingUpload


class ContactImport(ChangingUpload):
    """An uploaded list of contacts. ``changed``: contacts there were, with something new."""

    class Meta:
        verbose_name = "contact import"
