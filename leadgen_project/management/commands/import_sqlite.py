"""Move the former program's files into a tenant, look first, take it back."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from leadgen_project.moving_in.csv_file import write_refused
from leadgen_project.moving_in.move import MoveError, look, move_in
from leadgen_project.moving_in.refused import refused_of
from leadgen_project.moving_in.report import lines
from leadgen_project.moving_in.source import UnreadableFileError
from leadgen_project.moving_in.undo import undo
from outreach.models import Mailbox
from tenants.clock import database_now
from tenants.context import tenant_context
from tenants.sign_in.resolve import tenant_named

ACTOR = "import_sqlite"


class Command(BaseCommand):
    help = (
        "Move FILES (master_contacts.db, email_engine.db, config.json, or a CSV of refused rows)"
        " into TENANT. With --dry-run nothing is changed; the report is the same."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant")
        parser.add_argument("files", nargs="*", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="only look")
        parser.add_argument(
            "--errors",
            type=Path,
            metavar="OUT.csv",
            help="where refused rows go, with their reasons, to be mended",
        )
        parser.add_argument(
            "--region",
            default="",
            metavar="XX",
            help="country of numbers without a code in cities nobody knows",
        )
        parser.add_argument(
            "--mailbox",
            default="",
            metavar="ADDRESS",
            help="the mailbox here that the former program sent from",
        )
        parser.add_argument(
            "--with-variations",
            action="store_true",
            help="take variation_storage as well, as drafts",
        )
        parser.add_argument("--undo", type=int, metavar="N", help="take move N back")  # fmt: skip

    def handle(self, *, tenant: str, files: list[Path], **options: Any) -> None:
        found = tenant_named(tenant)
        if found is None:
            raise CommandError(f"There is no tenant {tenant!r}.")
        if bool(files) == bool(options["undo"]):
            raise CommandError("Name the files to move in, or --undo N.")
        with tenant_context(found):
            try:
                if options["undo"]:
                    self._undo(options["undo"])
                else:
                    self._move(files, options)
            except (MoveError, UnreadableFileError) as exc:
                raise CommandError(str(exc)) from exc

    def _move(self, files: list[Path], options: dict[str, Any]) -> None:
        chosen = {"region": options["region"].upper(), "mailbox": _mailbox(options["mailbox"]),
                  "with_variations": options["with_variations"]}  # fmt: skip
        now, errors = database_now(), options["errors"]
        if options["dry_run"]:
            report = look(files, options=chosen, actor=ACTOR, now=now, errors=errors)
        else:
            move = move_in(files, options=chosen, actor=ACTOR, now=now)
            report = move.report
            if errors:
                write_refused(lambda: refused_of(move), errors)
        for line in lines(report):
            self.stdout.write(line)
        if options["dry_run"]:
            self.stdout.write("Nothing was changed; without --dry-run it is moved in.")
        else:
            self.stdout.write(f"Moved in as move {move.pk}; --undo {move.pk} takes it back.")

    def _undo(self, number: int) -> None:
        report = undo(number, actor=ACTOR, now=database_now())
        for name, count in report["removed"].items():
            self.stdout.write(f"taken back: {count:,} {name}")
        for line in report["conflicts"]:
            self.stdout.write(f"kept: {line}")
        self.stdout.write(f"{report['kept']:,} were edited since and are kept.")


def _mailbox(address: str) -> int | None:
    if not address:
        return None
    found = Mailbox.objects.filter(address__iexact=address).values_list("pk", flat=True).first()
    if found is None:
        raise MoveError(f"There is no mailbox {address} here.")
    return found
