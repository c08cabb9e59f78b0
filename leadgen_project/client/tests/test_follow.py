"""Following something by its stream, and by asking where there is none."""

from __future__ import annotations

import pytest

from leadgen_project.client.connection import Server
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.follow import PATIENCE, follow
from leadgen_project.client.tests.conftest import hang_up, reply
from leadgen_project.sandbox.loopback import Reply

RUNNING, DONE = {"status": "RUNNING", "done": 1}, {"status": "FINISHED", "done": 2}


def events(*lines: str) -> Reply:
    return Reply(200, "".join(f"{line}\n\n" for line in lines).encode(), "text/event-stream")


def run(made_up, signed_in, **how):
    server = Server(signed_in, sleep=lambda _seconds: None)
    return list(follow(server, "/api/runs/7", is_over=lambda run: run["status"] == "FINISHED",
                       sleep=lambda _seconds: None, **how))  # fmt: skip


def progress(text: str) -> str:
    return f"id: 1\nevent: progress\ndata: {text}"


def test_a_stream_is_followed_to_its_end(made_up, signed_in):
    made_up.says = [events("retry: 2000", progress('{"status": "RUNNING", "done": 1}'),
                           ": still here", progress('{"status": "FINISHED", "done": 2}'),
                           'event: end\ndata: {"status": "FINISHED", "done": 2}')]  # fmt: skip

    assert run(made_up, signed_in) == [RUNNING, DONE]
    assert [each.target for each in made_up.asked] == ["/api/runs/7/events"]


def test_a_stream_that_breaks_off_or_asks_to_is_taken_up_again(made_up, signed_in):
    made_up.says = [
        events(progress('{"status": "RUNNING", "done": 1}')),
        hang_up,
        events(progress('{"status": "RUNNING", "done": 1}'), "event: again\ndata: {}"),
        events('event: end\ndata: {"status": "FINISHED", "done": 2}'),
    ]

    assert run(made_up, signed_in) == [RUNNING, DONE]


@pytest.mark.parametrize("refusal", [reply(status=404), reply(status=405), reply(status=429),
                                     Reply(200, b"<html>")])  # fmt: skip
def test_where_there_is_no_stream_it_asks_again_and_sends_the_mark_back(
    made_up, signed_in, refusal
):
    made_up.says = [refusal, reply(RUNNING, ETag='W/"1"'), reply(status=304),
                    reply(status=503), reply(DONE)]  # fmt: skip

    assert run(made_up, signed_in) == [RUNNING, DONE]
    assert made_up.asked[2].headers["if-none-match"] == 'W/"1"'


def test_a_server_that_stays_away_ends_it(made_up, signed_in):
    made_up.says = [hang_up]

    with pytest.raises(ClientError) as caught:
        run(made_up, signed_in)

    assert caught.value.code == Exit.OUT_OF_REACH
    assert len(made_up.asked) == PATIENCE


def test_a_refusal_while_watching_ends_it_at_once(made_up, signed_in):
    made_up.says = [reply({"detail": "You are no member."}, status=403)]

    with pytest.raises(ClientError, match="no member"):
        run(made_up, signed_in)
    assert len(made_up.asked) == 1
