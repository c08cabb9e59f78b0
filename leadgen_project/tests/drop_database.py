"""Drop a database of a test or a measurement, whoever is still connected."""

from __future__ import annotations

import time

from django.db import ProgrammingError, connection

LONGEST_VACUUM = 60  # seconds

__all__ = ["drop_database"]


def drop_database(name: str) -> None:
    """Drop it if it is there. Autovacuum is not ours to end, and is waited for."""
    give_up_at = time.monotonic() + LONGEST_VACUUM
    while True:
        with connection._nodb_cursor() as cursor:
            try:
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            except ProgrammingError:
                if time.monotonic() > give_up_at:
                    raise
            else:
                return
        time.sleep(0.2)
