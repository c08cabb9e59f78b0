"""People, settings, runs, audit of a tenant; tenants and accounts of the platform."""

from __future__ import annotations

from django.contrib import admin

from tenants.console import ModelAdmin
from tenants.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ModelAdmin):
    list_display = ["at", "actor", "action", "subject", "reason"]
    search_fields = ["actor", "action", "subject"]
    ordering = ["-at"]
