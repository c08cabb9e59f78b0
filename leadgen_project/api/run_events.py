"""A run's progress as server-sent events.

A stream holds a thread of the web server and nothing else: each look enters the tenant anew, asks,
leaves it and hands the connection back before it waits.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from rest_framework.renderers import JSONRenderer

from tenants.context import connection, current_schema, in_tenant
from tenants.models import Membership, PipelineRun, Tenant, User

LOOK_EVERY_SECONDS = 1.0
REMARK_EVERY_SECONDS = 15.0  # so that no proxy takes a quiet stream for a dead one
LONGEST_SECONDS = 300.0
MOST_PER_PERSON, MOST = 4, 16  # streams of one process, which has 32 threads

_open: Counter[int] = Counter()
_lock = threading.Lock()


class TooManyStreamsError(Exception):
    """This process holds as many streams as it should."""


def stream(run_id: int, *, user: User, status_of: Callable[[PipelineRun], Any]) -> Iterator[str]:
    """Events of the run from now on. Raises ``TooManyStreamsError`` before the first.

    Ends with the run, with the caller's membership, or after ``LONGEST_SECONDS``.
    """
    _take_place(user.pk)
    return _closing(_events(current_schema(), run_id, user, status_of), user.pk)


def _closing(events: Iterator[str], user_id: int) -> Iterator[str]:
    try:
        yield from events
    finally:
        _leave_place(user_id)


def _events(
    schema: str, run_id: int, user: User, status_of: Callable[[PipelineRun], Any]
) -> Iterator[str]:
    began = said_at = time.monotonic()
    before = ""
    number = 0
    yield "retry: 2000\n\n"
    while time.monotonic() - began < LONGEST_SECONDS:
        status = _look(schema, run_id, user, status_of)
        if status is None:
            yield "event: end\ndata: {}\n\n"
            return
        text = JSONRenderer().render(status).decode()
        if (told := _without_time(status)) != before:
            number += 1
            yield f"id: {number}\nevent: progress\ndata: {text}\n\n"
            before, said_at = told, time.monotonic()
        if status["status"] not in PipelineRun.OPEN:
            yield f"event: end\ndata: {text}\n\n"
            return
        if time.monotonic() - said_at > REMARK_EVERY_SECONDS:
            yield ": still here\n\n"
            said_at = time.monotonic()
        time.sleep(LOOK_EVERY_SECONDS)
    yield "event: again\ndata: {}\n\n"


def _look(
    schema: str, run_id: int, user: User, status_of: Callable[[PipelineRun], Any]
) -> dict[str, Any] | None:
    """The run as it stands; None when the caller may not see it any more."""
    try:
        with in_tenant(schema):
            if not _is_welcome(user, schema):
                return None
            run = PipelineRun.objects.filter(pk=run_id).first()
            return status_of(run) if run else None
    finally:
        if not connection.in_atomic_block:
            connection.close()  # back to the pool, while we wait


def _is_welcome(user: User, schema: str) -> bool:
    if not Tenant.objects.filter(pk=schema, is_active=True).exists():
        return False
    fresh = User.objects.filter(pk=user.pk, is_active=True)
    if user.is_superuser:
        return True
    return fresh.exists() and Membership.objects.filter(tenant=schema, user_id=user.pk).exists()


def _without_time(status: dict[str, Any]) -> str:
    """What makes an event worth sending: not the rate, which changes with every look."""
    stages = [{**stage, "rate": None, "seconds_left": None} for stage in status["stages"]]
    return json.dumps({**status, "stages": stages}, default=str, sort_keys=True)


def _take_place(user_id: int) -> None:
    with _lock:
        if _open[user_id] >= MOST_PER_PERSON or _open.total() >= MOST:
            raise TooManyStreamsError("Too many streams are open. Close one, or poll the run.")
        _open[user_id] += 1


def _leave_place(user_id: int) -> None:
    with _lock:
        _open[user_id] -= 1
