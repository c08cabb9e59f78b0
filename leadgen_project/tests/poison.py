"""Companies whose pages are deadly to read, for workers started with ``POISON``.

The crawler has no known page of that kind; should there be one, the night must survive it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from django.apps import AppConfig

POISON = "LEADGEN_TEST_POISON"  # UEN -> exit or memory, as JSON
DEADLY_STAGE = "LEADGEN_TEST_DEADLY_STAGE"  # anything: selecting ends the worker


class PoisonConfig(AppConfig):
    name = "leadgen_project.tests"
    label = "poison"

    def ready(self) -> None:
        from enrichment.site import in_flight
        from leadgen_project import night_stages

        deadly = json.loads(os.environ.get(POISON, "{}"))
        look_for_site = in_flight.look_for_site

        def look_or_die(task: Any, **how: Any) -> Any:
            way = deadly.get(task.company.uen)
            if way == "exit":
                os._exit(1)
            if way == "memory":
                hoard = []
                while True:  # up to the limit of a worker
                    hoard.append(bytearray(64 * 1024**2))
            return look_for_site(task, **how)

        in_flight.look_for_site = look_or_die
        if os.environ.get(DEADLY_STAGE):
            night_stages.select_candidates = lambda *_args, **_how: os._exit(1)
