"""Erase a person at their request; a keyed hash stays, so that nobody brings them back."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from icp.models import PersonRequest
from leadgen_project.management.commands.export_person import add_person, asked_by
from leadgen_project.persons.answer import answer, count
from leadgen_project.persons.erase import NotErasedError, erase, is_erased
from leadgen_project.persons.identify import PersonError
from leadgen_project.persons.requests import take_down
from tenants.context import tenant_context
from tenants.sign_in.resolve import tenant_named

ACTOR = "erase_person"


class Command(BaseCommand):
    help = "Erase a person from TENANT. Says first what is held; erases only with --yes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_person(parser)
        parser.add_argument("--reason", default="", help="stays in the audit; name nobody in it")
        parser.add_argument("--yes", action="store_true", help="erase; without it only look")

    def handle(
        self, *, tenant: str, reason: str, yes: bool, everywhere: bool, **options: Any
    ) -> None:
        found, asked, now = tenant_named(tenant), asked_by(options), timezone.now()
        if found is None:
            raise CommandError(f"There is no tenant {tenant!r}.")
        if yes and not reason.strip():
            raise CommandError("Say why: --reason stays in the audit.")
        with tenant_context(found):
            try:
                if is_erased(asked, now=now, everywhere=everywhere):
                    self.stdout.write("Nothing is held but the keyed hash. Nothing was changed.")
                    return
                if not yes:
                    self._tell("Held", count(answer(asked, now=now, everywhere=everywhere)))
                    self.stdout.write("Nothing was changed; --yes erases it.")
                    return
                request = take_down(
                    asked,
                    kind=PersonRequest.Kind.ERASURE,
                    received_on=timezone.localdate(),
                    actor=ACTOR,
                    now=now,
                )
                report = erase(request, reason=reason, actor=ACTOR, now=now, everywhere=everywhere)
            except (PersonError, NotErasedError) as exc:
                raise CommandError(str(exc)) from exc
        self._tell("Removed", report.removed)

    def _tell(self, word: str, counts: dict[str, int]) -> None:
        self.stdout.write(f"{word}: {', '.join(f'{n} {what}' for what, n in counts.items())}.")
