"""Write down everything held about a person, for an access request."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from leadgen_project.persons.answer import answer, count
from leadgen_project.persons.identify import Asked, PersonError
from tenants import audit
from tenants.context import tenant_context
from tenants.sign_in.resolve import tenant_named


class Command(BaseCommand):
    help = "Everything TENANT holds about a person, as JSON: where from, and who received it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_person(parser)
        parser.add_argument("--output", default="-", help="a file; else it is printed")

    def handle(self, *, tenant: str, output: str, everywhere: bool, **options: Any) -> None:
        found = tenant_named(tenant)
        if found is None:
            raise CommandError(f"There is no tenant {tenant!r}.")
        with tenant_context(found):
            try:
                held = answer(asked_by(options), now=timezone.now(), everywhere=everywhere)
            except PersonError as exc:
                raise CommandError(str(exc)) from exc
            audit.record("icp.person.answer", actor="export_person", subject="a person",
                         after={"held": count(held)})  # fmt: skip
        text = json.dumps(held, indent=1, ensure_ascii=False)
        if output == "-":
            self.stdout.write(text)
        else:
            Path(output).write_text(text, encoding="utf-8")
            self.stdout.write(f"Written to {output}.")


def add_person(parser: ArgumentParser) -> None:
    """The arguments that say who is meant."""
    parser.add_argument("tenant")
    parser.add_argument("--email", default="")
    parser.add_argument("--phone", default="")
    parser.add_argument("--name", default="", help="with --company")
    parser.add_argument("--company", default="", help="UEN or name of the company")
    parser.add_argument(
        "--everywhere",
        action="store_true",
        help="also look into kept pages of companies they are not known at",
    )


def asked_by(options: dict[str, Any]) -> Asked:
    return Asked(options["email"], options["phone"], options["name"], options["company"])
