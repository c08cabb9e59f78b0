"""What the second wall costs: entering a tenant with its role against the search path alone."""

from __future__ import annotations

import time

from django_tenants.postgresql_backend.base import DatabaseWrapper as PathOnly

from bench.result import Result
from bench.scratch import scratch_database
from tenants.context import connection, in_tenant
from tenants.db.base import DatabaseWrapper

ROUNDS = 9
SWITCHES = 300  # of tenant, each with one statement, as the shortest request would
STATEMENTS = "SELECT count(*) FROM icp_lead"


def measure() -> list[Result]:
    """Milliseconds a switch costs, and how much longer the switch with its role takes."""
    with scratch_database(tenants=2) as keys:
        with_wall, path_only = [], []
        guarded = DatabaseWrapper._handle_search_path
        for _ in range(ROUNDS):
            with_wall.append(_seconds(keys))
            setattr(DatabaseWrapper, "_handle_search_path", PathOnly._handle_search_path)  # noqa: B010 -- mypy: a method is swapped on purpose
            connection.become_owner(True)  # without roles somebody must own the rights
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")
            path_only.append(_seconds(keys))
            setattr(DatabaseWrapper, "_handle_search_path", guarded)  # noqa: B010 -- mypy: a method is swapped on purpose
            connection.become_owner(False)
    best, floor = min(with_wall), min(path_only)
    extra = (best - floor) / SWITCHES * 1000
    return [
        Result("wall: a switch of tenant and one statement, with roles / path alone",
               best / floor, note=f"{extra:.3f} ms more per switch"),
    ]  # fmt: skip


def _seconds(keys: list[str]) -> float:
    began = time.perf_counter()
    for number in range(SWITCHES):
        with in_tenant(keys[number % len(keys)]), connection.cursor() as cursor:
            cursor.execute(STATEMENTS)
    return time.perf_counter() - began
