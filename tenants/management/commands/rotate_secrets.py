"""Encrypt all stored secrets with the first of the FIELD_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.rotate_secrets import rotate_secrets


class Command(BaseCommand):
    help = (
        "Encrypt all stored secrets with the first of the FIELD_KEYS. Put the new key in front,"
        " restart, run this, and then take the former one out."
    )

    def handle(self, **_options: Any) -> None:
        report = rotate_secrets()
        self.stdout.write(f"{report.rotated} secrets are under the first of the FIELD_KEYS.")
        if report.unreadable:
            raise CommandError(
                "None of the FIELD_KEYS reads: " + ", ".join(report.unreadable) + "."
                " Put the key they were stored with back, or enter them again."
            )
