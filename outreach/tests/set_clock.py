"""The database's clock, stopped and set: for tests of what takes days.

All of mail reckons by ``clock_timestamp()``. Here the name finds another function first, made in
the test's transaction: the product's statements are its own, and other sessions see the real clock.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from tenants.context import connection
from tenants.isolation import as_owner

_ANOTHER_CLOCK = """
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS $$ SELECT current_setting('test.now')::timestamptz $$
"""


class SetClock:
    """Stands at ``now`` until ``set`` again."""

    def __init__(self, now: datetime, *, monkeypatch: pytest.MonkeyPatch) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(_ANOTHER_CLOCK)
        usual = connection._get_cursor_search_paths
        # Unless it is named, PostgreSQL's own schema comes before all others.
        monkeypatch.setattr(
            connection, "_get_cursor_search_paths", lambda: [*usual(), "pg_catalog"]
        )
        connection.search_path_set_schemas = None
        self.set(now)

    def set(self, now: datetime) -> None:
        self.now = now
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('test.now', %s, false)", [now.isoformat()])
