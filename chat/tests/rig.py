"""A chat client for tests in the process: threads, runs, and streams read to their end."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.test import Client
from django.utils import timezone

from tenants.context import in_public
from tenants.models import Membership, Tenant, User
from tenants.roles import scopes_of_role
from tenants.sign_in import api_tokens

ALL_MODES = ["values", "messages-tuple", "updates", "custom"]


def make_key(
    name: str = "chatter", *, tenant: str = "acme", role: str = "OWNER",
    scopes: list[str] | None = None,
) -> str:  # fmt: skip
    """The text of an API token of a member, who is made if need be."""
    with in_public():
        user, _ = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        Membership.objects.get_or_create(user=user, tenant_id=tenant, defaults={"role": role})
        wanted = sorted(scopes_of_role(role)) if scopes is None else scopes
        found = Tenant.objects.get(pk=tenant)
        _, text = api_tokens.create(
            found, user, name="chat", scopes=wanted, days=1, now=timezone.now()
        )
    return text


def read_events(lines: Iterator[bytes] | Iterator[str]) -> Iterator[dict[str, Any]]:
    """Events of a stream; comments as the event ``:``."""
    event: dict[str, Any] = {}
    for raw in lines:
        line = raw.decode() if isinstance(raw, bytes) else raw
        if line.startswith(":"):
            yield {"event": ":"}
        elif line:
            name, _, value = line.partition(": ")
            assert name not in event, f"{name} twice in one frame"
            event[name] = json.loads(value) if name == "data" else value
        elif event:
            yield event
            event = {}


class Chat:
    """One person's client. ``answer`` is the last response."""

    def __init__(self, key: str, **headers: str) -> None:
        self.client = Client(headers={"X-Api-Key": key, **headers} if key else headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        call = getattr(self.client, method)
        if body is None:
            self.answer = call(f"/agent{path}", headers=headers)
        else:
            sent = body if isinstance(body, str | bytes) else json.dumps(body)
            kind = headers.pop("Content-Type", "application/json")
            self.answer = call(f"/agent{path}", sent, content_type=kind, headers=headers)
        return self.answer

    def get(self, path: str, **headers: str) -> Any:
        return self.send("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("post", path, {} if body is None else body, **headers)

    def thread(self, **body: Any) -> str:
        return self.post("/threads", body).json()["thread_id"]

    def start(self, thread: str, text: str | None = None, **body: Any) -> Any:
        """The response of a stream, unread."""
        return self.post(f"/threads/{thread}/runs/stream", request_of(text, **body))

    def say(self, thread: str, text: str | None = None, **body: Any) -> list[dict[str, Any]]:
        """All events of a run, read to its end."""
        answer = self.start(thread, text, **body)
        assert answer.status_code == 200, answer.content
        return events_of(answer)

    def background(self, thread: str, text: str | None = None, **body: Any) -> str:
        """Start a run nobody listens to; its id."""
        return self.post(f"/threads/{thread}/runs", request_of(text, **body)).json()["run_id"]

    def history(self, thread: str, **body: Any) -> list[dict[str, Any]]:
        return self.post(f"/threads/{thread}/history", body).json()

    def status(self, thread: str) -> str:
        return self.get(f"/threads/{thread}").json()["status"]


def request_of(text: str | None = None, **body: Any) -> dict[str, Any]:
    sent = {"assistant_id": "selftest", "stream_mode": ALL_MODES, **body}
    if text is not None:
        sent["input"] = {"messages": [{"id": str(uuid.uuid4()), "type": "human", "content": text}]}
    return sent


def events_of(answer: Any) -> list[dict[str, Any]]:
    text = b"".join(answer.streaming_content).decode()
    return list(read_events(iter(text.split("\n"))))


def of_kind(events: list[dict[str, Any]], kind: str) -> list[Any]:
    return [each["data"] for each in events if each["event"] == kind]


def text_of(events: list[dict[str, Any]]) -> str:
    """What the chunks of the assistant say, put together."""
    chunks = [data[0] for data in of_kind(events, "messages")]
    return "".join(each["content"] for each in chunks if each["type"] == "AIMessageChunk")


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.02)
