#!/usr/bin/env python
"""Run a management command. Starts the embedded database first when no server is configured."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")
    from django.conf import settings

    from leadgen_project import embedded_postgres

    if not settings.DATABASE_URL:
        embedded_postgres.ensure(settings.DATA_DIR)

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
