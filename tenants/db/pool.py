"""Hand connections back to the pool without a trace of the tenant that used them."""

from __future__ import annotations

import psycopg


def reset(connection: psycopg.Connection) -> None:
    """Forget role, path and tenant. Not ``RESET ALL``: that loses the session's UTC time zone."""
    connection.autocommit = True
    connection.execute(
        "RESET ROLE; RESET search_path; SELECT set_config('request.tenant_id', '', false)"
    )
