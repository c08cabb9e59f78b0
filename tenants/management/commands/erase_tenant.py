"""Erase a tenant and prove that nothing of it is left."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.lifecycle.erase import EraseError, erase, sweep
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Erase the tenant KEY for ever. Take it out first: export_tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--confirm", default="", help="the key once more")
        parser.add_argument("--reason", default="", help="stays in the platform's audit")

    def handle(self, *, key: str, confirm: str, reason: str, **_options: Any) -> None:
        tenant = Tenant.objects.filter(pk=key).first()
        try:
            if tenant is not None:
                proof = erase(tenant, confirmed=confirm, actor="erase_tenant", reason=reason)
            elif confirm == key:
                proof = sweep(key)  # a run that was killed half-way
            else:
                raise CommandError(f"There is no tenant {key!r}.")
        except EraseError as exc:
            raise CommandError(str(exc)) from exc
        for line in proof:
            self.stdout.write(line)
