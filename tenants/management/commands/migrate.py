"""Bring the database up to date: shared tables, the empty template, every tenant, the wall."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.commands.migrate import Command as OneSchema
from django.db import connection
from django_tenants.utils import schema_exists

from tenants import isolation


class Command(OneSchema):
    """One command makes a fresh database usable; a second run changes nothing.

    With an app label it does what Django's own does, in the public schema alone.
    """

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("app_label") or options.get("plan") or options.get("check_unapplied"):
            with isolation.as_owner():
                super().handle(*args, **options)
            return
        verbosity = options["verbosity"]
        with isolation.as_owner():
            template = settings.TENANT_BASE_SCHEMA
            call_command("migrate_schemas", shared=True, verbosity=verbosity, interactive=False)
            if not schema_exists(template):
                with connection.cursor() as cursor:
                    cursor.execute(f"CREATE SCHEMA {connection.ops.quote_name(template)}")
            call_command(
                "migrate_schemas", schema_name=template, verbosity=verbosity, interactive=False
            )
        isolation.build_shared()
        self._migrate_tenants(verbosity)
        isolation.build()

    def _migrate_tenants(self, verbosity: int) -> None:
        with isolation.as_owner():
            for schema in isolation.tenant_schemas():
                call_command(
                    "migrate_schemas", schema_name=schema, verbosity=verbosity, interactive=False
                )
