"""Stop the embedded database, which otherwise outlives everything that uses it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from leadgen_project import embedded_postgres


class Command(BaseCommand):
    help = "Stop the embedded database. The next command of any kind starts it again."
    requires_system_checks = ()

    def handle(self, **_options: Any) -> None:
        if settings.DATABASE_URL:
            self.stdout.write("DATABASE_URL is set: the embedded database is not in use.")
        else:
            embedded_postgres.stop(settings.DATA_DIR)
            self.stdout.write(f"The database in {settings.DATA_DIR} has stopped.")
