"""The gate shared by all processes and machines: one row per web host in the public schema.

A turn is a lease, so a process that dies gives its hosts back by itself. Times are the database's,
because the clocks of several machines are not one clock. One connection of its own serves all
threads of a process: crawling threads need none, and whatever tenant they work for plays no part.
"""

from __future__ import annotations

import secrets
import threading
import time
from datetime import timedelta
from itertools import count
from typing import Any, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections

from enrichment.web.gate import host_busy
from tenants.context import in_public
from tenants.db.base import DatabaseWrapper
from tenants.process_name import process_name

LEASE = timedelta(seconds=30)  # above the longest exchange, which CrawlPolicy ends after 20 s
POLL_SECONDS = 0.1
KEEP_IDLE = timedelta(days=1)
SECONDS_AFTER_DEATH = 1.0

_TAKE = """
INSERT INTO tenants_hostlease AS lease (host, owner, leased_until, not_before)
VALUES (%(host)s, %(owner)s, clock_timestamp() + %(lease)s, clock_timestamp())
ON CONFLICT (host) DO UPDATE SET owner = excluded.owner, leased_until = excluded.leased_until
WHERE lease.leased_until <= clock_timestamp() AND lease.not_before <= clock_timestamp()
RETURNING host
"""
_WAIT = """
SELECT extract(epoch FROM not_before - clock_timestamp()), leased_until > clock_timestamp()
FROM tenants_hostlease WHERE host = %(host)s
"""
_RENEW = """
UPDATE tenants_hostlease SET leased_until = clock_timestamp() + %(lease)s
WHERE host = %(host)s AND owner = %(owner)s RETURNING host
"""
# Whoever lost his lease meanwhile must not end another's: the owner is asked for.
_GIVE_BACK = """
UPDATE tenants_hostlease
SET owner = '', leased_until = clock_timestamp(), not_before = clock_timestamp() + %(gap)s
WHERE host = %(host)s AND owner = %(owner)s
"""
_FORGET = """
DELETE FROM tenants_hostlease
WHERE greatest(leased_until, not_before) < clock_timestamp() - make_interval(secs => %s)
"""


# The dead may have asked a moment ago, hence the gap.
_FREE = """
UPDATE tenants_hostlease
SET owner = '', leased_until = clock_timestamp(),
    not_before = clock_timestamp() + make_interval(secs => %s)
WHERE starts_with(owner, %s)
"""


def free_hosts(name: str) -> int:
    """End the turns of processes that are dead: those whose name begins with ``name``.

    Called in the public schema; returns how many turns that were.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FREE, [SECONDS_AFTER_DEATH, name])
        return cursor.rowcount


class DatabaseGate:
    """A ``HostGate`` for all processes on one database. Threads may share it; forks may not.

    A turn costs one statement, giving it back another (about 0.3 ms each on one machine).
    """

    def __init__(self, *, lease: timedelta = LEASE) -> None:
        self._lease = lease
        self._name = f"{process_name()}:{secrets.token_hex(4)}"
        self._numbers = count(1)
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()
        self._connection = cast(DatabaseWrapper, connections.create_connection(DEFAULT_DB_ALIAS))
        self._connection.inc_thread_sharing()

    def acquire(self, host: str, *, wait_seconds: float) -> None:
        """Take the host's turn, waiting at most ``wait_seconds``; HOST_BUSY otherwise."""
        owner = f"{self._name}:{next(self._numbers)}"
        give_up_at = time.monotonic() + wait_seconds
        while not self._rows(_TAKE, host=host, owner=owner, lease=self._lease):
            wait = self._wait(host)
            if time.monotonic() + wait >= give_up_at:
                raise host_busy(host, seconds=wait)
            time.sleep(wait)
        self._owners[host] = owner

    def renew(self, host: str) -> bool:
        """Begin the lease of a turn anew; False when another has the host by now."""
        return bool(self._rows(_RENEW, host=host, owner=self._owners[host], lease=self._lease))

    def release(self, host: str, *, gap_seconds: float) -> None:
        """Give the turn back; nobody asks the host again within ``gap_seconds``."""
        owner = self._owners.pop(host)
        self._rows(_GIVE_BACK, host=host, owner=owner, gap=timedelta(seconds=gap_seconds))

    def close(self) -> None:
        """Close the connection; leases still held end by themselves."""
        with self._lock:
            self._connection.close()

    def _wait(self, host: str) -> float:
        """Seconds until asking again makes sense."""
        rows = self._rows(_WAIT, host=host)
        if not rows:
            return 0.0
        gap, is_leased = float(rows[0][0]), rows[0][1]
        return max(gap, POLL_SECONDS if is_leased else 0.0)

    def _rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            self._connection.close_if_unusable_or_obsolete()
            if self._connection.connection is None:
                self._connect()
            try:
                with psycopg.Cursor(self._connection.connection) as cursor:
                    cursor.execute(statement, values, prepare=True)
                    return cursor.fetchall() if cursor.description else []
            except psycopg.Error:
                self._connection.errors_occurred = True  # it is tested before it is used again
                raise

    def _connect(self) -> None:
        """Open the connection. Turns need not outlive a crash of the server, so nothing waits for
        the disk: that halves their cost, and all threads of a process queue behind it."""
        self._connection.set_schema_to_public()
        with self._connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")


def forget_idle_hosts(*, idle: timedelta = KEEP_IDLE) -> int:
    """Delete the rows of hosts nobody asked for a day, for all tenants; returns how many."""
    with in_public(), connection.cursor() as cursor:
        cursor.execute(_FORGET, [idle.total_seconds()])
        return cursor.rowcount
