"""A vendor that answers what a test wrote down, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from leadgen_project.sandbox.loopback import LoopbackServer, Reply


@contextmanager
def scripted(
    status: int, body: Any, *, headers: tuple[tuple[str, str], ...] = (), kind: str = ""
) -> Iterator[str]:
    """The address of a server that gives this answer to everything. Text is sent as it is."""
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    reply = Reply(status, raw, kind or "application/json", headers)
    with LoopbackServer(lambda _request: reply) as server:
        yield server.url
