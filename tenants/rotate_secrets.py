"""Bring every stored secret under the first of the FIELD_KEYS, so that the others can go.

A secret is a column ``secret`` of bytes, in the public schema or in the tenants'. What hashes are
keyed with is the last of the FIELD_KEYS and is not touched; see ``icp.suppressions``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.apps import apps
from django.conf import settings
from django.db import models
from django_tenants.utils import tenant_context

from tenants import secrets
from tenants.context import in_public
from tenants.models import Tenant

COLUMN = "secret"


@dataclass(slots=True)
class RotationReport:
    """How many secrets are under the first key now, and which none of the keys can read."""

    rotated: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_secrets() -> RotationReport:
    """Encrypt all secrets anew. A second run does the same again; one that dies may be repeated.

    A secret that is replaced meanwhile keeps its new value, which is under the first key already.
    """
    report = RotationReport()
    with in_public():
        for model in secret_models(settings.SHARED_APPS):
            _rotate(model, report, place="")
        tenants = list(Tenant.objects.order_by("pk"))
    for tenant in tenants:
        with tenant_context(tenant):
            for model in secret_models(settings.TENANT_APPS):
                _rotate(model, report, place=f"{tenant.pk}: ")
    return report


def secret_models(app_names: list[str]) -> list[type[models.Model]]:
    """The tables of these apps that hold secrets."""
    return [
        model
        for config in apps.get_app_configs()
        if config.name in app_names
        for model in config.get_models()
        if any(
            column.name == COLUMN and isinstance(column, models.BinaryField)
            for column in model._meta.concrete_fields  # noqa: SLF001 -- documented meta API
        )
    ]


def _rotate(model: type[models.Model], report: RotationReport, *, place: str) -> None:
    rows = model._default_manager.exclude(**{COLUMN: None}).exclude(**{COLUMN: b""})  # noqa: SLF001 -- as above
    for pk, stored in rows.values_list("pk", COLUMN):
        try:
            fresh = secrets.rotate(bytes(stored))
        except secrets.SecretUnreadableError:
            name = model._meta.verbose_name  # noqa: SLF001 -- as above
            report.unreadable.append(f"{place}{name} {pk}")
            continue
        report.rotated += rows.filter(**{"pk": pk, COLUMN: stored}).update(**{COLUMN: fresh})
