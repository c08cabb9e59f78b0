"""At most so many calls a minute for each caller of a tenant, counted over all processes.

One statement on a table that needs no log to be written to disk: 0.2 ms. Others, also in the same
tenant, are not slowed by a caller who asks too often.
"""

from __future__ import annotations

import hashlib

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.context import connection, current_schema, is_public

_COUNT = """
INSERT INTO tenants_apiuse AS used (tenant_id, caller, minute, calls)
VALUES (%(tenant)s, %(caller)s, date_trunc('minute', clock_timestamp()), 1)
ON CONFLICT (tenant_id, caller) DO UPDATE SET
  calls = CASE WHEN used.minute = excluded.minute THEN used.calls + 1 ELSE 1 END,
  minute = excluded.minute
RETURNING calls, 60 - extract(second FROM clock_timestamp())
"""


def caller_of(request: Request) -> str:
    """Who is calling, for counting: the credential if it has a key of its own, else the account."""
    credential = getattr(request, "credential", None)
    if credential is None:
        return f"user {request.user.pk}"
    return f"bearer {hashlib.sha256(credential.id.encode()).hexdigest()[:40]}"


def calls_this_minute(caller: str) -> tuple[int, float]:
    """Count one more call of ``caller`` in the current tenant.

    Returns the calls of this minute of the clock and the seconds that are left of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"tenant": current_schema(), "caller": caller})
        calls, left = cursor.fetchone()
    return calls, float(left)


class CallerThrottle(BaseThrottle):
    """429 with ``Retry-After`` beyond ``API_CALLS_PER_MINUTE`` calls in a minute of the clock."""

    _wait = 60.0

    def allow_request(self, request: Request, view: object) -> bool:
        if is_public() or not request.user.is_authenticated:
            return True  # the permission refuses these
        calls, self._wait = calls_this_minute(caller_of(request))
        return bool(calls <= settings.API_CALLS_PER_MINUTE)

    def wait(self) -> float:
        return self._wait
