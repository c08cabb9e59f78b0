"""Make an account from the command line, with a membership if a tenant is named."""

from __future__ import annotations

import getpass
import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from tenants.models import Membership, Tenant
from tenants.people import PeopleError, add_member, create_account

ACTOR = "create_user"


class Command(BaseCommand):
    help = "Make an account. The password is asked for, or read from LEADGEN_PASSWORD."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", default="")
        parser.add_argument("--name", default="", help="the person's name")
        parser.add_argument("--tenant", default="", help="key of the tenant it shall work in")
        parser.add_argument("--role", default=Membership.Role.OPERATOR,
                            type=str.upper, choices=Membership.Role.values)  # fmt: skip
        parser.add_argument("--platform-admin", action="store_true")

    def handle(self, *, username: str, tenant: str, role: str, **options: Any) -> None:
        place = Tenant.objects.filter(pk=tenant).first() if tenant else None
        if tenant and place is None:
            raise CommandError(f"There is no tenant {tenant!r}. Make it: manage.py create_tenant")
        password = os.environ.get("LEADGEN_PASSWORD") or getpass.getpass("Password: ")
        try:
            with transaction.atomic():
                user = create_account(
                    username,
                    password=password,
                    email=options["email"],
                    name=options["name"],
                    is_platform_admin=options["platform_admin"],
                    actor=ACTOR,
                )
                if place:
                    add_member(place, user, role=role, actor=ACTOR)
        except (ValidationError, PeopleError) as exc:
            raise CommandError(
                " ".join(exc.messages) if isinstance(exc, ValidationError) else str(exc)
            ) from exc
        where = f" in {place} as {role.lower()}" if place else ""
        self.stdout.write(f"Account {username} is ready{where}.")
