"""Run one tenant's night here and now, for cron and for people."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import tenant_context

from leadgen_project import pipeline, replay
from leadgen_project.progress import lines
from tenants.clock import database_now
from tenants.models import PipelineRun, Tenant

DIFFERENT = 3
PATIENCE_SECONDS = 1.0  # between two looks when other workers hold the rest


class Command(BaseCommand):
    help = (
        "Run the night of TENANT and exit 0, or non-zero when it failed. An open night is joined,"
        " workers may help. With --replay read a finished run's stored pages again, with the"
        " network off: exit 0 when the report is equal, 3 with the first difference when not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", help="its key")
        parser.add_argument("--replay", type=int, metavar="RUN", help="number of a finished run")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what the night would take, change nothing"
        )
        parser.add_argument(
            "--plan", default="", metavar="HASH",
            help="what --dry-run printed: run only if the night would still take just that",
        )  # fmt: skip
        parser.add_argument("--workers", type=int, default=1, help="processes, for --replay")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(pk=options["tenant"]).first()
        if tenant is None:
            known = ", ".join(Tenant.objects.order_by("pk").values_list("pk", flat=True))
            raise CommandError(
                f"There is no tenant {options['tenant']!r}. Known: {known or 'none'}."
            )
        with tenant_context(tenant):
            if options["replay"]:
                self._replay(tenant, number=options["replay"], workers=options["workers"])
            elif options["dry_run"]:
                found = pipeline.dry_run(tenant, now=database_now())
                for line in [*found.sentences, f"To run just this: --plan {found.plan}"]:
                    self.stdout.write(line)
            else:
                self._run(tenant, plan=options["plan"])

    def _run(self, tenant: Tenant, *, plan: str) -> None:
        run = PipelineRun.objects.filter(tenant=tenant, status__in=PipelineRun.OPEN).first()
        if run is None or plan:  # somebody else's night may take something else
            run = pipeline.start_night(tenant, started_by="command", now=database_now(), plan=plan)
        shown = ""
        while run.is_open:
            if not pipeline.step(run):
                run.refresh_from_db()
                if run.status == PipelineRun.Status.PAUSED:
                    raise CommandError(f"Run {run.pk} is paused. Resume it under Runs.")
                time.sleep(PATIENCE_SECONDS)
            if run.stage != shown:
                shown = run.stage
                self.stdout.write(f"{run.pk} {shown or 'done'}")
        for line in lines(run):
            self.stdout.write(line)
        if run.status != PipelineRun.Status.FINISHED:
            raise CommandError(f"Run {run.pk}: {run.get_status_display().lower()}. {run.note}")

    def _replay(self, tenant: Tenant, *, number: int, workers: int) -> None:
        run = PipelineRun.objects.filter(
            tenant=tenant, pk=number, status=PipelineRun.Status.FINISHED
        ).first()
        if run is None:
            raise CommandError(f"{tenant} has no finished run {number}.")
        outcome = replay.replay(run, workers=workers)
        self.stdout.write(outcome.sentence)
        if outcome.difference:
            raise CommandError(outcome.difference, returncode=DIFFERENT)
