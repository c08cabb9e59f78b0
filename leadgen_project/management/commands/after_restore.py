"""What to do when the database was restored from a backup."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Max, QuerySet
from django_tenants.utils import tenant_context

from icp.models import Suppression
from outreach.sending.after_restore import look_back
from tenants.clock import database_now
from tenants.context import in_public
from tenants.models import Tenant
from tenants.platform_models import PlatformSuppression


class Command(BaseCommand):
    help = (
        "Ask the providers of all mailboxes of all tenants which waiting mails they had sent before"
        " the database was restored, and write those down; say how new the suppressions are that"
        " came back. Sends nothing and switches nothing on."
    )

    def handle(self, **_options: Any) -> None:
        for tenant in Tenant.objects.order_by("pk"):
            with tenant_context(tenant):
                found = look_back(now=database_now(), report=self._tell)
                newest = _time_of_newest(Suppression.objects.all())
            self._tell(
                f"{tenant.pk}: {found.asked} looked for, {found.sent} had been sent,"
                f" {found.unanswered} without an answer, {found.not_askable} not askable;"
                f" {_newest(newest)}"
            )
        with in_public():
            newest = _time_of_newest(PlatformSuppression.objects.all())
        self._tell(f"Nobody may mail: {_newest(newest)}")
        self._tell("Suppressions that were added later are not in the backup: add them again.")
        self._tell("Read docs/runbooks/restore.md before you switch sending on.")

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _time_of_newest(rows: QuerySet[Any]) -> datetime | None:
    found: datetime | None = rows.aggregate(at=Max("created_at"))["at"]
    return found


def _newest(at: datetime | None) -> str:
    if at is None:
        return "no suppression is known"
    return f"newest suppression of {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
