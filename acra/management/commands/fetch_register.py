"""Pull the register from data.gov.sg and load it, when there is something new."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from acra.account import account_lines, progress
from acra.clients.data_gov_sg import DataGovSgError
from acra.download import fetch_register
from acra.load import LoadInProgressError, LoadRefusedError
from acra.sources import RegisterFileError


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="load even what is not newer")
        parser.add_argument(
            "--by-rows", action="store_true",
            help="page through the rows (PAGE_SIZE at a time) instead of fetching files",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = fetch_register(
                now=timezone.now(),
                actor="command line",
                force=options["force"],
                by_rows=options["by_rows"],
                report=progress(self.stdout),
            )
        except (DataGovSgError, RegisterFileError, LoadRefusedError, LoadInProgressError,
                OSError) as exc:  # fmt: skip
            raise CommandError(str(exc)) from exc
        if done.load is None:
            self.stdout.write(f"Nothing new: published {done.published_at}, loaded already.")
            return
        self.stdout.write(f"{len(done.fetched)} files fetched, {len(done.kept)} were here already.")
        for line in account_lines(done.load):
            self.stdout.write(line)
