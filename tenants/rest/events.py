"""Progress as server-sent events, for whatever has a status.

A stream holds a thread of the web server and nothing else: each look enters the tenant anew, asks,
leaves it and hands the connection back before it waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer

from tenants.context import current_schema, in_tenant
from tenants.hand_back import hand_back
from tenants.models import Membership, Tenant, User
from tenants.rest.places import Places, Stream
from tenants.stopping import is_stopping

LOOK_EVERY_SECONDS = 1.0
REMARK_EVERY_SECONDS = 2.0  # writing is the only way to learn that the reader has gone
LONGEST_SECONDS = 300.0
MOST_PER_PERSON, MOST = 4, 16  # streams of one process; see leadgen_project.gunicorn_conf
EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string", "enum": ["progress", "end", "again"]},
        "data": {"type": "string", "description": "JSON"},
    },
}

streams = Places("streams of progress", each=MOST_PER_PERSON, every=lambda: MOST)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. ``told``: what of it makes an event worth sending; all of it, if left out."""

    status: dict[str, Any]
    is_over: bool = False
    told: Any = None


def stream(look: Callable[[], Look | None], *, user: User) -> StreamingHttpResponse:
    """Events of what ``look`` sees from now on, in the tenant that is current.

    Ends when it is over or gone (``look`` gives None) and with the caller's membership; and, with
    ``again``, after ``LONGEST_SECONDS`` and when the process is told to stop. Raises
    ``CrowdedError`` before the first event.
    """
    schema = current_schema()
    leave = streams.hold(user.pk, schema)
    events = Stream(_events(schema, look, user), closing=leave)
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _events(schema: str, look: Callable[[], Look | None], user: User) -> Iterator[str]:
    began = said_at = time.monotonic()
    before = b""
    number = 0
    yield "retry: 2000\n\n"
    while time.monotonic() - began < LONGEST_SECONDS and not is_stopping():
        seen = _look(schema, look, user)
        if seen is None:
            yield "event: end\ndata: {}\n\n"
            return
        text = JSONRenderer().render(seen.status).decode()
        told = JSONRenderer().render(seen.status if seen.told is None else seen.told)
        if told != before:
            number += 1
            yield f"id: {number}\nevent: progress\ndata: {text}\n\n"
            before, said_at = told, time.monotonic()
        if seen.is_over:
            yield f"event: end\ndata: {text}\n\n"
            return
        if time.monotonic() - said_at > REMARK_EVERY_SECONDS:
            yield ": still here\n\n"
            said_at = time.monotonic()
        time.sleep(LOOK_EVERY_SECONDS)
    yield "event: again\ndata: {}\n\n"


def _look(schema: str, look: Callable[[], Look | None], user: User) -> Look | None:
    """What there is to see; None when the caller may not see it any more."""
    try:
        with in_tenant(schema):
            return look() if is_welcome(user, schema) else None
    finally:
        hand_back()


def is_welcome(user: User, schema: str) -> bool:
    """Whether ``user`` still belongs to the tenant: asked again while a stream is open."""
    if not Tenant.objects.filter(pk=schema, is_active=True).exists():
        return False
    fresh = User.objects.filter(pk=user.pk, is_active=True)
    if user.is_superuser:
        return True
    return fresh.exists() and Membership.objects.filter(tenant=schema, user_id=user.pk).exists()
