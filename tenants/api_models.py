"""Public-schema tables of the API: calls that must work once, how often is asked, saved views."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class IdempotentCall(models.Model):
    """The answer to a POST with an ``Idempotency-Key``, kept for a day."""

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    caller = models.CharField(max_length=60, help_text="The token, or else the account.")
    key = models.CharField(max_length=200)
    call = models.CharField(max_length=300, help_text="Method and path.")
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.JSONField(null=True)
    location = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "idempotent call"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "caller", "key"], name="idempotency_key_once_per_caller"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotent_call_by_age")]

    def __str__(self) -> str:
        return f"{self.call} of {self.tenant_id}"


class ApiUse(models.Model):
    """How often a caller has asked in the minute of the clock. Unlogged: a crash forgets it."""

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="+")
    caller = models.CharField(max_length=60)
    minute = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "use of the API"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "caller"], name="api_use_once_per_caller"),
        ]

    def __str__(self) -> str:
        return f"{self.caller} of {self.tenant_id}"


class SavedView(models.Model):
    """Filters of a list under a name: a tab in the console, ``?view=`` in the API."""

    class Page(models.TextChoices):
        LEADS = "leads", "Leads"
        SUPPRESSIONS = "suppressions", "Suppressions"
        RUNS = "runs", "Runs"
        AUDIT = "audit", "Audit"

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=20, choices=Page)
    name = models.CharField(max_length=60)
    query = models.JSONField(default=dict, help_text="Parameter -> value, or list of values.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    is_team = models.BooleanField(
        "for the team", default=False, help_text="Every member sees it; its owner changes it."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "saved view"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "page", "owner", "name"], name="saved_view_name_once_per_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name
