"""Show the whole product on made-up companies, without keys or internet."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from leadgen_project.demo import DemoError, run_demo
from leadgen_project.processes import SandboxError


class Command(BaseCommand):
    help = (
        "Set the database up, load a made-up register, run a night for two tenants over a made-up"
        " web on this machine, and print both shortlists and how to sign in. Every company is"
        " invented. Run it again for a second night to compare."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, default=2, help="queue processes")
        parser.add_argument("--count", type=int, default=400, help="entities in the register")

    def handle(self, *, workers: int, count: int, **_options: Any) -> None:
        logging.getLogger().setLevel(logging.WARNING)  # the account below says it in words
        call_command("migrate", verbosity=0)
        try:
            run_demo(say=self.stdout.write, workers=workers, count=count)
        except (DemoError, SandboxError) as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write("")
        self.stdout.write(f"Open the shortlists: make run, then {settings.BASE_URL}/admin/")
