"""A cursor whose statements PostgreSQL reads and plans once a connection, not at each call.

For the few statements that run for every single thing: a mail takes eight, and planning them cost
4 ms of CPU, more than running them. A plan follows the tenant: PostgreSQL makes a new one when
the search path or the role has changed, and asks for the role's rights at every call.

Parameters are the server's. What is written into the text of a statement is none, so that has to be
the same text each time; and numbers and lists are cast where no column tells their type. A
rollback ends what was prepared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db.backends.utils import CursorWrapper

from tenants.context import connection

AFTER = 2  # calls; what runs less often is not worth keeping


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """As ``connection.cursor()``: the tenant's, counted and translated by Django like others."""
    with connection.cursor():  # connects, and takes on the tenant's role and path
        raw = connection.connection
        raw.prepare_threshold = AFTER
        wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
        with psycopg.Cursor(raw) as cursor:
            yield wrap(cursor)
