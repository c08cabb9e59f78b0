"""Hand the database connection back to the pool before waiting for something outside."""

from __future__ import annotations

from tenants.context import connection


def hand_back() -> None:
    """To be called where nothing is held open; the next statement takes a connection again.

    Streams and runs wait for half a minute and more, and a process has far fewer connections than
    it has of them.
    """
    if not connection.in_atomic_block:
        connection.close()
