"""Uploaded files of e-mail templates."""

from __future__ import annotations

from icp.models import ChangingUpload


class TemplateImport(ChangingUpload):
    """An uploaded file of templates. ``changed``: templates there were, with a new version."""

    class Meta:
        verbose_name = "template import"
