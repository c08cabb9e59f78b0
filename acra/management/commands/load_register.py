"""Load files of the register: CSV, gzip, zip, or folders of them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from acra.account import account_lines, progress
from acra.load import LoadInProgressError, LoadRefusedError, load_register
from acra.sources import RegisterFileError


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="give the account, keep nothing")
        parser.add_argument(
            "--complete",
            action="store_true",
            help="the files are a whole release: refuse it when a file lost over 5 %% of its rows",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            load = load_register(
                options["files"],
                now=timezone.now(),
                actor="command line",
                dry_run=options["dry_run"],
                complete=options["complete"],
                report=progress(self.stdout),
            )
        except (RegisterFileError, LoadRefusedError, LoadInProgressError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        for line in account_lines(load):
            self.stdout.write(line)
        if options["dry_run"]:
            self.stdout.write("Nothing was kept (--dry-run).")
