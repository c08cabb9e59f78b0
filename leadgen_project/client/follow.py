"""Follow something at the server: by its stream of events, or else by asking again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from leadgen_project.client.connection import Server
from leadgen_project.client.failures import LostError

EVERY_SECONDS = 2.0
PATIENCE = 30  # questions in a row without an answer, so about a minute and a half
Status = dict[str, Any]


class Unstreamed(Exception):  # noqa: N818 -- no error: asking again does as well
    """The server sends no events for this."""


def follow(
    server: Server,
    path: str,
    *,
    is_over: Callable[[Status], bool],
    stream: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Status]:
    """Each new status of ``path`` until ``is_over``; the last one always comes.

    A lost connection is taken up again; after ``PATIENCE`` tries ``ClientError`` rises.
    """
    last, lost = None, 0
    while True:
        try:
            for status in _statuses(server, path, stream=stream, sleep=sleep):
                lost = 0
                if status != last:
                    yield status
                last = status
                if is_over(status):
                    return
            sleep(1.0)  # streams are closed now and then; never ask in a tight circle
        except Unstreamed:
            stream = False
        except LostError:
            lost += 1
            if lost >= PATIENCE:
                raise
            sleep(EVERY_SECONDS)


def _statuses(
    server: Server, path: str, *, stream: bool, sleep: Callable[[float], None]
) -> Iterator[Status]:
    if stream:
        yield from _events(server, path)
        return
    etag = ""
    while True:
        status, etag = server.get_if_changed(path, etag=etag)
        if status is not None:
            yield status
        sleep(EVERY_SECONDS)


def _events(server: Server, path: str) -> Iterator[Status]:
    """Statuses of one connection's events; ends when the server closes it."""
    with server.open(f"{path}/events", headers={"Accept": "text/event-stream"}) as answer:
        kind = answer.headers.get("Content-Type", "")
        if answer.status_code in (404, 405, 406, 429, 501) or (
            answer.ok and not kind.startswith("text/event-stream")
        ):
            raise Unstreamed
        server.check(answer)
        event, data = "", ""
        for line in _lines(answer):
            if line.startswith("event:"):
                event = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                data += line.removeprefix("data:").strip()
            elif not line:
                if event in ("progress", "end") and data not in ("", "{}"):
                    yield json.loads(data)
                elif event == "end":  # gone, or no longer ours: asking says which
                    yield server.get(path)
                event, data = "", ""


def _lines(answer: Any) -> Iterator[str]:
    try:
        for line in answer.iter_lines(chunk_size=None):
            yield line.decode("utf-8", "replace")
    except requests.RequestException:
        raise LostError("The connection was lost.") from None
