"""Let somebody with an account sign in through the deployment's provider as that same account.

People are never joined by their e-mail address, so a person who has an account and comes through
the provider for the first time would get a second one. This says who they are there.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from tenants import audit
from tenants.context import in_public
from tenants.identity_models import Identity
from tenants.people import find_account


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("who", help="User name or e-mail address.")
        parser.add_argument("subject", help="What the provider calls the person: the claim sub.")

    def handle(self, *_args: Any, who: str, subject: str, **_options: Any) -> None:
        user = find_account(who)
        if user is None:
            raise CommandError(f"There is no account {who!r}.")
        if not settings.OIDC_ISSUER:
            raise CommandError("OIDC_ISSUER is not set, so there is no provider to link to.")
        with in_public(), transaction.atomic():
            row, is_new = Identity.objects.get_or_create(
                issuer=settings.OIDC_ISSUER, subject=subject, defaults={"user": user}
            )
            if row.user_id != user.pk:
                raise CommandError(f"{subject} is another account already: {row.user.username}.")
            if is_new:
                audit.record(
                    "tenants.identity.link",
                    actor="command line",
                    subject=f"account {user.username}",
                    after={"issuer": row.issuer, "subject": subject},
                )
        self.stdout.write(f"{user} signs in as {subject} at {settings.OIDC_ISSUER} from now on.")
