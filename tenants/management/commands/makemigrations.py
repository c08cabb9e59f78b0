"""Django's own command, as the owner of the tables: it reads the record of migrations."""

from __future__ import annotations

from typing import Any

from django.core.management.commands.makemigrations import Command as OfDjango

from tenants import isolation


class Command(OfDjango):
    def handle(self, *args: Any, **options: Any) -> None:
        with isolation.as_owner():
            super().handle(*args, **options)
