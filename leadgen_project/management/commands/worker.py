"""Work the queue until told to stop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from leadgen_project.supervise import supervise


class Command(BaseCommand):
    help = (
        "Work the queue until SIGTERM or Ctrl-C. Several of these, on one machine or many, share "
        "the work. Ends within 30 seconds, exit code 0; running tasks are finished or given back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--workers", type=int, help="processes (default: WORKERS, or MAIL_WORKERS)"
        )
        parser.add_argument(
            "--cluster", default="", help="which queue: leave out for the night, or `mail`"
        )

    def handle(self, *, workers: int | None, cluster: str, **_options: Any) -> None:
        known = cast("dict[str, Any]", settings.Q_CLUSTER["ALT_CLUSTERS"])
        if cluster and cluster not in known:
            raise CommandError(f"There is no cluster {cluster!r}. There is: {', '.join(known)}.")
        if workers is not None and not 1 <= workers <= 64:
            raise CommandError(f"--workers {workers}: give a number from 1 to 64.")
        supervise(cluster=cluster, workers=workers)
