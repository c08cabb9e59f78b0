"""A server that answers as told, a sign-in at it, and the program called with words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from leadgen_project.client import profiles
from leadgen_project.client.app import main
from leadgen_project.client.profiles import Profile
from leadgen_project.sandbox.loopback import LoopbackServer, Reply, Request

TOKEN = "lg_0123abcd_never-shown-to-anybody"


def hang_up(_connection: Any) -> None:
    """An answer that is none: the connection is closed."""


def reply(body: Any = None, *, status: int = 200, **headers: str) -> Reply:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    kind = "application/problem+json" if status >= 400 else "application/json"
    return Reply(status, json.dumps(body or {}).encode(), kind, named)


@dataclass
class MadeUp:
    """``says``: answers in order, the last one again and again; ``asked``: what was asked."""

    says: list[Any] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    url: str = ""

    def answer(self, request: Request) -> Any:
        self.asked.append(request)
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    @property
    def keys(self) -> set[str]:
        return {each.headers.get("idempotency-key", "") for each in self.asked}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """No test reads or writes the developer's own sign-ins, or waits."""
    monkeypatch.setenv("LEADGEN_CLIENT_DIR", str(tmp_path / "client"))
    for name in ("LEADGEN_TOKEN", "LEADGEN_SERVER", "LEADGEN_PROFILE", "LEADGEN_TENANT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return tmp_path / "client"


@pytest.fixture
def made_up() -> Iterator[MadeUp]:
    server = MadeUp()
    with LoopbackServer(server.answer) as running:
        server.url = running.url
        yield server


@pytest.fixture
def signed_in(made_up) -> Profile:
    profile = Profile(server=made_up.url, token=TOKEN, tenant="acme", user="mei")
    profiles.save(profiles.load().with_current(profile))
    return profile


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def leadgen(capsys) -> Callable[..., Done]:
    """Call the program with these words; no token may be in what it writes."""

    def call(*words: str) -> Done:
        code = main(list(words))
        written = capsys.readouterr()
        assert TOKEN not in written.out + written.err
        return Done(code, written.out, written.err)

    return call
