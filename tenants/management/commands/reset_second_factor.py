"""Switch somebody's second factor off: for the day the telephone and the recovery codes are gone.

Make sure who is asking before you do. The person sets up a new one with their next sign-in.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.people import find_account
from tenants.sign_in import second_factor


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("who", help="User name or e-mail address.")

    def handle(self, *_args: Any, who: str, **_options: Any) -> None:
        user = find_account(who)
        if user is None:
            raise CommandError(f"There is no account {who!r}.")
        if not second_factor.switch_off(user, actor="command line"):
            raise CommandError(f"{user} has no second factor.")
        self.stdout.write(f"The second factor of {user} is off.")
