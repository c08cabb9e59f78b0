"""Make a tenant from the command line, with an owner if one is named."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from tenants.lifecycle.provision import ProvisionError, create_tenant
from tenants.models import Membership
from tenants.people import PeopleError, add_member, find_account

ACTOR = "create_tenant"


class Command(BaseCommand):
    help = "Make a tenant: its schema, database role, host name and settings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="2 to 30 small letters, digits or _; cannot be changed")
        parser.add_argument("--name", default="", help="what people call it; default: the key")
        parser.add_argument("--host", default="", help="host name; default: KEY.localhost")
        parser.add_argument("--owner", default="", help="user name or e-mail of an account")

    def handle(self, *, key: str, name: str, host: str, owner: str, **_options: Any) -> None:
        account = find_account(owner) if owner else None
        if owner and account is None:
            raise CommandError(f"There is no account {owner!r}. Make it: manage.py create_user")
        try:
            with transaction.atomic():
                tenant = create_tenant(key, name=name or key.title(), host=host, actor=ACTOR)
                if account:
                    add_member(tenant, account, role=Membership.Role.OWNER, actor=ACTOR)
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from exc
        except (ProvisionError, PeopleError) as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"Tenant {tenant} is ready. Its host: {host or f'{key}.localhost'}")
