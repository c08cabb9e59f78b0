"""Measure: ``python -m bench`` runs all, ``python -m bench NAME ...`` those named.

Prints one ratio a line, each against a floor measured in the same run. Exit code 1 when one fails.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import django

SKIPPED = {
    "__init__",
    "__main__",
    "chat_settings",
    "filled_register",
    "floors",
    "plain_reading",
    "plain_spider",
    "real_web",
    "result",
    "scratch",
    "worst_sites",
}


def set_up() -> None:
    """Django with a database to work in."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")
    from django.conf import settings

    from leadgen_project import embedded_postgres

    if not settings.DATABASE_URL:
        embedded_postgres.ensure(settings.DATA_DIR)
    django.setup()


def main(names: list[str]) -> int:
    set_up()
    known = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    known = [name for name in known if name not in SKIPPED]
    if unknown := set(names) - set(known):
        print(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(known)}.")
        return 2
    failed = 0
    for name in names or known:
        for result in import_module(f"bench.{name}").measure():
            print(result.line(), flush=True)
            failed += not result.holds
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
