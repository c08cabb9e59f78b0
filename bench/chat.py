"""What a chat stream costs beside a bare one of the same server: first event, events per second.

Both send frames at the same pace from gunicorn as in production; the bare view makes
them up in its own thread and neither stores nor shares anything.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path
from django.utils import timezone

from bench.result import Result
from bench.scratch import environment, scratch_database
from chat.tests.live_rig import Server, Wire, serving
from chat.tests.rig import request_of
from leadgen_project.urls import urlpatterns as product
from tenants.context import connection
from tenants.models import Membership, Tenant, User
from tenants.sign_in import api_tokens

WORDS, STEP_SECONDS = 40, 0.05  # the pace of the self-test's ``slow``
ROUNDS, MANY, PEOPLE = 6, 50, 5
FIRST_LIMIT, RATE_LIMIT, FIRST_OF_MANY_LIMIT, RATE_OF_MANY_LIMIT = 10.0, 0.9, 40.0, 0.8


def bare(_request: HttpRequest) -> StreamingHttpResponse:
    """As many frames at the same pace, out of nothing."""

    def frames() -> Iterator[bytes]:
        for number in range(WORDS):
            yield f"event: messages\ndata: {'x' * 400}\nid: {number}\n\n".encode()
            time.sleep(STEP_SECONDS)

    return StreamingHttpResponse(frames(), content_type="text/event-stream")


urlpatterns = [*product, path("bare", bare)]  # the server of the measurement takes this as its urls


def measure() -> list[Result]:
    """Medians of one stream after another, then of ``MANY`` at once."""
    with scratch_database(tenants=1) as (tenant,):
        keys = [_key(tenant, number) for number in range(PEOPLE)]
        connection.close()
        os.environ["DJANGO_SETTINGS_MODULE"] = "bench.chat_settings"
        try:
            with serving({**os.environ, **environment()}, workers=2) as server:
                return _compare(server, keys)
        finally:
            os.environ["DJANGO_SETTINGS_MODULE"] = "leadgen_project.settings"


def _compare(server: Server, keys: list[str]) -> list[Result]:
    for talk in (_talk, _bare_talk):
        talk(server, keys[0])
    one = [_talk(server, keys[0]) for _ in range(ROUNDS)]
    one_bare = [_bare_talk(server, keys[0]) for _ in range(ROUNDS)]
    many, many_bare = _at_once(_talk, server, keys), _at_once(_bare_talk, server, keys)
    return [
        _first("1 stream", one, one_bare, FIRST_LIMIT),
        _rate("1 stream", one, one_bare, RATE_LIMIT),
        _first(f"{MANY} streams", many, many_bare, FIRST_OF_MANY_LIMIT),
        _rate(f"{MANY} streams", many, many_bare, RATE_OF_MANY_LIMIT),
    ]


def _first(what: str, ours: list[Any], floor: list[Any], limit: float) -> Result:
    mine, bare_one = (statistics.median(each[0] for each in them) for them in (ours, floor))
    return Result(
        f"chat: {what}, time to first event / of a bare streaming view", mine / bare_one,
        limit=limit, note=f"{mine * 1000:.0f} ms against {bare_one * 1000:.1f}",
    )  # fmt: skip


def _rate(what: str, ours: list[Any], floor: list[Any], limit: float) -> Result:
    mine, bare_one = (sum(each[1] for each in them) for them in (ours, floor))
    return Result(
        f"chat: {what}, events per second / of a bare streaming view", mine / bare_one,
        limit=limit, at_least=True,
        note=f"{mine / len(ours):.1f} against {bare_one / len(floor):.1f} a stream",
    )  # fmt: skip


def _at_once(talk: Any, server: Server, keys: list[str]) -> list[tuple[float, float]]:
    gate = threading.Barrier(MANY)
    with ThreadPoolExecutor(MANY) as pool:
        jobs = [pool.submit(talk, server, keys[number % PEOPLE], gate) for number in range(MANY)]
        return [job.result() for job in jobs]


def _talk(server: Server, key: str, gate: threading.Barrier | None = None) -> tuple[float, float]:
    """Seconds to the first event, and chunks per second."""
    wire = Wire(server.url, key)
    stream_path = f"/threads/{wire.thread()}/runs/stream"
    if gate:
        gate.wait()
    sent = request_of(f"slow {WORDS}", stream_mode="messages-tuple")
    began = time.perf_counter()
    return _timed(began, wire.stream(stream_path, sent))


def _bare_talk(
    server: Server, key: str, gate: threading.Barrier | None = None
) -> tuple[float, float]:
    wire = Wire(server.url.removesuffix("/agent"), key)
    wire.send("GET", "/agent/ok")  # the connection is open in both
    if gate:
        gate.wait()
    began = time.perf_counter()
    with wire.send("GET", "/bare", stream=True) as answer:
        lines = answer.iter_lines(chunk_size=1)
        return _timed(began, ({"event": "messages"} for line in lines if line[:5] == b"data:"))


def _timed(began: float, events: Iterator[dict[str, Any]]) -> tuple[float, float]:
    """Seconds to the first event of any kind, and chunks per second from the first to the last."""
    first, chunks = 0.0, []
    for event in events:
        now = time.perf_counter()
        first = first or now - began
        if event["event"] == "messages":
            chunks.append(now)
    if len(chunks) != WORDS:
        raise RuntimeError(f"{len(chunks)} of {WORDS} chunks came.")
    return first, (WORDS - 1) / (chunks[-1] - chunks[0])


def _key(tenant: str, number: int) -> str:
    user = User.objects.create(username=f"person{number}", is_staff=True)
    Membership.objects.create(user=user, tenant_id=tenant, role="OWNER")
    found = Tenant.objects.get(pk=tenant)
    return api_tokens.create(
        found, user, name="bench", scopes=["read"], days=1, now=timezone.now()
    )[1]  # fmt: skip
