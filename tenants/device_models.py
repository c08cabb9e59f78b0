"""Programs that wait at the door until somebody at the console lets them in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone


class DeviceLogin(models.Model):
    """One question of a program for a token (RFC 8628). Both codes are kept as hashes only.

    It has no tenant before somebody has let it in, and is gone as soon as it has its token.
    """

    class Status(models.TextChoices):
        WAITING = "WAITING", "Waiting for a person"
        ALLOWED = "ALLOWED", "Let in, token not fetched yet"
        REFUSED = "REFUSED", "Refused"

    device_digest = models.CharField(max_length=64, unique=True)
    user_digest = models.CharField(max_length=64, unique=True)
    program = models.CharField(max_length=60)
    machine = models.CharField(max_length=100, blank=True)
    wanted_tenant = models.CharField(max_length=63, blank=True)
    asked_from = models.GenericIPAddressField()
    asked_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    interval_seconds = models.PositiveSmallIntegerField()
    polled_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    scopes = ArrayField(models.CharField(max_length=60), help_text="Asked for; then: allowed.")
    days = models.PositiveSmallIntegerField(null=True, help_text="How long the token lives.")
    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tenant=None, user=None, days=None) & ~Q(status="ALLOWED")
                | Q(tenant__isnull=False, user__isnull=False, days__isnull=False, status="ALLOWED"),
                name="device_login_allowed_iff_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["asked_from", "asked_at"], name="device_login_by_address")]

    def __str__(self) -> str:
        return f"{self.program} on {self.machine or self.asked_from}"
