"""What to do when the database was restored from a backup."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django_tenants.utils import tenant_context

from outreach.sending.after_restore import look_back
from tenants.clock import database_now
from tenants.models import Tenant


class Command(BaseCommand):
    help = (
        "Ask the providers of all mailboxes of all tenants which waiting mails they had sent before"
        " the database was restored, and write those down. Sends nothing and switches nothing on."
    )

    def handle(self, **_options: Any) -> None:
        for tenant in Tenant.objects.order_by("pk"):
            with tenant_context(tenant):
                found = look_back(now=database_now(), report=self._tell)
            self._tell(
                f"{tenant.pk}: {found.asked} looked for, {found.sent} had been sent,"
                f" {found.unanswered} without an answer, {found.not_askable} not askable"
            )
        self._tell("Read docs/runbooks/restore.md before you switch sending on.")

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
