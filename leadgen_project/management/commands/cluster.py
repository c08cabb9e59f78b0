"""The process group of one queue cluster. `worker` starts it; people do not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from leadgen_project import watched_cluster


class Command(BaseCommand):
    help = "One queue cluster, started and watched by `worker`. Use that."
    requires_system_checks = ()  # `worker` has just made them

    def handle(self, **_options: Any) -> None:
        watched_cluster.run()
