"""A real web server for chat tests: gunicorn as in production, with the scripted assistant."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings
from filelock import FileLock

from chat.tests.rig import read_events

NPM_SDK = "@langchain/langgraph-sdk@1.15.0"
START_SECONDS = 120


class Server:
    """One gunicorn over a committed test database. ``url``: the chat API below its ``root``."""

    def __init__(self, env: dict[str, str], *, workers: int = 1, **more: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        options = ["-c", "leadgen_project/gunicorn_conf.py", "-w", str(workers)]
        command = [sys.executable, "-m", "gunicorn", *options, "-b", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, start_new_session=True,
            env={**env, "CHAT_SELFTEST": "on", "LEADGEN_PROCESS": "web", "LOG_LEVEL": "WARNING",
                 "ALLOWED_HOSTS": "127.0.0.1", "API_CALLS_PER_MINUTE": "100000", **more},
        )  # fmt: skip
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/agent"
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at:
            assert self.process.poll() is None, "the server ended"
            try:
                if requests.get(f"{self.url}/ok", timeout=60).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise AssertionError("The server did not come up.")

    def kill(self) -> None:
        """As a machine does that loses its power: all processes at once, without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@contextmanager
def serving(env: dict[str, str], **options: Any) -> Iterator[Server]:
    server = Server(env, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


class Wire:
    """One person's client on the wire."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.session = url, requests.Session()
        self.session.trust_env = False
        self.session.headers["X-Api-Key"] = key

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = self.session.request(method, f"{self.url}{path}", timeout=120, **more)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer

    def post(self, path: str, body: Any, **more: Any) -> requests.Response:
        return self.send("POST", path, json=body, **more)

    def thread(self) -> str:
        return self.post("/threads", {}).json()["thread_id"]

    def stream(self, path: str, body: Any = None, **more: Any) -> Iterator[dict[str, Any]]:
        method = "GET" if body is None else "POST"
        with self.send(method, path, json=body, stream=True, **more) as answer:
            yield from read_events(answer.iter_lines(chunk_size=1))


def npm_home() -> Path:
    """The folder with the JavaScript client, installed once per machine; skips in plain words."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not here; install Node.js 20 or newer to test the JavaScript client.")
    home = Path(settings.DATA_DIR) / "npm" / NPM_SDK.replace("/", "-").lstrip("@")
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(str(home / ".lock")):
        if not (home / "installed").exists():
            (home / "package.json").write_text('{"private": true}')
            options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            command = ["npm", "install", *options, NPM_SDK]
            done = subprocess.run(command, cwd=home, capture_output=True, check=False, timeout=300)
            if done.returncode:
                pytest.skip("npm could not install the JavaScript client here.")
            (home / "installed").touch()
    return home
