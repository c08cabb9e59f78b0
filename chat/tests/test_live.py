"""The published clients of the protocol against a real server, and what a killed server leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from langgraph_sdk import get_sync_client

from chat.tests.live_rig import Server, Wire, npm_home, serving
from chat.tests.rig import ALL_MODES, make_key, of_kind, request_of, text_of, wait_until

NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(committed_for_all) -> Iterator[Server]:
    with serving(committed_for_all.env, workers=2) as found:
        yield found


@pytest.fixture
def key(committed_for_all) -> str:
    return make_key(f"live{next(NUMBERS)}")


def human(text: str) -> dict[str, Any]:
    return {"messages": [{"type": "human", "content": text}]}


def decisions(*them: dict[str, Any]) -> dict[str, Any]:
    return {"resume": {"decisions": list(them)}}


@pytest.mark.slow
def test_the_python_client_holds_a_whole_conversation(server, key):
    client = get_sync_client(url=server.url, api_key=key)
    thread = client.threads.create()["thread_id"]

    def play(text: str | None = None, **more: Any) -> list[Any]:
        sent = {"stream_mode": ALL_MODES, "input": human(text) if text else None, **more}
        return list(client.runs.stream(thread, "selftest", **sent))

    def last(parts: list[Any], event: str) -> Any:
        return [part.data for part in parts if part.event == event][-1]

    echo = play("echo one two")
    assert last(echo, "values")["messages"][-1]["content"] == "one two"
    for mode in (*ALL_MODES, "messages"):
        assert play("slow 1", stream_mode=mode)
    tool = last(play("tool"), "values")["messages"]
    assert [each["type"] for each in tool[-4:]] == ["human", "ai", "tool", "ai"]

    asked = last(play("approve"), "values")["__interrupt__"][0]["value"]
    assert asked["action_requests"][0]["args"]["note"] == "warm"
    play(command=decisions({"type": "approve"}))
    assert "approve" in client.threads.get_state(thread)["values"]["messages"][-2]["content"]
    play("approve2")
    play(command=decisions({"type": "reject", "message": "no"}, {"type": "approve"}))
    history = client.threads.get_history(thread, limit=100)
    assert history[-1]["values"]["messages"] == []
    branch = play("echo branch", checkpoint=history[-1]["checkpoint"])
    assert len(last(branch, "values")["messages"]) == 2

    run = client.runs.create(thread, "selftest", input=human("slow 2000"))["run_id"]
    client.runs.cancel(thread, run, wait=True)
    assert client.runs.get(thread, run)["status"] == "interrupted"
    run = client.runs.create(thread, "selftest", input=human("slow 4"), stream_mode=ALL_MODES)
    parts = list(client.runs.join_stream(thread, run["run_id"], last_event_id="-1"))
    rest = list(client.runs.join_stream(thread, run["run_id"], last_event_id=parts[2].id))
    assert rest == parts[3:]
    assert client.runs.wait(thread, "selftest", input=human("echo x"))["messages"][-1]
    found = client.threads.search(metadata={"graph_id": "selftest"}, limit=100)
    assert thread in [each["thread_id"] for each in found]
    client.threads.delete(thread)


@pytest.mark.slow
def test_the_javascript_client_holds_a_whole_conversation(server, key):
    home = npm_home()
    script = Path(__file__).parent / "sdk_conversation.mjs"

    done = subprocess.run(
        ["node", str(script), str(home), server.url, key],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("assistants")[-1] == "selftest"
    assert "approve" in seen["two"][0]
    assert "not now" in seen.pop("two")[1]
    assert "hot" in seen.pop("edited")
    assert seen == {
        "echo": "one two three", "kinds": ["end", "messages", "metadata", "updates", "values"],
        "tool": ["human", "ai", "human", "ai", "tool", "ai"], "asked": "warm", "root": 0,
        "next": True, "branch": 2, "cancelled": "interrupted", "rejoined": True,
        "waited": "waited", "failed": "The self-test was asked to fail.", "found": True,
        "many": 20, "gone": 404,
    }  # fmt: skip


def test_twenty_streams_at_once_each_get_their_own(server, key):
    heard: dict[int, str] = {}

    def talk(number: int) -> None:
        wire = Wire(server.url, key)
        path = f"/threads/{wire.thread()}/runs/stream"
        heard[number] = text_of(list(wire.stream(path, request_of(f"echo I am {number} of 20"))))

    talkers = [threading.Thread(target=talk, args=(number,)) for number in range(20)]
    for each in talkers:
        each.start()
    for each in talkers:
        each.join(120)

    assert heard == {number: f"I am {number} of 20" for number in range(20)}


def test_chunks_arrive_as_they_are_made(server, key):
    wire = Wire(server.url, key)
    thread = wire.thread()
    events = wire.stream(f"/threads/{thread}/runs/stream", request_of("slow 2000"))
    run = next(events)["data"]["run_id"]

    while next(events)["event"] != "messages":
        pass

    assert wire.send("GET", f"/threads/{thread}/runs/{run}").json()["status"] == "running"
    wire.send("POST", f"/threads/{thread}/runs/{run}/cancel?wait=1")
    assert [each["event"] for each in events][-1] == "end"


def test_a_closed_connection_stops_a_run_that_asked_for_it(server, key):
    wire = Wire(server.url, key)
    thread = wire.thread()
    sent = request_of("quiet 100", on_disconnect="cancel")
    events = wire.stream(f"/threads/{thread}/runs/stream", sent)
    next(events)

    events.close()

    path = f"/threads/{thread}"
    wait_until(lambda: wire.send("GET", path).json()["status"] == "interrupted")


@pytest.mark.slow
def test_a_killed_server_takes_nothing_with_it_that_was_shown(committed_for_all, key):
    with serving(committed_for_all.env) as server:
        wire = Wire(server.url, key)
        thread = wire.thread()
        path = f"/threads/{thread}/runs/stream"
        list(wire.stream(path, request_of("echo before")))
        stream = wire.stream(path, request_of("slow 2000"))
        shown = [next(stream) for _ in range(8)]
        server.kill()
    run = shown[0]["data"]["run_id"]

    with serving(committed_for_all.env) as server:
        wire = Wire(server.url, key)
        at = f"/threads/{thread}/runs/{run}"
        wait_until(lambda: wire.send("GET", at).json()["status"] == "error")
        again = list(wire.stream(f"{at}/stream", headers={"Last-Event-ID": "-1"}))
        state = wire.send("GET", f"/threads/{thread}/state").json()
        found = wire.send("GET", f"/threads/{thread}").json()
        after = list(wire.stream(path, request_of("echo after")))

    assert again[: len(shown)] == shown
    assert [each["event"] for each in again][-2:] == ["error", "end"]
    assert "stopped in the middle" in of_kind(again, "error")[0]["message"]
    assert found["status"] == "error"
    assert state["values"]["messages"][-1]["content"].startswith(text_of(shown))
    assert text_of(after) == "after"


@pytest.mark.slow
def test_a_server_that_is_stopped_ends_its_runs_honestly(committed_for_all, key):
    with serving(committed_for_all.env) as server:
        wire = Wire(server.url, key)
        path = f"/threads/{wire.thread()}/runs/stream"
        short = wire.stream(path, request_of("slow 20"))
        long = Wire(server.url, key).stream(
            f"/threads/{wire.thread()}/runs/stream", request_of("slow 2000")
        )
        next(short), next(long)
        server.process.terminate()
        ended = list(short)
        cut = list(long)
        server.process.wait(60)

    assert ended[-1]["event"] == "end"
    assert of_kind(ended, "error") == []
    assert of_kind(cut, "error")[0]["error"] == "ServerStopped"


def snippets(language: str) -> list[str]:
    """Programs of the guide, as they are written there."""
    guide = (Path(settings.BASE_DIR) / "docs" / "chat.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", guide, re.DOTALL)


def ask_by(command: list[str], server: Server, key: str) -> str:
    env = {**os.environ, "URL": server.url.removesuffix("/agent"), "TOKEN": key}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=env
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_guides_python_works_as_written(server, key):
    (code,) = snippets("python")

    assert len(ask_by([sys.executable, "-c", code], server, key)) > 20


@pytest.mark.slow
def test_the_guides_javascript_works_as_written(server, key):
    (code,) = snippets("js")
    program = npm_home() / "guide.mjs"
    program.write_text(code)

    assert len(ask_by(["node", str(program)], server, key)) > 20
