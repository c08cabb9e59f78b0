"""``Idempotency-Key`` on POST: one effect and the same answer, however often it is sent.

Effect, key and answer are one transaction. A second call with the key waits for the first; when the
first was killed, nothing of it stands and the second does the work. A refused call (4xx) uses up no
key. Answers are kept for a day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api_models import IdempotentCall
from tenants.context import connection, current_schema
from tenants.rest.problems import KeyReusedError
from tenants.rest.throttle import caller_of

HEADER = "Idempotency-Key"
LONGEST = 200
KEPT = timedelta(hours=24)

_TAKE = """
INSERT INTO tenants_idempotentcall AS known
  (tenant_id, caller, key, call, body_hash, created_at, status, answer, location)
VALUES (%(tenant)s, %(caller)s, %(key)s, %(call)s, %(hash)s, clock_timestamp(), 0, NULL, '')
ON CONFLICT (tenant_id, caller, key) DO UPDATE SET call = excluded.call,
  body_hash = excluded.body_hash, created_at = excluded.created_at, status = 0, answer = NULL,
  location = ''
WHERE known.created_at < clock_timestamp() - %(kept)s
RETURNING id
"""
_FORGET = """
DELETE FROM tenants_idempotentcall WHERE id IN (
  SELECT id FROM tenants_idempotentcall WHERE created_at < clock_timestamp() - %s
  ORDER BY created_at LIMIT 100 FOR UPDATE SKIP LOCKED)
"""


def key_of(request: Request) -> str:
    """The key sent with the call, ``""`` for none. Raises ``ValidationError``."""
    key = request.headers.get(HEADER, "")
    if len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [f"At most {LONGEST} printable ASCII characters."]})
    return key


def once(handler: Callable[..., Response], *, key: str) -> Callable[..., Response]:
    """``handler`` so that it works once for ``key``; later calls get its answer again.

    Raises ``KeyReusedError`` when the key came with another call or body.
    """

    def answer(request: Request, *args: Any, **kwargs: Any) -> Response:
        call = f"{request.method} {request.path}"[:300]
        body_hash = _hash(request.data)
        with transaction.atomic():
            row = _take(request, key=key, call=call, body_hash=body_hash)
            if row is None:
                return _again(request, key=key, call=call, body_hash=body_hash)
            response = handler(request, *args, **kwargs)
            IdempotentCall.objects.filter(pk=row).update(
                status=response.status_code,
                answer=json.loads(JSONRenderer().render(response.data)) if response.data else None,
                location=response.get("Location", ""),
            )
            return response

    return answer


def _take(request: Request, *, key: str, call: str, body_hash: str) -> int | None:
    values = {"tenant": current_schema(), "caller": caller_of(request), "key": key, "call": call,
              "hash": body_hash, "kept": KEPT}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [KEPT])
        cursor.execute(_TAKE, values)
        row = cursor.fetchone()
    return row[0] if row else None


def _again(request: Request, *, key: str, call: str, body_hash: str) -> Response:
    known = IdempotentCall.objects.get(caller=caller_of(request), key=key)
    if (known.call, known.body_hash) != (call, body_hash):
        raise KeyReusedError(
            f"{HEADER} {key!r} was used for {known.call}"
            + (" with another body." if known.call == call else ".")
            + " Use a new key for a new call."
        )
    headers = {"Idempotency-Replayed": "true"}
    if known.location:
        headers["Location"] = known.location
    return Response(known.answer, status=known.status, headers=headers)


def _hash(data: Any) -> str:
    raw = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(raw).hexdigest()
